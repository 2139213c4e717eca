import NSOSchema

/// Which nodes of the schema were written in a transaction, and when: so that what is kept of the data, as the order of an index, is made
/// anew when something it depends on was written, and only then. Costs memory in proportion to the schema, not to the writes.
struct WriteLog: Sendable {
  /// How many writes there were.
  private(set) var count: UInt64 = 0
  private var last: [NodeID: UInt64] = [:]
  /// The last one that may have concerned any node.
  private var lastOfAll: UInt64 = 0

  mutating func note(_ node: NodeID) {
    count &+= 1
    last[node] = count
  }

  /// Something was written that concerns many nodes.
  mutating func noteAll() {
    count &+= 1
    lastOfAll = count
  }

  /// Whether none of the nodes was written after the first `count` writes.
  func isUnchanged(_ nodes: [NodeID], since count: UInt64) -> Bool {
    lastOfAll <= count && nodes.allSatisfy { (last[$0] ?? 0) <= count }
  }
}
