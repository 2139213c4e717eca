public import ExternalTerm
public import NIOCore
import NSOModel
public import NSOTerms

/// Requests about CLI sessions (protocol part 04, section 4.10 and appendix; those from 930 on are ours, part 08, section 3.1).
public enum CLIRequest: Hashable, Sendable {
  /// Runs a command in a CLI session; the flags of part 04, section 7.6.
  case command(UserSessionID, String, flags: Int64, hiddenGroups: [String])
  case get(UserSessionID, String)
  case set(UserSessionID, String, String)
  /// A command's path; in the context of running, or in a transaction.
  case path(String, inTransaction: Bool)
  /// The command for a path.
  case commandOfPath(flags: Int64, WireKeypath)
  case accounting(user: String, UserSessionID, String)

  // MARK: Ours: the program in front of a CLI session

  case open(CLIOpen)
  case execute(String)
  /// What may stand at the end of a line; the character is tab, space or `?`.
  case complete(String, character: Int32)
  case interrupt

  public var operation: MAAPIOperation {
    switch self {
    case .command: .cliCmd
    case .get: .cliGet
    case .set: .cliSet
    case .path(_, let inTransaction): inTransaction ? .cliCmdToPath2 : .cliCmdToPath
    case .commandOfPath: .cliPathCmd
    case .accounting: .cliAccounting
    case .open: .cliOpen
    case .execute: .cliExecute
    case .complete: .cliComplete
    case .interrupt: .cliInterrupt
    }
  }
}

/// What a program that shows the CLI says of itself.
public struct CLIOpen: Hashable, Sendable {
  public var style: String
  public var host: String
  public var isInteractive: Bool
  public var width: Int
  public var height: Int
  public var withoutAuthorization: Bool
  public var opaque: String

  public init(
    style: String = "", host: String = "", isInteractive: Bool = false, width: Int = 80, height: Int = 24,
    withoutAuthorization: Bool = false, opaque: String = ""
  ) {
    self.style = style
    self.host = host
    self.isInteractive = isInteractive
    self.width = width
    self.height = height
    self.withoutAuthorization = withoutAuthorization
    self.opaque = opaque
  }
}

extension CLIRequest {
  /// Nil: another kind of operation.
  init?(_ operation: MAAPIOperation, _ reader: inout ArgumentReader) throws(TermError) {
    switch operation {
    case .cliCmd:
      try reader.tuple(4)
      let session: UserSessionID = try reader.integer()
      let text = try reader.text()
      let flags: Int64 = try reader.integer()
      self = .command(session, text, flags: flags, hiddenGroups: try reader.texts())
    case .cliGet:
      try reader.tuple(2)
      let session: UserSessionID = try reader.integer()
      self = .get(session, try reader.text())
    case .cliSet:
      try reader.tuple(3)
      let session: UserSessionID = try reader.integer()
      let name = try reader.text()
      self = .set(session, name, try reader.text())
    case .cliCmdToPath, .cliCmdToPath2: self = .path(try reader.text(), inTransaction: operation == .cliCmdToPath2)
    case .cliPathCmd:
      try reader.tuple(2)
      let flags: Int64 = try reader.integer()
      self = .commandOfPath(flags: flags, try reader.path())
    case .cliAccounting:
      try reader.tuple(3)
      let user = try reader.text()
      let session: UserSessionID = try reader.integer()
      self = .accounting(user: user, session, try reader.text())
    case .cliOpen:
      try reader.tuple(7)
      let style = try reader.text()
      let host = try reader.text()
      let isInteractive = try reader.bool()
      let width: Int = try reader.integer()
      let height: Int = try reader.integer()
      let withoutAuthorization = try reader.bool()
      self = .open(
        CLIOpen(
          style: style, host: host, isInteractive: isInteractive, width: width, height: height,
          withoutAuthorization: withoutAuthorization, opaque: try reader.text()))
    case .cliExecute: self = .execute(try reader.text())
    case .cliComplete:
      try reader.tuple(2)
      let line = try reader.text()
      self = .complete(line, character: try reader.integer())
    default: return nil
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .command(let session, let text, let flags, let groups):
      buffer.writeTermTuple(arity: 4)
      buffer.writeTermInteger(session)
      buffer.writeTermBinary(text)
      buffer.writeTermInteger(flags)
      buffer.writeTermTexts(groups)
    case .get(let session, let name):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermInteger(session)
      buffer.writeTermBinary(name)
    case .set(let session, let name, let value):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermInteger(session)
      buffer.writeTermBinary(name)
      buffer.writeTermBinary(value)
    case .path(let line, _), .execute(let line): buffer.writeTermBinary(line)
    case .commandOfPath(let flags, let path):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermInteger(flags)
      buffer.writeTerm(path)
    case .accounting(let user, let session, let command):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermBinary(user)
      buffer.writeTermInteger(session)
      buffer.writeTermBinary(command)
    case .open(let open):
      buffer.writeTermTuple(arity: 7)
      buffer.writeTermBinary(open.style)
      buffer.writeTermBinary(open.host)
      buffer.writeTermBool(open.isInteractive)
      buffer.writeTermInteger(open.width)
      buffer.writeTermInteger(open.height)
      buffer.writeTermBool(open.withoutAuthorization)
      buffer.writeTermBinary(open.opaque)
    case .complete(let line, let character):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermBinary(line)
      buffer.writeTermInteger(character)
    case .interrupt: break
    }
  }
}

/// The answer to CLI_COMPLETE: `{int start, bin replacement, bool unique, bin text}`.
public struct CLICompletion: Hashable, Sendable {
  /// Where the word that is completed begins, in bytes of the line.
  public var start: Int
  public var replacement: String
  public var isUnique: Bool
  /// All that fits, as it is shown.
  public var text: String

  public init(start: Int, replacement: String, isUnique: Bool, text: String) {
    self.start = start
    self.replacement = replacement
    self.isUnique = isUnique
    self.text = text
  }

  /// - Throws: when the term is no such answer.
  public init(_ term: EncodedTerm) throws(TermError) {
    guard case .tuple(let parts) = try term.term(), parts.count == 4, case .integer(let start) = parts[0],
      case .binary(let replacement) = parts[1], case .binary(let text) = parts[3]
    else { throw TermError(.expected("a completion"), at: 0) }
    self.init(
      start: Int(clamping: start), replacement: String(decoding: replacement, as: UTF8.self),
      isUnique: parts[2] == .bool(true), text: String(decoding: text, as: UTF8.self))
  }

  public func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 4)
    buffer.writeTermInteger(start)
    buffer.writeTermBinary(replacement)
    buffer.writeTermBool(isUnique)
    buffer.writeTermBinary(text)
  }
}
