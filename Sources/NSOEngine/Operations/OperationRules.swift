public import NSOSchema
public import NSOXPath
import Synchronization

/// The compiled rules of actions and notifications, made when one is first used.
public final class OperationRules: Sendable {
  /// Which expressions and references are checked. Types, names, `mandatory` and the like always are.
  public enum Scope: Sendable {
    case all
    /// Those that need no data of providers.
    case withoutProviders
    /// Those that need nothing but the content itself.
    case contentOnly
  }

  private struct Key: Hashable {
    var node: NodeID
    var side: UInt32
    var scope: Scope
  }

  private let known = Mutex<[Key: ConstraintIndex]>([:])

  public init() {}

  public func index(
    of operation: NodeID, _ side: SchemaNode.Flags, _ model: DataModel, _ scope: Scope = .all
  ) -> ConstraintIndex {
    let schema = model.schema
    let scope = scope == .withoutProviders && !model.hasProviders ? .all : scope
    let key = Key(node: operation, side: side.rawValue, scope: scope)
    if let index = known.withLock({ $0[key] }), index.schema === schema { return index }
    let isKnown: ((NodeID) -> Bool)? =
      switch scope {
      case .all: nil
      case .withoutProviders: { model.providerReach($0) != .within }
      case .contentOnly: { $0 >= operation && $0 < schema[operation].subtreeEnd }
      }
    let made = ConstraintIndex(schema, contentOf: operation, side, trace: model.constraints.references.trace, reading: isKnown)
    known.withLock { $0[key] = made }
    return made
  }
}
