import CLibSSH

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A private key of the server, as its file has it. Each connection gets its own copy: the library's objects are for one thread.
public struct HostKey: Hashable, Sendable {
  /// `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`.
  public let type: String
  let text: String

  /// The files that are looked for.
  private static let names = ["ssh_host_ed25519_key", "ssh_host_ecdsa_key", "ssh_host_rsa_key"]
  private static let sizeLimit = 64 << 10

  /// The keys in a directory.
  /// - Returns: those that can be used, and what is wrong with others.
  public static func load(from directory: String) -> (keys: [HostKey], faults: [String]) {
    var keys: [HostKey] = []
    var faults: [String] = []
    for name in names {
      let path = directory + "/" + name
      switch read(path) {
      case .none: continue
      case .failure(let fault)?: faults.append("\(path): \(fault.text)")
      case .success(let text)?:
        if let type = type(of: text) {
          keys.append(HostKey(type: type, text: text))
        } else {
          faults.append("\(path): this is no private key without passphrase; make one with ssh-keygen -N '' -f \(path)")
        }
      }
    }
    if keys.isEmpty, faults.isEmpty {
      faults.append(
        "\(directory) has no host key: make one with ssh-keygen -q -t ed25519 -N '' -f \(directory)/ssh_host_ed25519_key")
    }
    return (keys, faults)
  }

  private struct Fault: Error {
    var text: String
  }

  /// Nil where there is no such file.
  private static func read(_ path: String) -> Result<String, Fault>? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      return errno == ENOENT || errno == ENOTDIR ? nil : .failure(Fault(text: systemText(errno)))
    }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      return .failure(Fault(text: "this is no file"))
    }
    guard facts.st_mode & 0o077 == 0 else {
      return .failure(Fault(text: "others than its owner may use this private key, so it is not used: chmod 600 \(path)"))
    }
    guard let bytes = contents(of: descriptor, limit: sizeLimit) else {
      return .failure(Fault(text: "the file cannot be read, or is too large for a key"))
    }
    return .success(String(decoding: bytes, as: UTF8.self))
  }

  /// The type of the key that a text is; nil: it is none.
  private static func type(of text: String) -> String? {
    guard let key = makeKey(text) else { return nil }
    defer { ssh_key_free(key) }
    return ssh_key_type_to_char(ssh_key_type(key)).map { String(cString: $0) }
  }

  private static func makeKey(_ text: String) -> ssh_key? {
    var key: ssh_key?
    // An empty passphrase, so that nobody is asked for one.
    guard ssh_pki_import_privkey_base64(text, "", nil, nil, &key) == SSH_OK else { return nil }
    return key
  }

  /// A key of the library, which the caller frees.
  func key() -> ssh_key? { Self.makeKey(text) }
}

/// What the system says of an error number.
func systemText(_ number: Int32) -> String { String(cString: strerror(number)) }

/// All of a file; nil when it cannot be read or has more bytes than that.
func contents(of descriptor: Int32, limit: Int) -> [UInt8]? {
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 16 << 10)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0, errno == EINTR { continue }
    guard count >= 0, bytes.count + count <= limit else { return nil }
    if count == 0 { return bytes }
    bytes += buffer[..<count]
  }
}
