public import NSOModel
import NSOWire

// Actions and rpcs (protocol part 04, section 4.9).
extension MAAPI {
  /// Invokes an action or rpc in the session of this connection; returns when it is done.
  ///
  /// - Parameters:
  ///   - path: the whole path, the name of the action at its end. Its first element says its namespace.
  ///   - parameters: the input in schema order.
  /// - Returns: the output.
  /// - Throws: `external` with the words of the callback when it failed.
  public func requestAction(_ path: Keypath, _ parameters: [TaggedValue] = []) async throws -> [TaggedValue] {
    let namespace: String = if case .tag(let tag)? = path.elements.first { tag.namespace ?? "" } else { "" }
    return try await tagged(.requestAction(RequestAction(parameters, path.wirePath, namespace: namespace)))
  }
}

extension Transaction {
  /// Invokes an action or rpc that sees this transaction.
  public func requestAction(_ path: some PathConvertible, _ parameters: [TaggedValue] = []) async throws -> [TaggedValue] {
    try await tagged(.requestActionInTransaction(parameters, path.wirePath))
  }

  /// As ``requestAction(_:_:)-(PathConvertible,_)``, with input and output as people write them: `delay 5 opts { mode fast } tag [ a b ]`, and
  /// a line of name and value for each leaf.
  public func requestAction(_ path: some PathConvertible, text: String) async throws -> String {
    try await self.text(.requestActionText(text, path.wirePath))
  }
}
