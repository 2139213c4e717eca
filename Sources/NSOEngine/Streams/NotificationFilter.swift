import NSOModel
import NSOSchema
import NSOXPath

/// An expression that notifications must meet (protocol part 06, section 2). It sees the notification alone, at its place in the
/// data: the root is the context node, below it are the nodes that lead to the notification, and nothing else.
struct NotificationFilter: Sendable {
  private let xpath: XPath

  /// Steps for one notification, see ``XPathLimits/steps``: the stream waits meanwhile.
  private static let stepLimit = 200_000

  /// Why a notification cannot be judged.
  enum Failure: Error {
    /// The expression takes more steps than it may.
    case tooLong(steps: Int)
    case broken(NSOError)
  }

  /// - Throws: XPATH when the expression does not compile.
  init(_ source: String, _ model: DataModel) throws(NSOError) {
    do {
      xpath = try XPath(
        source, namespaces: XPathNamespaces(model.schema), limits: XPathLimits(steps: Self.stepLimit))
    } catch {
      throw error.nsoError
    }
  }

  func accepts(_ record: NotificationRecord, _ model: DataModel) throws(Failure) -> Bool {
    do {
      let instance = try record.instance(in: model)
      var reader = TaggedContentReader(model, instance, .inNotification)
      try reader.read(record.content)
      let storage = NotificationStorage(instance, model, reader.storage)
      let tree = NotificationTree(storage)
      return try XPathEvaluator(tree, references: model.constraints.references).test(xpath, at: tree.root)
    } catch {
      if let error = error as? XPathError, case .budget(let steps) = error.reason { throw .tooLong(steps: steps) }
      throw .broken(NSOError(validation: error))
    }
  }
}

/// The content of a notification, and the nodes that lead to it.
struct NotificationStorage: InstanceStorage {
  /// A node on the way from the root, with the keys of an entry.
  struct Step: Hashable {
    var node: NodeID
    var keys: [Value]?
  }

  enum Place: Hashable {
    case above([Step])
    case content(MemoryStorage.Place)
  }

  let notification: NodeID
  /// From the root to the parent of the notification.
  let way: [Step]
  let content: MemoryStorage

  init(_ instance: OperationInstance, _ model: DataModel, _ content: MemoryStorage) {
    notification = instance.node
    self.content = content
    var way: [Step] = []
    var keys = instance.parent.keys[...]
    for id in instance.parent.node.map({ model.schema.lineage(of: $0) }) ?? [] {
      var step = Step(node: id, keys: nil)
      if model.schema[id].kind == .list {
        let count = max(1, model.schema[id].keys.count)
        step.keys = Array(keys.prefix(count))
        keys = keys.dropFirst(count)
      }
      way.append(step)
    }
    self.way = way
  }

  var schema: Schema { content.schema }
  var rootPlace: Place { .above([]) }

  func place(of child: NodeID, in parent: Place) -> Place {
    switch parent {
    case .above(let steps) where child == notification && steps == way: .content([])
    case .above(let steps): .above(steps + [Step(node: child, keys: nil)])
    case .content(let place): .content(content.place(of: child, in: place))
    }
  }

  func place(ofEntry keys: [Value], of list: NodeID, at place: Place) -> Place {
    switch place {
    case .content(let place): return .content(content.place(ofEntry: keys, of: list, at: place))
    case .above(var steps):
      if !steps.isEmpty { steps[steps.count - 1].keys = keys }
      return .above(steps)
    }
  }

  func isSet(_ place: Place) -> Bool {
    switch place {
    case .above(let steps): way.starts(with: steps)
    case .content(let place): content.isSet(place)
    }
  }

  func hasContent(_ place: Place) -> Bool {
    switch place {
    case .above(let steps):
      way.count >= steps.count
        && zip(way, steps).allSatisfy { known, asked in known.node == asked.node && (asked.keys ?? known.keys) == known.keys }
    case .content(let place): content.hasContent(place)
    }
  }

  func value(of leaf: NodeID, at place: Place) -> Value? {
    switch place {
    case .above: nil
    case .content(let place): content.value(of: leaf, at: place)
    }
  }

  func forEachEntry(
    of list: NodeID, at place: Place, keys: [Value], _ body: (Place, [Value]) throws -> Bool
  ) throws -> Bool {
    switch place {
    case .content(let place):
      return try content.forEachEntry(of: list, at: place, keys: keys) { try body(.content($0), $1) }
    case .above(let steps):
      guard hasContent(place), !steps.isEmpty, let own = way[steps.count - 1].keys, own.starts(with: keys) else { return true }
      return try body(.above(Array(way.prefix(steps.count))), own)
    }
  }

  func isEntry(_ a: Place, before b: Place, of list: NodeID) -> Bool {
    guard case .content(let a) = a, case .content(let b) = b else { return false }
    return content.isEntry(a, before: b, of: list)
  }

  func isOperation(_ place: Place) -> Bool { place == .content([]) }

  /// What is below a node above the notification: one node, the next on the way, and the keys of an entry.
  func children(of id: NodeID?) -> [NodeID]? {
    let depth = id == nil ? 0 : way.firstIndex { $0.node == id }.map { $0 + 1 }
    guard let depth else { return nil }
    let next = depth < way.count ? way[depth].node : notification
    guard let id, schema[id].kind == .list else { return [next] }
    return schema[id].keys + [next]
  }
}

/// A notification as XPath sees it.
final class NotificationTree: XPathTree {
  typealias Node = InstanceNode<NotificationStorage.Place>

  private let inner: AccessibleTree<NotificationStorage>

  init(_ storage: NotificationStorage) { inner = AccessibleTree(storage) }

  var schema: Schema { inner.schema }
  var root: Node { inner.root }

  func schemaNode(of node: Node) -> NodeID? { node.schemaNode }
  func parent(of node: Node) -> Node? { node.parent }
  func path(of node: Node) -> String { schema.text(of: node.keypath(schema)) }

  func children(of id: NodeID?) -> [NodeID] { inner.storage.children(of: id) ?? inner.children(of: id) }

  func forEachInstance(
    of child: NodeID, in parent: Node, keys: [String], _ body: (Node) throws -> Bool
  ) throws -> Bool {
    // Other data, and what would be there by default, is no part of the notification.
    if case .above = parent.place, !children(of: parent.schemaNode).contains(child) { return true }
    return try inner.forEachInstance(of: child, in: parent, keys: keys, body)
  }

  func value(of node: Node) throws -> Value? { try inner.value(of: node) }
  func text(of node: Node) throws -> String { try inner.text(of: node) }
  func isEntry(_ a: Node, before b: Node) throws -> Bool { try inner.isEntry(a, before: b) }
  func target(ofInstanceIdentifier node: Node) throws -> Node? { nil }
}
