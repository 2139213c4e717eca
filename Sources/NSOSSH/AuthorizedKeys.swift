#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The public keys that a user may log in with (protocol part 08, section 8.3): `authorized_keys` of a directory, else
/// `authorized_keys2`. Read anew for each login.
struct AuthorizedKeys {
  /// Why a key is not among them, for the log.
  struct Refusal: Error, CustomStringConvertible {
    var description: String
  }

  private static let sizeLimit = 1 << 20

  let directory: String
  /// Who may own the files besides root and the daemon's own user.
  var owner: uid_t?

  /// - Parameters:
  ///   - type: `ssh-ed25519`, and so on.
  ///   - key: in base64, as the file has it.
  func check(_ type: String, _ key: String) throws(Refusal) {
    for name in ["authorized_keys", "authorized_keys2"] {
      guard let text = try contents(of: directory + "/" + name) else { continue }
      return try check(type, key, in: text, directory + "/" + name)
    }
    throw Refusal(description: "there is no \(directory)/authorized_keys")
  }

  private func check(_ type: String, _ key: String, in text: String, _ path: String) throws(Refusal) {
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      if words.count >= 2, words[0] == type, words[1] == key { return }
      // What options ask for (from=, command=, ...) is not done here; without it the key would give more than it is meant to.
      if words.contains(where: { $0 == key }) {
        throw Refusal(description: "the key in \(path) has options, which are not supported: leave only type and key")
      }
    }
    throw Refusal(description: "the key is not in \(path)")
  }

  /// Nil where there is no such file.
  private func contents(of path: String) throws(Refusal) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw Refusal(description: "\(path): \(systemText(errno))")
    }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      throw Refusal(description: "\(path) is no file")
    }
    guard facts.st_mode & 0o022 == 0, [0, geteuid(), owner ?? 0].contains(facts.st_uid) else {
      throw Refusal(description: "\(path) can be changed by others, or is somebody else's: chmod go-w, and chown")
    }
    guard let bytes = NSOSSH.contents(of: descriptor, limit: Self.sizeLimit) else {
      throw Refusal(description: "\(path) cannot be read, or has more than 1 MiB")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// A user of the operating system.
struct SystemUser {
  var uid: uid_t
  var home: String

  /// Nil: there is none of that name. May ask a directory service: not for an event loop.
  init?(_ name: String) {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 64 << 10)
    let problem = getpwnam_r(name, &entry, &buffer, buffer.count, &found)
    guard problem == 0, found != nil, let home = entry.pw_dir else { return nil }
    uid = entry.pw_uid
    self.home = String(cString: home)
  }
}
