public import NSOModel
import NSOSchema
import NSOStore
import NSOWire
import Synchronization

/// One write of one node, as set hooks are told it.
public enum HookedWrite: Hashable, Sendable {
  case set
  case create
  case delete
}

/// What a set hook was told of a place.
struct ToldWrite: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case create, remove
    case set(Value)
  }

  var point: NodeID
  var path: [UInt8]
  var kind: Kind

  init?(_ write: ProviderWrite, at point: CallPoint) {
    self.point = point.node
    path = write.path.bytes
    switch write.kind {
    case .create: kind = .create
    case .remove: kind = .remove
    case .set(let value): kind = .set(value)
    case .choose: return nil
    }
  }
}

/// Set hooks: callpoints that are called at each write at or below them, before the client has its answer (protocol part 05,
/// section 7.5). They may write into the same transaction; that calls no further set hook.
extension Engine {
  /// Whether a write at a place has to go through ``write(_:at:in:_:)``.
  public func watches(_ place: Location, in transaction: Transaction) -> Bool {
    guard transaction.model.hasSetHooks, transaction.providerTree != nil else { return false }
    return !Self.setHooks(at: place, transaction.model).isEmpty && !transaction.state.withLock { $0.isInSetHook }
  }

  private static func setHooks(at place: Location, _ model: DataModel) -> [CallPoint] {
    let nodes = Set(model.layout.steps(of: place.path).map(\.node))
    return model.hooks.filter { $0.setHook != nil && nodes.contains($0.node) }
  }

  /// Writes one node, and calls the set hooks that watch it.
  /// - Throws: what the write throws, or the hook: then the transaction is as it was before the write.
  public func write(
    _ kind: HookedWrite, at place: Location, in transaction: Transaction,
    _ body: @escaping @Sendable (inout TreeEditor) throws(NSOError) -> Void
  ) async throws(NSOError) {
    let model = transaction.model
    guard let tree = transaction.providerTree else { return try transaction.write(body) }
    let before = try transaction.state.withLock { state throws(NSOError) in
      guard !state.isInSetHook else {
        throw NSOError(.inUse, "transaction \(transaction.handle): a set hook is being called for another write; try again")
      }
      state.isInSetHook = true
      return state.editor
    }
    defer { transaction.state.withLock { $0.isInSetHook = false } }
    do throws(NSOError) {
      let told = try await ProviderWait.run { () throws(NSOError) -> ProviderWrite in
        try transaction.write(body)
        switch kind {
        case .create: return ProviderWrite(kind: .create, path: place.path)
        case .delete: return ProviderWrite(kind: .remove, path: place.path)
        case .set:
          if let node = place.node, model[node].flags.contains(.empty) { return ProviderWrite(kind: .create, path: place.path) }
          guard let value = try transaction.view().value(place) else {
            throw NSOError(.internal, "\(place.text(model)) has no value after it was set")
          }
          return ProviderWrite(kind: .set(value), path: place.path)
        }
      }
      for point in Self.setHooks(at: place, model) {
        try await ProviderHookCalls.call(point, [told], tree, providers)
        guard let told = ToldWrite(told, at: point) else { continue }
        transaction.state.withLock { _ = $0.toldSetHooks.insert(told) }
      }
    } catch {
      transaction.state.withLock { state in if state.phase != .finished { state.editor = before } }
      throw error
    }
  }
}

extension DataModel {
  var hasSetHooks: Bool { hooks.contains { $0.setHook != nil } }
}
