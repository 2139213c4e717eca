/// Something in a tree that must not be.
public struct TreeProblem: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    /// A record below an entry or presence container that is not there.
    case missingParent
    /// An entry of a list ordered by user that has no place in the order.
    case missingPlace
    /// A record of the order that belongs to no entry, or to another place of it.
    case staleOrder
    /// A record that the schema does not know: a node it does not have any more, or one of another kind.
    case unknown
  }

  public let kind: Kind
  /// The key in the store.
  public let key: [UInt8]

  public var description: String {
    let hex = key.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    return "\(kind) at key \(hex)"
  }
}

/// What a check of a whole tree found.
public struct TreeCheck: Sendable {
  public private(set) var problems: [TreeProblem] = []
  /// All that were found; `problems` holds the first ones.
  public private(set) var problemCount = 0
  public private(set) var records = 0

  /// Looks at every record of `tree`: parents are there, the order of lists ordered by user is whole. Data that the schema does not know
  /// (after an upgrade) counts as a problem only when asked for. Takes time proportional to the tree.
  public init(
    _ tree: any DataTree, layout: TreeLayout, includingUnknown: Bool = false, limit: Int = 100
  ) throws(StoreError) {
    let tree = tree.untracked
    let cursor = try tree.makeCursor(in: .all)
    /// The entries and presence containers around the current record that are there, the outermost first.
    var open: [[UInt8]] = []
    var more = try cursor.first()
    while more {
      records += 1
      let key = cursor.key
      while let last = open.last, last.withUnsafeBytes({ !key.hasPrefix($0) }) { open.removeLast() }
      let problem: TreeProblem.Kind?
      switch layout.kind(of: key) {
      case .node(let path):
        problem = try Self.check(path, tree, layout, open)
        if !path.isTerminal { open.append(path.bytes) }
      case .attribute(let path, _):
        problem = Self.parentsAreThere(of: path, layout, open) ? nil : .missingParent
      case .order(let list): problem = try Self.checkOrder(key, list, tree)
      case .place(let list, let entryKey): problem = try Self.checkPlace(cursor.value, list, entryKey, tree)
      case .unknown: problem = includingUnknown ? .unknown : nil
      }
      if let problem {
        problemCount += 1
        if problems.count < limit { problems.append(TreeProblem(kind: problem, key: Array(key))) }
      }
      more = try cursor.next()
    }
  }

  private static func check(
    _ path: TreePath, _ tree: any DataTree, _ layout: TreeLayout, _ open: [[UInt8]]
  ) throws(StoreError) -> TreeProblem.Kind? {
    guard parentsAreThere(of: path, layout, open) else { return .missingParent }
    guard path.isOrderedByUser, let entryKey = path.entryKey else { return nil }
    return try tree.place(of: entryKey, in: path.withoutEntryKey) == nil ? .missingPlace : nil
  }

  private static func parentsAreThere(of path: TreePath, _ layout: TreeLayout, _ open: [[UInt8]]) -> Bool {
    var depth = 0
    for step in layout.steps(of: path) {
      let isPresence = layout.traits(step.node).contains(.presence)
      guard let end = step.entryEnd ?? (isPresence ? step.nodeEnd : nil), end < path.bytes.count else { continue }
      guard depth < open.count, open[depth].count == end else { return false }
      depth += 1
    }
    return true
  }

  private static func checkOrder(
    _ key: UnsafeRawBufferPointer, _ list: TreePath, _ tree: any DataTree
  ) throws(StoreError) -> TreeProblem.Kind? {
    guard list.isOrderedByUser else { return nil }
    guard let (place, entryKey) = ListKeys.parseOrder(key, list) else { return .staleOrder }
    return try tree.place(of: entryKey, in: list) == place ? nil : .staleOrder
  }

  private static func checkPlace(
    _ value: UnsafeRawBufferPointer, _ list: TreePath, _ entryKey: [UInt8], _ tree: any DataTree
  ) throws(StoreError) -> TreeProblem.Kind? {
    guard list.isOrderedByUser else { return nil }
    guard let place = ListKeys.parsePlace(value) else { return .staleOrder }
    let hasEntry = try withBytes(list.bytes + entryKey) { key throws(StoreError) in try tree.contains(key) }
    let hasOrder = try withBytes(ListKeys.orderKey(list, place, entryKey)) { key throws(StoreError) in try tree.contains(key) }
    return hasEntry && hasOrder ? nil : .staleOrder
  }
}
