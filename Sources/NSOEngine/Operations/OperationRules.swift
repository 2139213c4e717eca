public import NSOSchema
public import NSOXPath
import Synchronization

/// The compiled rules of actions and notifications, made when one is first used.
public final class OperationRules: Sendable {
  private struct Key: Hashable {
    var node: NodeID
    var side: UInt32
  }

  private let known = Mutex<[Key: ConstraintIndex]>([:])

  public init() {}

  public func index(of operation: NodeID, _ side: SchemaNode.Flags, _ schema: Schema) -> ConstraintIndex {
    let key = Key(node: operation, side: side.rawValue)
    if let index = known.withLock({ $0[key] }), index.schema === schema { return index }
    let made = ConstraintIndex(schema, contentOf: operation, side)
    known.withLock { $0[key] = made }
    return made
  }
}
