import CLibSSH
import Glibc

/// A client of the SSH server: the library's, with calls that wait, on threads of their own.
///
/// Unchecked: the library's objects are for one thread at a time, and a test makes one call after the other.
final class SSHClient: @unchecked Sendable {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// What came of a command.
  struct Result: Sendable {
    var code: Int32
    var output: String
    var errors: String
  }

  private let session: ssh_session
  private var channel: ssh_channel?
  /// What the shell wrote and was not looked at.
  private var shown: [UInt8] = []

  /// Connects, without a login.
  static func connect(_ port: UInt16) async throws -> SSHClient { try await offThread { try SSHClient(port) } }

  private init(_ port: UInt16) throws {
    guard let session = ssh_new() else { throw Failure(description: "no session") }
    self.session = session
    var number = UInt32(port)
    // The least verbose; and none of the files of whoever runs the tests.
    var no = false
    var limit = 60
    ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no)
    ssh_options_set(session, SSH_OPTIONS_HOST, "127.0.0.1")
    ssh_options_set(session, SSH_OPTIONS_PORT, &number)
    ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &limit)
    ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null")
    ssh_options_set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null")
    guard ssh_connect(session) == SSH_OK else {
      let text = error
      ssh_free(session)
      throw Failure(description: text)
    }
  }

  deinit {
    // Whoever drops it does not wait for the server.
    ssh_set_blocking(session, 0)
    if let channel { ssh_channel_free(channel) }
    ssh_disconnect(session)
    ssh_free(session)
  }

  private var error: String { String(cString: ssh_get_error(UnsafeMutableRawPointer(session))) }

  // MARK: Logging in

  /// Whether it was accepted.
  /// - Throws: when the connection has ended.
  func logIn(_ user: String, password: String) async throws -> Bool {
    try await offThread { [self] in try outcome(ssh_userauth_password(session, user, password)) }
  }

  func logIn(_ user: String, keyFile: String) async throws -> Bool {
    try await offThread { [self] in
      var key: ssh_key?
      guard ssh_pki_import_privkey_file(keyFile, "", nil, nil, &key) == SSH_OK, let key else {
        throw Failure(description: "\(keyFile) is no key")
      }
      defer { ssh_key_free(key) }
      // With its answer has come what the server said before: which signatures of RSA it takes.
      _ = ssh_userauth_none(session, user)
      return try outcome(ssh_userauth_publickey(session, user, key))
    }
  }

  private func outcome(_ result: Int32) throws -> Bool {
    switch result {
    case SSH_AUTH_SUCCESS.rawValue: return true
    case SSH_AUTH_DENIED.rawValue: return false
    default: throw Failure(description: error)
    }
  }

  /// What the server shows before a login.
  func banner() async throws -> String {
    try await offThread { [self] in
      _ = ssh_userauth_none(session, "nobody")
      guard let text = ssh_get_issue_banner(session) else { return "" }
      defer { ssh_string_free_char(text) }
      return String(cString: text)
    }
  }

  // MARK: Channels

  private func open() throws -> ssh_channel {
    guard let channel = ssh_channel_new(session) else { throw Failure(description: error) }
    guard ssh_channel_open_session(channel) == SSH_OK else {
      ssh_channel_free(channel)
      throw Failure(description: error)
    }
    return channel
  }

  /// Has a command carried out, or a script by a shell, to its end.
  func run(_ command: String?, input: String = "") async throws -> Result {
    try await offThread { [self] in
      let channel = try open()
      defer { ssh_channel_free(channel) }
      let begun = command.map { ssh_channel_request_exec(channel, $0) } ?? ssh_channel_request_shell(channel)
      guard begun == SSH_OK else { throw Failure(description: error) }
      let bytes = Array(input.utf8)
      if !bytes.isEmpty, ssh_channel_write(channel, bytes, UInt32(bytes.count)) != bytes.count {
        throw Failure(description: error)
      }
      ssh_channel_send_eof(channel)
      let output = try all(channel, 0)
      let errors = try all(channel, 1)
      return Result(code: ssh_channel_get_exit_status(channel), output: output, errors: errors)
    }
  }

  private func all(_ channel: ssh_channel, _ stream: Int32) throws -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = ssh_channel_read_timeout(channel, &buffer, UInt32(buffer.count), stream, 60_000)
      guard count >= 0 else { throw Failure(description: "nothing more comes: \(error)") }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<Int(count)]
    }
  }

  /// Begins a shell, with a terminal of 80 columns and 24 lines.
  func openShell() async throws {
    try await offThread { [self] in
      let channel = try open()
      self.channel = channel
      guard ssh_channel_request_pty_size(channel, "xterm", 80, 24) == SSH_OK, ssh_channel_request_shell(channel) == SSH_OK
      else {
        throw Failure(description: error)
      }
    }
  }

  func resize(_ width: Int32, _ height: Int32) async throws {
    try await offThread { [self] in
      guard let channel, ssh_channel_change_pty_size(channel, width, height) == SSH_OK else {
        throw Failure(description: error)
      }
    }
  }

  /// Has a subsystem begin.
  /// - Returns: whether it does.
  func begin(subsystem: String) async throws -> Bool {
    try await offThread { [self] in
      let channel = try open()
      defer { ssh_channel_free(channel) }
      return ssh_channel_request_subsystem(channel, subsystem) == SSH_OK
    }
  }

  /// Sends text to a subsystem, without an end of input.
  /// - Returns: what comes until the subsystem ends.
  func converse(subsystem: String, _ text: String) async throws -> String {
    try await offThread { [self] in
      let channel = try open()
      defer { ssh_channel_free(channel) }
      let bytes = Array(text.utf8)
      guard ssh_channel_request_subsystem(channel, subsystem) == SSH_OK,
        ssh_channel_write(channel, bytes, UInt32(bytes.count)) == bytes.count
      else { throw Failure(description: error) }
      return try all(channel, 0)
    }
  }

  func type(_ text: String) async throws {
    try await offThread { [self] in
      let bytes = Array(text.utf8)
      guard let channel, ssh_channel_write(channel, bytes, UInt32(bytes.count)) == bytes.count else {
        throw Failure(description: error)
      }
    }
  }

  /// Waits until the shell shows a text.
  /// - Returns: what came, the text included.
  @discardableResult
  func wait(for text: String) async throws -> String {
    try await offThread { [self] in
      while true {
        let all = String(decoding: shown, as: UTF8.self)
        if let found = all.firstRange(of: text) {
          shown = Array(all[found.upperBound...].utf8)
          return String(all[..<found.upperBound])
        }
        let more = try next()
        guard !more.isEmpty else { throw Failure(description: "the shell ended without \(text):\n\(all)") }
        shown += more
      }
    }
  }

  /// Waits until the shell has ended.
  /// - Returns: its exit status, and what it said last.
  func end() async throws -> (code: Int32, text: String) {
    try await offThread { [self] in
      while case let more = try next(), !more.isEmpty { shown += more }
      return (channel.map { ssh_channel_get_exit_status($0) } ?? -1, String(decoding: shown, as: UTF8.self))
    }
  }

  /// Waits until the server closes the connection.
  func closed() async throws {
    try await offThread { [self] in
      var entry = pollfd(fd: ssh_get_fd(session), events: Int16(POLLIN), revents: 0)
      var byte: [UInt8] = [0]
      while true {
        guard poll(&entry, 1, 60_000) == 1 else { throw Failure(description: "the connection does not end") }
        if recv(entry.fd, &byte, 1, 0) <= 0 { return }
      }
    }
  }

  /// The client is gone, without a word.
  func die() { shutdown(ssh_get_fd(session), Int32(SHUT_RDWR)) }

  private func next() throws -> [UInt8] {
    guard let channel else { throw Failure(description: "there is no shell") }
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    let count = ssh_channel_read_timeout(channel, &buffer, UInt32(buffer.count), 0, 60_000)
    guard count > 0 || ssh_channel_is_eof(channel) != 0 || ssh_is_connected(session) == 0 else {
      throw Failure(description: "nothing within the time limit: \(error)")
    }
    return Array(buffer[..<Int(max(0, count))])
  }

  /// Makes a pair of keys: a private one in a file, and the public one beside it (`.pub`).
  static func makeKey(_ path: String, _ type: ssh_keytypes_e = SSH_KEYTYPE_ED25519, bits: Int32 = 0) throws {
    var key: ssh_key?
    guard ssh_pki_generate(type, bits, &key) == SSH_OK, let key else { throw Failure(description: "no key is made") }
    defer { ssh_key_free(key) }
    guard ssh_pki_export_privkey_file(key, nil, nil, nil, path) == SSH_OK, chmod(path, 0o600) == 0,
      ssh_pki_export_pubkey_file(key, path + ".pub") == SSH_OK
    else { throw Failure(description: "\(path) cannot be written") }
  }
}
