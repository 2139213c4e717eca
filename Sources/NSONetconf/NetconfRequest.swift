import NSODocument

/// An `rpc` of a client: what it asks for, without the content of `config`, which is read where it is loaded.
struct NetconfRequest: Sendable {
  /// The element `rpc`.
  var rpc: DocumentElement
  var operation: DocumentTree?
  /// The message, for what was left out.
  var bytes: [UInt8]

  /// What a client's message says.
  enum Reading: Sendable {
    case rpc(NetconfRequest)
    /// The capabilities of its hello.
    case hello([String])
    /// The error to tell, with the attributes of `rpc` as far as they were read.
    case faulty(RPCError, DocumentElement?)
  }

  /// In how much of a message `config` may stand.
  private static let configDepth = 3...4

  /// Directly in the operation also without a namespace, as many clients send it.
  private static func isConfig(_ element: DocumentElement, _ depth: Int) -> Bool {
    configDepth.contains(depth) && NetconfNames.isBase(element.name, "config")
      || depth == configDepth.lowerBound && element.name == DocumentName("config", in: .none)
  }

  static func read(_ bytes: [UInt8]) -> Reading {
    let parser = XMLDocumentParser()
    var builder = DocumentTreeBuilder()
    var root: DocumentElement?
    var depth = 0
    var config: Int?
    var second: DocumentName?
    do {
      let handler: (DocumentEvent) throws -> Void = { event in
        switch event {
        case .start(let element):
          depth += 1
          if depth == 1 {
            root = element
          } else if config == nil {
            if depth == 2, builder.root != nil { second = second ?? element.name }
            guard isConfig(element, depth) else { return try builder.handle(event, at: parser.position) }
            var element = element
            element.name = DocumentName("config", in: .namespace(NetconfNames.base))
            try builder.handle(.start(element), at: parser.position)
            config = depth
          }
        case .end:
          if let open = config {
            if depth == open {
              config = nil
              try builder.handle(event, at: parser.position)
            }
          } else if depth > 1 {
            try builder.handle(event, at: parser.position)
          }
          depth -= 1
        default: if config == nil, depth > 1 { try builder.handle(event, at: parser.position) }
        }
      }
      try parser.feed(bytes, handler)
      try parser.finish(handler)
    } catch let error as DocumentError where error.code == .tooLarge {
      return .faulty(RPCError(.rpc, "too-big", "\(error)"), root)
    } catch {
      return .faulty(RPCError(.rpc, "malformed-message", "\(error)"), root)
    }
    guard let root else { return .faulty(RPCError(.rpc, "malformed-message", "the message is empty"), nil) }
    if NetconfNames.isBase(root.name, "hello") {
      guard builder.root?.name == DocumentName("capabilities", in: .namespace(NetconfNames.base)), second == nil else {
        return .faulty(RPCError(.protocol, "bad-element", "a client's hello has capabilities, and nothing else"), nil)
      }
      return .hello(builder.root?.children.map(\.trimmedText) ?? [])
    }
    guard NetconfNames.isBase(root.name, "rpc") else {
      return .faulty(
        RPCError(
          .rpc, "unknown-element", "\(root.name): a message is an rpc in the namespace \(NetconfNames.base)",
          info: [("bad-element", root.name.local)]), nil)
    }
    guard root.attribute("message-id") != nil else {
      return .faulty(
        RPCError(
          .rpc, "missing-attribute", "the rpc has no message-id",
          info: [("bad-attribute", "message-id"), ("bad-element", "rpc")]), root)
    }
    if let second {
      return .faulty(
        RPCError(
          .rpc, "unknown-element", "an rpc has one operation: \(second) is too much", info: [("bad-element", second.local)]),
        root)
    }
    return .rpc(NetconfRequest(rpc: root, operation: builder.root, bytes: bytes))
  }

  /// Reads the message again, for what stands in its element `config`.
  func forEachConfigEvent(_ body: (DocumentEvent) throws -> Void) throws {
    let parser = XMLDocumentParser()
    var depth = 0
    var config: Int?
    try parser.feed(bytes) { event in
      switch event {
      case .start(let element):
        depth += 1
        if config != nil {
          try body(event)
        } else if Self.isConfig(element, depth) {
          config = depth
        }
      case .end:
        if config == depth { config = nil } else if config != nil { try body(event) }
        depth -= 1
      default: if let open = config { try Self.pass(event, isTop: depth == open, body) }
      }
    }
  }

  private static func pass(_ event: DocumentEvent, isTop: Bool, _ body: (DocumentEvent) throws -> Void) throws {
    if isTop, case .scalar(let scalar) = event, scalar.isXMLWhitespace { return }
    try body(event)
  }
}
