import NSOWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file with the shared secret of the access check (protocol part 01, section 3; part 08, section 7.2).
enum SecretFile {
  /// A secret file that must not be used. The text names the file, what was found and what is wanted.
  struct Fault: Error, Hashable, CustomStringConvertible {
    var reason: String
    var remedy: String

    var description: String { "\(reason); \(remedy)" }
  }

  /// The secret's bytes: the file's content up to the first NUL, nothing trimmed.
  ///
  /// The file must be a regular file that the daemon can read and that others can neither read nor write. The group may
  /// read: that is how allowed clients get the secret.
  static func read(_ path: String) throws(Fault) -> [UInt8] {
    // Opened first and looked at then, so that what is checked is what is read.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let reason = errno
      throw Fault(
        reason: "the secret file \(path) cannot be read: \(String(cString: strerror(reason)))",
        remedy: reason == ENOENT
          ? "write a secret into it and give it mode 0400 or 0440" : "make it readable for the user that runs the daemon")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Fault(reason: "the secret file \(path) is not a regular file", remedy: "name a file that holds the secret")
    }
    let mode = UInt32(status.st_mode) & 0o7777
    let forbidden: UInt32 = 0o026
    guard mode & forbidden == 0 else {
      throw Fault(
        reason: "the secret file \(path) has mode 0\(String(mode, radix: 8)), which lets others \(rights(mode & forbidden))",
        remedy:
          "give it mode 0400, or 0440 where a group of clients may read it: chmod 0\(String(mode & ~forbidden & 0o777, radix: 8)) \(path)"
      )
    }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = bytes.withUnsafeMutableBytes { buffer in
      var count = 0
      while count < buffer.count {
        let more = readBytes(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        if more < 0, errno == EINTR { continue }
        if more <= 0 { return more < 0 ? more : count }
        count += more
      }
      return count
    }
    guard count >= 0 else {
      throw Fault(
        reason: "the secret file \(path) cannot be read: \(String(cString: strerror(errno)))", remedy: "check the file system")
    }
    let secret = Array(bytes[..<count].prefix { $0 != 0 })
    do throws(AccessSecret.Failure) {
      _ = try AccessSecret(fileContent: secret)
    } catch {
      throw Fault(reason: "the secret file \(path) cannot be used", remedy: "\(error)")
    }
    return secret
  }

  private static func rights(_ bits: UInt32) -> String {
    var words: [String] = []
    if bits & 0o004 != 0 { words.append("everybody read") }
    if bits & 0o002 != 0 { words.append("everybody write") }
    if bits & 0o020 != 0 { words.append("its group write") }
    return words.joined(separator: ", ")
  }
}

/// read(2), whose name `SecretFile.read` hides.
private func readBytes(_ descriptor: Int32, _ into: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(descriptor, into, count)
}
