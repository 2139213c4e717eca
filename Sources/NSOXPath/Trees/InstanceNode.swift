public import NSOModel
public import NSOSchema

/// A node of an ``AccessibleTree``: an instance of a schema node at a place of the storage.
public final class InstanceNode<Place: Hashable>: Hashable {
  /// nil for the root.
  public let schemaNode: NodeID?
  public let parent: InstanceNode?
  public let place: Place
  /// The keys of a list entry, the value of a leaf-list entry.
  public let keys: [Value]
  /// A leaf or leaf-list entry that is there by its default.
  public let isDefault: Bool
  /// An entry that was asked for with a hint: it is promised that the hint holds.
  let meetsHint: Bool

  var knownValue: Value?
  var knownText: String?
  private var knownHash: Int?

  init(
    _ schemaNode: NodeID?, in parent: InstanceNode?, at place: Place, keys: [Value] = [], value: Value? = nil,
    isDefault: Bool = false, meetsHint: Bool = false
  ) {
    self.schemaNode = schemaNode
    self.parent = parent
    self.place = place
    self.keys = keys
    self.isDefault = isDefault
    self.meetsHint = meetsHint
    knownValue = value
  }

  public static func == (a: InstanceNode, b: InstanceNode) -> Bool {
    a === b || a.schemaNode == b.schemaNode && a.hashNumber == b.hashNumber && a.place == b.place && a.keys == b.keys
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(hashNumber)
  }

  private var hashNumber: Int {
    if let knownHash { return knownHash }
    var hasher = Hasher()
    hasher.combine(schemaNode)
    hasher.combine(place)
    let number = hasher.finalize()
    knownHash = number
    return number
  }

  /// The path of the instance.
  public func keypath(_ schema: Schema) -> Keypath {
    var line: [InstanceNode] = []
    var next: InstanceNode? = self
    while let node = next {
      line.append(node)
      next = node.parent
    }
    var elements: [Keypath.Element] = []
    for node in line.reversed() {
      guard let id = node.schemaNode else { continue }
      elements.append(.tag(schema.tag(of: id)))
      if !node.keys.isEmpty { elements.append(.keys(node.keys)) }
    }
    return Keypath(elements)
  }
}
