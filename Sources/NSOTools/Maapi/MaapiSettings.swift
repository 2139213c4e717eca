/// What the command line of `ncs-maapi` asks for (protocol part 08, section 6).
struct MaapiSettings: Hashable, Sendable {
  enum Operation: String, Hashable, Sendable {
    case get, set, keys, exists, delete, create, insert, revert
    case message = "msg"
    case priorityMessage = "priomsg"
    case systemMessage = "sysmsg"
    case cliGet = "cliget"
    case cliSet = "cliset"
    case commandOfPath = "cmd-path"
    case commandsOfChanges = "cmd-diff"
    case changes = "keypath-diff"
    case pathOfCommand = "cmd2path"
    case command = "clicmd"
  }

  var connection = ConnectionSettings()
  var operations: [Operation] = []
  var operands: [String] = []
  var wantsHelp = false

  var operation: Operation { operations.first ?? .get }
}

extension MaapiSettings {
  private static func flag(_ short: Character, _ operation: Operation, _ help: String) -> Options<MaapiSettings>.Option {
    .flag(short, operation.rawValue, help) { $0.operations.append(operation) }
  }

  static let options = Options<MaapiSettings>(
    program: "ncs-maapi",
    summary: "For programs that the daemon's CLI or an action has started: works in the session and transaction of the caller.",
    synopsis: ["OPERATION [WORD...]"],
    groups: [
      .init(
        title: "Data",
        options: [
          flag("g", .get, "PATH...: print values"),
          flag("s", .set, "PATH VALUE ...: set leafs"),
          flag("k", .keys, "PATH...: print the entries of lists"),
          flag("e", .exists, "PATH...: exit code 0 if all exist, else 1"),
          flag("d", .delete, "PATH...: delete"),
          flag("c", .create, "PATH...: create"),
          flag("i", .insert, "PATH...: insert into lists with an indexed view"),
          flag("z", .revert, "drop all changes of the transaction"),
          flag("q", .changes, "PATH: one line for each change below PATH: kind, colon, path"),
        ]),
      .init(
        title: "Messages",
        options: [
          flag("m", .message, "TO MESSAGE SENDER: a message to a user, a session id, or all"),
          flag("Q", .priorityMessage, "TO MESSAGE: a message that is shown at once"),
          flag("M", .systemMessage, "TO MESSAGE: a message without decoration"),
        ]),
      .init(
        title: "CLI sessions",
        options: [
          flag("G", .cliGet, "PARAM...: read parameters of the CLI session"),
          flag("S", .cliSet, "PARAM VALUE ...: set them"),
          flag("E", .commandOfPath, "PATH...: the command for a path"),
          flag("L", .commandsOfChanges, "PATH...: the commands from running to the current state"),
          flag("T", .pathOfCommand, "COMMAND...: namespace and path of a command"),
          flag("C", .command, "COMMAND: run a command in the CLI session"),
        ]
          + [
            "is-delete", "is-deleta", "emit-parents", "non-recursive", "get-io", "no-hidden", "no-error", "no-aaa",
            "keep-pipe-flags", "no-fullpath",
          ].map { name in
            .flag(nil, name, "see the operations above") { _ in }
          } + [.value(nil, "unhide", "GROUP", "with -C: unhide a group") { _, _ in }]),
      ConnectionSettings.addressOptions(at: \.connection, letters: false),
      .init(title: "Help", options: [.flag("h", "help", "show this text") { $0.wantsHelp = true }]),
    ],
    notes: """
      Environment: NCS_MAAPI_USID (session), NCS_MAAPI_THANDLE (transaction), NCS_MAAPI_DEBUG (tells on standard error what happens),
      NCS_IPC_PATH, NCS_IPC_ADDR, NCS_IPC_PORT, NCS_IPC_ACCESS_FILE.
      Exit code: 0 done, 1 failed, 2 the command line cannot be understood.
      """)

  /// Reads a command line.
  init(arguments: some Sequence<String>) throws(UsageError) {
    self.init()
    operands = try Self.options.parse(arguments, into: &self)
    guard !wantsHelp else { return }
    guard operations.count == 1 else {
      let given = operations.map { "--" + $0.rawValue }.joined(separator: " ")
      throw UsageError(
        operations.isEmpty ? "an operation is missing; --help lists them" : "one operation, not several: \(given)")
    }
    let fits: Bool
    switch operation {
    case .revert: fits = operands.isEmpty
    case .set, .cliSet: fits = !operands.isEmpty && operands.count.isMultiple(of: 2)
    case .message: fits = operands.count == 3
    case .priorityMessage, .systemMessage: fits = operands.count == 2
    case .changes: fits = operands.count <= 1
    default: fits = !operands.isEmpty
    }
    guard fits else {
      throw UsageError("--\(operation.rawValue): \(operands.count) words do not fit; --help shows what it takes")
    }
  }
}
