public import ExternalTerm
public import NIOCore
public import NSOModel
import NSOTerms

/// The term of an event: `{kind, id, text, [choice], echo}`. Private to this daemon and its clients.
extension TerminalEvent {
  /// - Throws: when the term is no event.
  public init(_ term: EncodedTerm) throws(TermError) {
    guard case .tuple(let parts) = try term.term(), parts.count == 5, case .integer(let kind) = parts[0],
      case .integer(let id) = parts[1], case .binary(let bytes) = parts[2], case .list(let list) = parts[3]
    else { throw TermError(.expected("a terminal event"), at: 0) }
    let text = String(decoding: bytes, as: UTF8.self)
    let echo = parts[4] == .bool(true)
    switch kind {
    case 1: self = .write(text)
    case 2: self = .message(text)
    case 3: self = .priority(text)
    case 4:
      let choices = list.compactMap { if case .binary(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil } }
      self = .prompt(id: id, text: text, choices: choices, echo: echo)
    case 5: self = .read(id: id, echo: echo)
    case 6: self = .cancelled(id: id)
    case 7: self = .output(text, isPaged: echo)
    case 8: self = .ready(status: id, prompt: text)
    case 9: self = .end(code: id, text: text)
    case 10: self = .writeFile(path: text, isAppended: echo)
    case 11: self = .fileData(text)
    case 12: self = .endFile(id: id)
    case 13: self = .readFile(id: id, path: text)
    default: throw TermError(.expected("the kind of a terminal event"), at: 0)
    }
  }

  public func write(into buffer: inout ByteBuffer) {
    let parts: (kind: Int, id: Int64, text: String, choices: [String], echo: Bool) =
      switch self {
      case .write(let text): (1, 0, text, [], true)
      case .message(let text): (2, 0, text, [], true)
      case .priority(let text): (3, 0, text, [], true)
      case .prompt(let id, let text, let choices, let echo): (4, id, text, choices, echo)
      case .read(let id, let echo): (5, id, "", [], echo)
      case .cancelled(let id): (6, id, "", [], true)
      case .output(let text, let isPaged): (7, 0, text, [], isPaged)
      case .ready(let status, let prompt): (8, status, prompt, [], true)
      case .end(let code, let text): (9, code, text, [], true)
      case .writeFile(let path, let isAppended): (10, 0, path, [], isAppended)
      case .fileData(let text): (11, 0, text, [], true)
      case .endFile(let id): (12, id, "", [], true)
      case .readFile(let id, let path): (13, id, path, [], true)
      }
    buffer.writeTermTuple(arity: 5)
    buffer.writeTermInteger(parts.kind)
    buffer.writeTermInteger(parts.id)
    buffer.writeTermBinary(parts.text)
    buffer.writeTermTexts(parts.choices)
    buffer.writeTermBool(parts.echo)
  }
}
