public import NSOModel
public import NSOWire

/// A change that a hook is told.
public enum HookChange: Hashable, Sendable {
  /// A leaf or leaf-list has a new value.
  case set(Keypath, Value)
  /// A list entry, presence container, leaf of type empty, or entry of a leaf-list came into being.
  case created(Keypath)
  /// It is gone, with everything below.
  case removed(Keypath)
  /// An entry of a list ordered by the user comes after the one with these keys; none: it is the first.
  case moved(Keypath, after: [Value])
  /// A choice in the node at the path has another case.
  case chosen(Keypath, choice: [Tag], case: Tag)
  /// Nil: the attribute is gone.
  case attribute(Keypath, AttributeNumber, Value?)
  /// A transaction hook that is called once a transaction: look at the transaction for what has changed.
  case transaction
}

/// One call of a hook.
public struct HookCall: Sendable {
  public let change: HookChange
  public let call: ProviderCall

  /// Works in the transaction that the hook is called about: reads see the change, writes belong to it. They call no hook that was
  /// called for the same write, this one neither. See ``ProviderCall/withTransaction(_:)``.
  public nonisolated(nonsending) func withTransaction<Result>(
    _ body: nonisolated(nonsending) (Transaction) async throws -> Result
  ) async throws -> Result {
    try await call.withTransaction(body)
  }
}

extension DataProvider {
  /// Is called about changes at a callpoint with `tailf:set-hook`, before the write is answered, or `tailf:transaction-hook`, when a
  /// transaction is validated or applied. What it throws refuses the write, or the transaction.
  ///
  /// ```swift
  /// provider.hook("port-hook") { hook in
  ///   guard case .set(let path, let speed) = hook.change, path.elements.last == .tag("speed") else { return }
  ///   let port = Keypath(path.elements.dropLast())
  ///   try await hook.withTransaction { transaction in
  ///     try await transaction.set(.bool(speed != .uint32(0)), at: port.appending(.tag("enabled")))
  ///   }
  /// }
  /// ```
  ///
  /// - Parameter changes: which it wants to be told. ``DataCallbacks/writeAll`` is for transaction hooks with `tailf:invocation-mode
  ///   per-transaction`, and for nothing else.
  public mutating func hook(
    _ callpoint: String, on changes: DataCallbacks = [.setElem, .create, .remove, .moveAfter],
    _ body: @escaping @Sendable (HookCall) async throws -> Void
  ) {
    data(callpoint, HookClosure(callbacks: changes, body: body))
  }
}

private struct HookClosure: DataCallbackHandler {
  let callbacks: DataCallbacks
  let body: @Sendable (HookCall) async throws -> Void

  func perform(_ request: CallbackCall, _ call: ProviderCall) async throws -> CallbackResult {
    let change: HookChange =
      switch request {
      case .setElem(let path, let value): .set(path, value)
      case .create(let path): .created(path)
      case .remove(let path): .removed(path)
      case .moveAfter(let path, let keys): .moved(path, after: keys)
      case .setCase(let path, let choice, let chosen): .chosen(path, choice: choice, case: chosen)
      case .setAttribute(let path, let number, let value): .attribute(path, number, value)
      case .writeAll: .transaction
      default: throw CallbackError(.internal, "\(call.point) is a hook: it serves no data")
      }
    try await body(HookCall(change: change, call: call))
    return .ok
  }
}
