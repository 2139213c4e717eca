#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension AccessSecret {
  /// Why a file gives no secret.
  public enum FileFailure: Error, Hashable, CustomStringConvertible {
    /// The operating system's error number.
    case unreadable(Int32)
    case directory
    case notRegular
    /// The file's mode, and those of its bits that were not to be there.
    case mode(UInt32, forbidden: UInt32)
    case content(Failure)

    public var description: String {
      switch self {
      case .unreadable(let number):
        "it cannot be read: \(String(cString: strerror(number)))"
          + (number == EACCES ? "; uid \(geteuid()) or one of its groups must be allowed to" : "")
      case .directory: "it is a directory; name the file with the secret"
      case .notRegular: "it is not a regular file; name a file that holds the secret"
      case .mode(let mode, let forbidden):
        "it has mode 0\(String(mode, radix: 8)), of which 0\(String(forbidden, radix: 8)) must not be set"
      case .content(let failure): failure.description
      }
    }
  }

  /// Reads the secret from its file (protocol part 01, section 3).
  /// - Parameter forbidden: permission bits that the file must not have.
  public init(file: String, forbidding forbidden: UInt32 = 0) throws(FileFailure) {
    // Opened first and looked at then, so that what is checked is what is read. A pipe that nobody writes to holds nobody up.
    let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .unreadable(errno) }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw .unreadable(errno) }
    guard facts.st_mode & S_IFMT != S_IFDIR else { throw .directory }
    guard facts.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
    let mode = UInt32(facts.st_mode) & 0o7777
    guard mode & forbidden == 0 else { throw .mode(mode, forbidden: mode & forbidden) }
    // More than any secret may have, so that one that is too long is noticed.
    var bytes = [UInt8](repeating: 0, count: 4096)
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count) }
      if more < 0, errno == EINTR { continue }
      guard more >= 0 else { throw .unreadable(errno) }
      if more == 0 { break }
      count += more
    }
    do throws(Failure) {
      try self.init(fileContent: bytes.prefix(count))
    } catch {
      throw .content(error)
    }
  }
}
