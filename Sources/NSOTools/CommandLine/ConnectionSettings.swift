import NSOWire

/// Where the daemon is and in whose name to speak, as options of the tools say it (protocol part 08, sections 1 and 4).
struct ConnectionSettings: Hashable, Sendable {
  var address: String?
  var port: Int?
  var socketPath: String?
  var accessFile: String?
  var user: String?
  var groups: [String] = []
  var context: String?
  /// How often `-d` was given.
  var debug = 0

  static func addressOptions<Settings>(
    at path: any WritableKeyPath<Settings, ConnectionSettings> & Sendable, letters: Bool
  ) -> Options<Settings>.Group {
    .init(
      title: "Daemon",
      options: [
        .value(letters ? "a" : nil, "address", "ADDR", "TCP address of the daemon (NCS_IPC_ADDR, default 127.0.0.1)") {
          $0[keyPath: path].address = $1
        },
        .value(letters ? "p" : nil, "port", "PORT", "TCP port of the daemon (NCS_IPC_PORT, default 4569)") {
          settings, value throws(UsageError) in
          guard let port = IPCEnvironment.port(value) else { throw UsageError("\"\(value)\" is not a port number: 1 to 65535") }
          settings[keyPath: path].port = port
        },
        .value(nil, "socket-path", "PATH", "Unix socket of the daemon (NCS_IPC_PATH); wins over address and port") {
          $0[keyPath: path].socketPath = $1
        },
        .value(nil, "access-file", "FILE", "file with the shared secret (NCS_IPC_ACCESS_FILE)") {
          $0[keyPath: path].accessFile = $1
        },
      ])
  }

  static func sessionOptions<Settings>(
    at path: any WritableKeyPath<Settings, ConnectionSettings> & Sendable, contextLetter: Character
  ) -> Options<Settings>.Group {
    .init(
      title: "Session",
      options: [
        .value("u", nil, "USER", "user of the session (default: system, without authorization)") {
          $0[keyPath: path].user = $1
        },
        .value("g", nil, "GROUP", "a group of the user; may be repeated (default: the group named like the user)") {
          $0[keyPath: path].groups.append($1)
        },
        .value(contextLetter, nil, "CONTEXT", "context of the session (default: system)") {
          $0[keyPath: path].context = $1
        },
        .flag("d", nil, "tell on standard error what happens; twice tells more") { $0[keyPath: path].debug += 1 },
      ])
  }

  static let environmentHelp = """
    Environment: NCS_IPC_PATH, NCS_IPC_ADDR, NCS_IPC_PORT, NCS_IPC_ACCESS_FILE.
    Exit code: 0 done, 1 failed, 2 the command line cannot be understood.
    """
}
