import NSOModel

/// What the command line of `ncs_cmd` asks for (protocol part 08, section 4).
struct CommandSettings: Hashable, Sendable {
  var connection = ConnectionSettings()
  /// The datastore of CDB sessions and MAAPI transactions.
  var database = DatabaseName.running
  var lockFlags: Set<Character> = []
  var isSilent = false
  var loadsSchema = true
  /// Text of `-c`; several are joined like lines.
  var script: String?
  var operands: [String] = []
  var wantsHelp = false
}

extension CommandSettings {
  static let options = Options<CommandSettings>(
    program: "ncs_cmd",
    summary: "Runs small commands on the daemon: reads and writes data, controls transactions, sessions and start phases.",
    synopsis: [
      "[options] [FILE]",
      "[options] -c 'COMMANDS'",
      "-h [commands | COMMAND]",
    ],
    groups: [
      .init(
        title: "Commands",
        options: [
          .value("c", nil, "COMMANDS", "the commands; without it they are read from FILE or standard input") {
            $0.script = [$0.script, $1].compactMap(\.self).joined(separator: "\n")
          },
          .flag("s", nil, "silent: do not print results") { $0.isSilent = true },
          .flag("m", nil, "do not load the schema: paths and values are sent as text") { $0.loadsSchema = false },
        ]),
      .init(
        title: "Datastore",
        options: [
          .flag("r", nil, "running (default)") { $0.database = .running },
          .flag("o", nil, "operational") { $0.database = .operational },
          .flag("S", nil, "startup") { $0.database = .startup },
          .flag("e", nil, "candidate") { $0.database = .candidate },
          .value("f", nil, "FLAGS", "lock flags of CDB sessions: w wait, p partial, r request, s session") {
            settings, value throws(UsageError) in
            if let other = value.first(where: { !"wprs".contains($0) }) {
              throw UsageError("-f \(value): \(other) is not a flag; w wait, p partial, r request, s session")
            }
            settings.lockFlags.formUnion(value)
          },
        ]),
      ConnectionSettings.sessionOptions(at: \.connection, contextLetter: "x"),
      ConnectionSettings.addressOptions(at: \.connection, letters: true),
      .init(
        title: "Help",
        options: [
          .flag("h", "help", "this text; `-h commands` lists the commands, `-h COMMAND` explains one") { $0.wantsHelp = true }
        ]),
    ],
    notes: """
      Commands are separated by ; or newlines, # starts a comment. Sessions and transactions are opened when first needed; at the
      end an open read-write transaction is committed. The first command that fails ends the run.

      \(ConnectionSettings.environmentHelp)
      """)

  /// Reads a command line.
  init(arguments: some Sequence<String>) throws(UsageError) {
    self.init()
    operands = try Self.options.parse(arguments, into: &self)
    guard !wantsHelp else { return }
    if script != nil, let extra = operands.first { throw UsageError("\(extra) is too much: the commands come from -c") }
    if operands.count > 1 { throw UsageError("one FILE at most, not \(operands.count)") }
  }
}
