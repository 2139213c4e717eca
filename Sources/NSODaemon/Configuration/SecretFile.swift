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

  /// Others read; the group or others write.
  private static let forbidden: UInt32 = 0o026

  /// The secret: the file's content up to the first NUL, nothing trimmed.
  ///
  /// The file must be a regular file that the daemon can read and that others can neither read nor write. The group may
  /// read: that is how allowed clients get the secret.
  static func read(_ path: String) throws(Fault) -> AccessSecret {
    guard !path.isEmpty else {
      throw Fault(reason: "the name of the secret file is empty", remedy: "name the file that holds the secret")
    }
    do throws(AccessSecret.FileFailure) {
      return try AccessSecret(file: path, forbidding: forbidden)
    } catch {
      throw fault(path, error)
    }
  }

  private static func fault(_ path: String, _ failure: AccessSecret.FileFailure) -> Fault {
    switch failure {
    case .unreadable(ENOENT):
      Fault(
        reason: "the secret file \(path) does not exist",
        remedy: "write a secret into it and give it mode 0400, or 0440 or 040 for a group of clients")
    case .unreadable(let number):
      Fault(
        reason:
          "the secret file \(path) cannot be read by uid \(geteuid()), which runs the daemon: \(String(cString: strerror(number)))",
        remedy: "let it be owned by that user with mode 0400, or readable for a group of that user with mode 040 or 0440")
    case .directory, .notRegular:
      Fault(reason: "the secret file \(path) is not a regular file", remedy: "name a file that holds the secret")
    case .mode(let mode, let bits):
      Fault(
        reason: "the secret file \(path) has mode 0\(String(mode, radix: 8)), which lets \(who(bits))",
        remedy:
          "give it mode 0400, or 0440 where a group of clients may read it: chmod 0\(String(mode & ~forbidden & 0o777, radix: 8)) \(path)"
      )
    case .content(let failure): Fault(reason: "the secret file \(path) cannot be used", remedy: "\(failure)")
    }
  }

  private static func who(_ bits: UInt32) -> String {
    var words: [String] = []
    if bits & 0o004 != 0 { words.append("everybody read it") }
    if bits & 0o002 != 0 { words.append("everybody write it") }
    if bits & 0o020 != 0 { words.append("its group write it") }
    return words.joined(separator: " and ")
  }
}
