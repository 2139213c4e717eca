import NSOWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads the file with the shared secret (protocol part 01, section 3).
enum SecretFile {
  enum Failure: Error, CustomStringConvertible {
    case unreadable(String)
    case content(AccessSecret.Failure)

    var description: String {
      switch self {
      case .unreadable(let reason): "cannot be read: \(reason)"
      case .content(let failure): failure.description
      }
    }
  }

  static func read(_ path: String) throws(Failure) -> AccessSecret {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(ConnectionError.text(errno)) }
    defer { close(descriptor) }
    // More than any secret may have, so that one that is too long is noticed.
    var bytes = [UInt8](repeating: 0, count: 4096)
    var count = 0
    while count < bytes.count {
      let read = bytes.withUnsafeMutableBytes { buffer in
        #if canImport(Glibc)
          Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        #elseif canImport(Musl)
          Musl.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        #else
          Darwin.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        #endif
      }
      if read < 0, errno == EINTR { continue }
      guard read >= 0 else { throw .unreadable(ConnectionError.text(errno)) }
      if read == 0 { break }
      count += read
    }
    do throws(AccessSecret.Failure) {
      return try AccessSecret(fileContent: bytes.prefix(count))
    } catch {
      throw .content(error)
    }
  }
}
