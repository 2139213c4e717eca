public import NSOModel
public import NSOSchema
import NSOValidation
import NSOXPath

/// The input or output of an action or rpc, or the content of a notification, checked against the schema: types, keys,
/// `when`, cases of choices, `mandatory`, `must`, leafrefs, `unique`, numbers of elements.
public struct OperationContent {
  typealias Node = InstanceNode<OperationStorage.Place>

  public let model: DataModel
  public let instance: OperationInstance
  let side: SchemaNode.Flags
  private let tree: AccessibleTree<OperationStorage>
  private let leafLists: [MemoryStorage.Place: [Value]]
  private let start: Node
  // The tree asks it, and does not own it.
  private let conditions: ContentConditions

  /// - Parameters:
  ///   - side: ``SchemaNode/Flags/input``, ``SchemaNode/Flags/output`` or ``SchemaNode/Flags/inNotification``.
  ///   - view: the data that conditions and references look at.
  ///   - rules: those of the same side, see ``OperationRules``.
  ///   - scope: which of them.
  /// - Throws: the first rule that is broken, with the path: BADPATH for what the schema does not have, NOEXISTS where a `when`
  ///   does not hold, BADTYPE, and the codes of validation (protocol part 04, section 7.5).
  public init(
    _ pairs: [TaggedValue], _ side: SchemaNode.Flags, of instance: OperationInstance, in view: TreeView,
    _ rules: OperationRules, _ scope: OperationRules.Scope = .all
  ) throws(NSOError) {
    model = view.model
    self.instance = instance
    self.side = side
    var reader = TaggedContentReader(view.model, instance, side)
    try reader.read(pairs)
    leafLists = reader.leafLists
    let storage = OperationStorage(view, instance, reader.storage)
    do {
      let index = rules.index(of: instance.node, side, view.model, scope)
      let validator = Validator(index, old: storage, new: storage)
      tree = validator.tree
      conditions = ContentConditions(index, view.model, tree, instance.node)
      let parent = try Self.parent(of: instance, tree, view.model)
      start = tree.imagined(instance.node, in: parent)
      try Self.checkCases(of: start, tree, side)
      let outcome = try validator.validateAll(below: start)
      if let removed = outcome.removed.first {
        let path = view.model.schema.text(of: removed.keypath(view.model.schema))
        throw NSOError(.noExists, "\(path): its when condition does not hold, so it cannot be given")
      }
      if let failure = outcome.failures.first { throw failure.error }
    } catch {
      throw NSOError(validation: error)
    }
  }

  private static func parent(
    of instance: OperationInstance, _ tree: AccessibleTree<OperationStorage>, _ model: DataModel
  ) throws -> Node {
    var node = tree.root
    guard let id = instance.parent.node else { return node }
    var keys = instance.parent.keys[...]
    for step in model.schema.lineage(of: id) {
      let schemaNode = model.schema[step]
      guard schemaNode.kind == .list else {
        node = tree.imagined(step, in: node)
        continue
      }
      let count = max(1, schemaNode.keys.count)
      node = try tree.imagined(step, keys: Array(keys.prefix(count)), in: node)
      keys = keys.dropFirst(count)
    }
    return node
  }

  /// At most one case of each choice is given.
  private static func checkCases(
    of node: Node, _ tree: AccessibleTree<OperationStorage>, _ side: SchemaNode.Flags
  ) throws {
    guard let id = node.schemaNode else { return }
    for choice in tree.schema.choices where choice.parent == id {
      let chosen = try choice.cases.indices.filter { try tree.isChosen(choice.id, case: $0, in: node) }
      guard chosen.count > 1 else { continue }
      let names = chosen.map { choice.cases[$0].name.name }.joined(separator: ", ")
      let path = tree.schema.text(of: node.keypath(tree.schema))
      throw NSOError(.badType, "\(path): only one case of choice \(choice.name.name) may be given, not \(names)")
    }
    for child in tree.schema[id].children where tree.schema[child].flags.contains(side) {
      switch tree.schema[child].kind {
      case .container, .list:
        _ = try tree.forEachInstance(of: child, in: node, keys: []) { instance in
          try checkCases(of: instance, tree, side)
          return true
        }
      default: break
      }
    }
  }

  /// The content as a tagged list in schema order.
  /// - Parameters:
  ///   - defaults: with what is there by default, so that the receiver need not know the schema.
  ///   - qualified: every tag with its namespace; else only where it differs from the node above.
  public func pairs(defaults: Bool, qualified: Bool) throws(NSOError) -> [TaggedValue] {
    var pairs: [TaggedValue] = []
    do {
      try append(start, &pairs, defaults, qualified)
    } catch {
      throw NSOError(validation: error)
    }
    return pairs
  }

  private func append(_ node: Node, _ pairs: inout [TaggedValue], _ defaults: Bool, _ qualified: Bool) throws {
    guard let id = node.schemaNode else { return }
    let schema = model.schema
    let keys = schema[id].keys
    for child in keys + schema[id].children.filter({ schema[$0].flags.contains(side) && !keys.contains($0) }) {
      let schemaNode = schema[child]
      let tag = qualified ? Tag(schemaNode.name) : schema.tag(of: child)
      switch schemaNode.kind {
      case .leafList:
        let place = tree.storage.place(of: child, in: node.place)
        if case .content(let place) = place, let values = leafLists[place] {
          pairs.append(TaggedValue(tag, .value(.list(values))))
        } else if defaults {
          var values: [Value] = []
          _ = try tree.forEachInstance(of: child, in: node, keys: []) { instance in
            if let value = try tree.value(of: instance) { values.append(value) }
            return true
          }
          if !values.isEmpty { pairs.append(TaggedValue(tag, .value(.list(values)))) }
        }
      case .container, .list:
        _ = try tree.forEachInstance(of: child, in: node, keys: []) { instance in
          let before = pairs.count
          pairs.append(TaggedValue(tag, .start))
          try append(instance, &pairs, defaults, qualified)
          let isEmpty = pairs.count == before + 1 && schemaNode.kind == .container && !schemaNode.isPresence
          if isEmpty { pairs.removeLast() } else { pairs.append(TaggedValue(tag, .stop)) }
          return true
        }
      default:
        _ = try tree.forEachInstance(of: child, in: node, keys: []) { instance in
          if instance.isDefault, !defaults { return true }
          if schemaNode.isEmptyLeaf, !schemaNode.isKey {
            pairs.append(TaggedValue(tag, .leaf))
          } else if let value = try tree.value(of: instance) ?? anydata(child, node) {
            pairs.append(TaggedValue(tag, .value(value)))
          }
          return true
        }
      }
    }
  }

  /// The value of anydata, which has none as XPath sees it.
  private func anydata(_ id: NodeID, _ parent: Node) throws -> Value? {
    try tree.storage.value(of: id, at: tree.storage.place(of: id, in: parent.place))
  }
}

/// Whether what is there by default only is: nodes of the operation by its own rules, data by those of the configuration.
private final class ContentConditions {
  private let own: ConditionChecker<OperationStorage>
  private let data: ConditionChecker<OperationStorage>

  init(_ index: ConstraintIndex, _ model: DataModel, _ tree: AccessibleTree<OperationStorage>, _ operation: NodeID) {
    own = ConditionChecker(index, tree)
    data = ConditionChecker(model.constraints, tree)
    let end = model.schema[operation].subtreeEnd
    tree.isApplicable = { [own, data] node, parent in
      try node > operation && node < end ? own.hold(for: node, in: parent) : data.hold(for: node, in: parent)
    }
  }
}
