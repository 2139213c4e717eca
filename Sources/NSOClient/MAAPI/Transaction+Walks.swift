import NIOCore
public import NSOModel
public import NSOWire

/// A node that an iteration or an XPath expression found.
public struct DataNode: Hashable, Sendable {
  public var path: Keypath
  /// Nil for nodes without value.
  public var value: Value?
  /// Nil unless they were asked for.
  public var attributes: [Attribute]?

  public init(path: Keypath, value: Value? = nil, attributes: [Attribute]? = nil) {
    self.path = path
    self.value = value
    self.attributes = attributes
  }
}

extension Transaction {
  /// Goes through all data below a place in tree order (protocol part 04, section 5.2). `body` decides whether to go on below a node; it
  /// must not use the connection.
  public func iterate(
    below path: some PathConvertible, flags: IterationFlags = [], _ body: (DataNode) throws -> IterationAnswer
  ) async throws {
    try await maapi.iterate(.iterate(flags, path.wirePath), handle) { item in
      guard case .node(let path, let value, let attributes) = item else { return nil }
      return try body(DataNode(path: path, value: value, attributes: attributes))
    }
  }

  /// The nodes that an XPath expression selects (protocol part 04, section 5.3).
  ///
  /// - Parameters:
  ///   - context: where the expression begins.
  ///   - variables: names with the XPath that gives their values.
  /// - Throws: `xpath` when the expression is wrong.
  public func nodes(
    selectedBy expression: String, from context: some PathConvertible = Keypath.root,
    variables: [XPathEvaluation.Variable] = []
  ) async throws -> [DataNode] {
    var nodes: [DataNode] = []
    _ = try await evaluate(.xpathEval(XPathEvaluation(expression, context: context.wirePath, variables: variables))) {
      nodes.append($0)
    }
    return nodes
  }

  /// The result of an XPath expression as text (protocol part 04, section 5.3).
  public func text(
    of expression: String, from context: some PathConvertible = Keypath.root, variables: [XPathEvaluation.Variable] = []
  ) async throws -> String {
    try await evaluate(.xpathEvalExpr(XPathEvaluation(expression, context: context.wirePath, variables: variables))) { _ in }
  }

  private func evaluate(_ request: MAAPIRequest, _ found: (DataNode) -> Void) async throws -> String {
    let outcome: Result<String, any Error> = try await maapi.connection.withExchange { exchange in
      var frame = ByteBuffer()
      frame.writeFrame { MAAPICall(request, handle: handle).write(into: &$0) }
      try await exchange.send(frame)
      guard let first = try await exchange.next() else { throw maapi.connection.closedByDaemon }
      if case .failure(_, let error) = try ReplyFrame(first) { return .failure(error) }
      while let frame = try await exchange.next() {
        switch try XPathItem(frame) {
        case .trace: continue
        case .end: return .success("")
        case .result(let text): return .success(text)
        case .failure(let reason): return .failure(NSOError(.xpath, reason))
        case .node(let path, let value):
          found(DataNode(path: path, value: value))
          var answer = ByteBuffer()
          answer.writeFrame { IterationAnswer.continue.write(into: &$0) }
          try await exchange.send(answer)
        }
      }
      throw maapi.connection.closedByDaemon
    }
    return try outcome.get()
  }
}
