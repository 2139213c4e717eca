import NSOModel
import NSOWire

/// What the command line of `ncs_cli` asks for (protocol part 08, section 3).
struct CLIToolSettings: Hashable, Sendable {
  var connection = ConnectionSettings()
  var host: String?
  var directory: String?
  var proto: String?
  var source: String?
  var isVerbose = false
  /// Nil: if standard input is a terminal.
  var isInteractive: Bool?
  var stopsOnError = false
  /// Typed three times in a row it ends the program.
  var escapeCharacter: UInt8 = 0x1F
  var style = ""
  var groups: String?
  var uid: UInt32?
  var gid: UInt32?
  var gids: [UInt32]?
  var withoutAuthorization = false
  var opaque: String?
  var operands: [String] = []
  var wantsHelp = false
}

extension CLIToolSettings {
  static let options = Options<CLIToolSettings>(
    program: "ncs_cli", summary: "The command line interface of the daemon.", synopsis: ["[FILE]"],
    groups: [
      .init(
        title: "Session",
        options: [
          .value("u", "user", "NAME", "user of the session (default: your login name)") { $0.connection.user = $1 },
          .value("g", "groups", "LIST", "groups of the user, separated by commas (default: your groups)") { $0.groups = $1 },
          .flag("J", nil, "Juniper-like style (the only one there is)") { $0.style = "j" },
          .flag("C", nil, "Cisco-like style (not supported)") { $0.style = "c" },
          .value("H", "host", "NAME", "name of the host in prompts") { $0.host = $1 },
          .value("p", "proto", "PROTO", "ssh, tcp or console, for the audit log (SSH_CONNECTION)") {
            settings, value throws(UsageError) in
            guard ["ssh", "tcp", "console"].contains(value) else {
              throw UsageError("--proto is ssh, tcp or console, not \(value)")
            }
            settings.proto = value
          },
          .value("i", "ip", "ADDR[/PORT]", "where the user is, for the audit log (SSH_CONNECTION)") { $0.source = $1 },
          .flag("a", "noaaa", "without access rules, for who may switch them off: root, and the daemon's user") {
            $0.withoutAuthorization = true
          },
          .value("O", "opaque", "TEXT", "text for applications (NCS_CLI_OPAQUE)") { $0.opaque = $1 },
          .value("U", "uid", "N", "read and write files as this user") { settings, value throws(UsageError) in
            settings.uid = try number(value, "uid")
          },
          .value("G", "gid", "N", "read and write files with this group") { settings, value throws(UsageError) in
            settings.gid = try number(value, "gid")
          },
          .value("D", "gids", "LIST", "and with these, separated by commas") { settings, value throws(UsageError) in
            var gids: [UInt32] = []
            for part in value.split(separator: ",") { gids.append(try number(String(part), "gids")) }
            settings.gids = gids
          },
        ]),
      .init(
        title: "Commands",
        options: [
          .flag("n", "interactive", "show prompts and commands, and ask, also without a terminal") { $0.isInteractive = true },
          .flag("N", "noninteractive", "show the output of commands only; questions take their default") {
            $0.isInteractive = false
          },
          .flag("s", "stop-on-error", "end at the first command that fails, with exit code 8") { $0.stopsOnError = true },
          .value("c", "cwd", "DIR", "where names of files begin") { $0.directory = $1 },
          .value("E", "escape-char", "C", "typed three times in a row it ends the program (default ctrl-_)") {
            settings, value throws(UsageError) in
            guard let byte = value.utf8.first, value.utf8.count == 1 else { throw UsageError("--escape-char is one character") }
            settings.escapeCharacter = byte
          },
          .flag("v", "verbose", "tell on standard error what happens") { $0.isVerbose = true },
        ]),
      .init(
        title: "Daemon",
        options: [
          .value("A", "address", "ADDR", "TCP address of the daemon (NCS_IPC_ADDR, default 127.0.0.1)") {
            $0.connection.address = $1
          },
          .value("P", "port", "PORT", "TCP port of the daemon (NCS_IPC_PORT, default 4569)") {
            settings, value throws(UsageError) in
            guard let port = IPCEnvironment.port(value) else {
              throw UsageError("\"\(value)\" is not a port number: 1 to 65535")
            }
            settings.connection.port = port
          },
          .value("S", "socket-path", "PATH", "Unix socket of the daemon (NCS_IPC_PATH); wins over address and port") {
            $0.connection.socketPath = $1
          },
          .value(nil, "access-file", "FILE", "file with the shared secret (NCS_IPC_ACCESS_FILE)") {
            $0.connection.accessFile = $1
          },
        ]),
      .init(title: "Help", options: [.flag("h", "help", "show this text") { $0.wantsHelp = true }]),
    ],
    notes: """
      Commands come from FILE, or from standard input.
      Environment: NCS_IPC_PATH, NCS_IPC_ADDR, NCS_IPC_PORT, NCS_IPC_ACCESS_FILE, NCS_CLI_OPAQUE, SSH_CONNECTION, TERM.
      Exit code: 0 normal, 1 the session cannot begin, 2 it was ended from elsewhere, 3 idle for too long, 6 the escape character,
      7 the daemon has gone, 8 a command failed (-s).
      """)

  private static func number(_ text: String, _ name: String) throws(UsageError) -> UInt32 {
    guard let number = UInt32(text) else { throw UsageError("--\(name): \"\(text)\" is no number") }
    return number
  }

  /// Reads a command line.
  init(arguments: some Sequence<String>) throws(UsageError) {
    self.init()
    operands = try Self.options.parse(arguments, into: &self)
    guard operands.count <= 1 || wantsHelp else {
      throw UsageError("one FILE with commands, not \(operands.count); --help shows what there is")
    }
  }
}
