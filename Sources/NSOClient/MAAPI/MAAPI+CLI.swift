import ExternalTerm
import NSOModel
public import NSOWire

// CLI sessions (protocol part 04, section 4.10).
extension MAAPI {
  /// Runs a command in a CLI session; its output goes to its terminal.
  /// - Throws: `cliCommand` when it fails, `noExists` when the session is none of the CLI.
  public func runCommand(_ command: String, inCLI session: UserSessionID) async throws {
    try await done(.cli(.command(session, command, flags: 0, hiddenGroups: [])))
  }

  /// A parameter of a CLI session, such as `screen-width` or `paginate`.
  public func parameter(_ name: String, ofCLI session: UserSessionID) async throws -> String {
    try await text(.cli(.get(session, name)))
  }

  public func setParameter(_ name: String, to value: String, ofCLI session: UserSessionID) async throws {
    try await done(.cli(.set(session, name, value)))
  }

  /// The path that a command of the CLI is about, as text.
  public func path(ofCommand line: String) async throws -> String {
    guard case .term(let term) = try await reply(to: .cli(.path(line, inTransaction: false))),
      case .tuple(let parts) = try term.term(), parts.count == 2, case .binary(let bytes) = parts[1]
    else { throw ReplyMismatch() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Writes a line about a command to the audit log.
  public func account(for command: String, of user: String, session: UserSessionID = 0) async throws {
    try await done(.cli(.accounting(user: user, session, command)))
  }

  // MARK: The program in front of a CLI session; understood by this project's daemon only

  /// Begins the CLI of the session of this connection, whose terminal is another one; see ``openTerminal()``.
  package func openCLI(_ open: CLIOpen) async throws { try await done(.cli(.open(open))) }

  /// Begins to carry out a line: output and end come at the terminal.
  package func execute(_ line: String) async throws { try await done(.cli(.execute(line))) }

  /// Ends the command that is being carried out.
  package func interrupt() async throws { try await done(.cli(.interrupt)) }

  /// What may stand at the end of a line.
  package func complete(_ line: String, character: Int32) async throws -> CLICompletion {
    guard case .term(let term) = try await reply(to: .cli(.complete(line, character: character))) else { throw ReplyMismatch() }
    return try CLICompletion(term)
  }
}

extension Transaction {
  /// The command of the CLI that sets what is at a path, or deletes it.
  public func command(for path: some PathConvertible, isDelete: Bool = false) async throws -> String {
    try await text(.cli(.commandOfPath(flags: isDelete ? 2 : 0, path.wirePath)))
  }
}
