import NSODocument

/// An event with the place it was reported at.
struct Placed: Hashable {
  var event: DocumentEvent
  var position: DocumentPosition
}

/// What a parser makes of a document that is fed in pieces of the given sizes (the last one takes the rest).
func events(_ parser: some DocumentParser, _ bytes: [UInt8], pieces: [Int] = []) -> (events: [Placed], error: DocumentError?) {
  var events: [Placed] = []
  let handler = { (event: DocumentEvent) in events.append(Placed(event: event, position: parser.position)) }
  do {
    var rest = bytes[...]
    for size in pieces {
      try parser.feed(Array(rest.prefix(size)), handler)
      rest = rest.dropFirst(size)
    }
    try parser.feed(Array(rest), handler)
    try parser.finish(handler)
    return (events, nil)
  } catch let error as DocumentError {
    return (events, error)
  } catch {
    preconditionFailure("only document errors come from a handler that does not throw: \(error)")
  }
}

/// A short notation for events: `<name`, `>` (end), `[name`, `]`, and scalars as written.
func brief(_ events: [Placed]) -> [String] {
  events.map { placed in
    switch placed.event {
    case .start(let element):
      "<\(element.name)" + element.attributes.map { " \($0.name)=\($0.value.lexical)" }.joined()
    case .end: ">"
    case .arrayStart(let name): "[\(name)"
    case .arrayEnd: "]"
    case .scalar(.text(let text)): "'\(text)'"
    case .scalar(.string(let text)): "\"\(text)\""
    case .scalar(.number(let digits)): digits
    case .scalar(.boolean(let flag)): "\(flag)"
    case .scalar(.null): "null"
    case .scalar(.words(let words)): "\(words)"
    case .metadata(let target, let list): "@\(target) " + list.map { "\($0.name)=\($0.value.lexical)" }.joined(separator: " ")
    }
  }
}

func xml(_ text: String, framing: XMLDocumentParser.Framing = .document, limits: DocumentLimits = DocumentLimits())
  -> (events: [Placed], error: DocumentError?)
{
  events(XMLDocumentParser(framing: framing, limits: limits), Array(text.utf8))
}

func json(_ text: String, limits: DocumentLimits = DocumentLimits()) -> (events: [Placed], error: DocumentError?) {
  events(JSONDocumentParser(limits: limits), Array(text.utf8))
}
