public import NSOModel
import NSOSchema
import NSOStore
import NSOXPath

/// The nodes that an expression selected, in few bytes each: paths and values are read again when they are asked for. So a client
/// that takes them slowly costs little memory.
public struct SelectedNodes: Sendable {
  private let view: TreeView
  /// The keys in the store, one after the other, and where each ends.
  private var keys: [UInt8] = []
  private var ends: [Int] = []
  /// Entries of leaf-lists that are there by default only, which have no key.
  private var defaults: [Int: Value] = [:]

  /// More nodes would take too much memory.
  public static let limit = 2_000_000

  init(_ view: TreeView) { self.view = view }

  public var count: Int { ends.count }
  /// The schema that the nodes are of.
  public var model: DataModel { view.model }

  mutating func append(_ node: InstanceNode<TreePath>) throws(NSOError) {
    guard ends.count < Self.limit else {
      throw NSOError(.resourceDenied, "the expression selects more than \(Self.limit) nodes; ask for fewer at a time")
    }
    if node.isDefault, let id = node.schemaNode, view.model[id].kind == .leafList, let value = node.keys.first {
      defaults[ends.count] = value
    }
    keys += node.place.bytes
    ends.append(keys.count)
  }

  /// The place of a node.
  public func location(_ index: Int) throws(NSOError) -> Location {
    let start = index > 0 ? ends[index - 1] : 0
    guard let path = view.model.layout.path(Array(keys[start..<ends[index]])) else {
      throw NSOError(.internal, "a selected node is not in the schema")
    }
    let location = try view.location(of: path)
    guard let value = defaults[index] else { return location }
    var entry = LocationBuilder(view.model, from: location)
    try entry.entry([value])
    return entry.location
  }

  /// The value of a leaf or leaf-list entry, given its place; nil for other nodes.
  public func value(_ index: Int, at location: Location) throws(NSOError) -> Value? {
    if let value = defaults[index] { return value }
    guard let node = location.node else { return nil }
    switch view.model[node].kind {
    case .leaf where view.model[node].flags.contains(.empty) && !view.model[node].isKey: return .empty
    case .leaf, .leafList: return try view.value(location)
    default: return nil
    }
  }

  /// Puts the nodes in another order.
  mutating func reorder(_ order: [Int]) {
    var other = SelectedNodes(view)
    for (place, index) in order.enumerated() {
      let start = index > 0 ? ends[index - 1] : 0
      other.keys += keys[start..<ends[index]]
      other.ends.append(other.keys.count)
      if let value = defaults[index] { other.defaults[place] = value }
    }
    self = other
  }
}

extension TreeView {
  /// A place with the keys on the way, which are read from the entries.
  func location(of path: TreePath) throws(NSOError) -> Location {
    var location = Location.root
    for step in model.layout.steps(of: path) {
      location = location.child(step.node, model)
      guard let end = step.entryEnd, let entry = model.layout.path(Array(path.bytes[..<end])) else { continue }
      let tree = try tree(of: step.node)
      let record = try storeErrors { () throws(StoreError) in try tree.bytes(entry) } ?? []
      let isList = model[step.node].kind == .list
      let found: Result<[Value], NSOError> = record.withUnsafeBytes { bytes in
        do throws(NSOError) { return .success(isList ? try decodedKeys(bytes) : [try decoded(bytes)]) } catch {
          return .failure(error)
        }
      }
      location = location.entry(key: entry.entryKey ?? [], try found.get())
    }
    return location
  }

  /// As ``nodes(_:trace:)``, in few bytes for each node.
  /// - Throws: also RESOURCE_DENIED for more than ``SelectedNodes/limit``.
  public func select(_ query: XPathQuery, trace: ((String) -> Void)? = nil) throws(NSOError) -> SelectedNodes {
    try evaluate(query, trace) { evaluator, xpath, context in
      var selected = SelectedNodes(self)
      try evaluator.forEachNode(xpath, at: context) { item in
        try selected.append(item.node)
        return true
      }
      return selected
    }
  }
}
