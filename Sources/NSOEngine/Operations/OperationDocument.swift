public import NSODocument
public import NSOModel
public import NSOSchema

/// Actions and rpcs as documents have them (RFC 7950, sections 7.14 and 7.15).
public enum OperationDocument {
  /// What is wrong with one.
  public struct Fault: Error, Sendable {
    public var error: NSOError
    /// Where error replies have words for it.
    public var fault: LoadFault?
    public init(_ error: NSOError, _ fault: LoadFault? = nil) {
      self.error = error
      self.fault = fault
    }
  }

  /// The action that an element leads to, by containers and the keys of entries, and the element of the action.
  public static func action(
    _ tree: DocumentTree, _ model: DataModel
  ) throws(Fault) -> (instance: OperationInstance, element: DocumentTree) {
    var builder = LocationBuilder(model)
    var tree = tree
    while true {
      let place = builder.location
      guard let id = find(tree.name, in: place.node, .input, model.schema) else {
        throw Fault(
          NSOError(.badPath, "\(place.text(model)): there is no \(tree.name) that leads to an action"),
          .unknownElement(tree.name))
      }
      let node = model.schema[id]
      if node.kind == .action { return (OperationInstance(node: id, parent: place), tree) }
      var rest = tree.children
      do throws(NSOError) {
        try builder.child(id)
        if node.kind == .list {
          var keys: [Value] = []
          for key in node.keys {
            let index = rest.firstIndex { find($0.name, in: id, .input, model.schema) == key }
            guard let index else {
              let name = model.schema[key].name.name
              throw NSOError(.badConfig, "\(builder.text): the key \(name) is missing")
            }
            keys.append(try value(of: rest.remove(at: index), key, model))
          }
          try builder.entry(keys)
        }
      } catch { throw Fault(error) }
      guard rest.count == 1, let next = rest.first else {
        throw Fault(
          NSOError(.badPath, "\(builder.text): exactly one element must lead on to the action, not \(rest.count)"),
          rest.dropFirst().first.map { .unknownElement($0.name) })
      }
      tree = next
    }
  }

  /// The rpc of a name.
  public static func rpc(_ name: DocumentName, _ model: DataModel) -> OperationInstance? {
    guard let id = find(name, in: nil, nil, model.schema), model.schema[id].kind == .rpc else { return nil }
    return OperationInstance(node: id, parent: .root)
  }

  /// The input that the elements in an action or rpc are.
  public static func input(
    _ elements: [DocumentTree], of operation: NodeID, _ model: DataModel
  ) throws(Fault) -> [TaggedValue] {
    var pairs: [TaggedValue] = []
    for element in elements { try append(element, in: operation, .input, &pairs, model) }
    return pairs
  }

  private static func append(
    _ tree: DocumentTree, in parent: NodeID, _ direction: Schema.Direction?, _ pairs: inout [TaggedValue], _ model: DataModel
  ) throws(Fault) {
    let schema = model.schema
    guard let id = find(tree.name, in: parent, direction, schema) else {
      throw Fault(
        NSOError(.badPath, "\(schema.path(of: parent)) has no parameter \(tree.name)"), .unknownElement(tree.name))
    }
    let node = schema[id]
    let tag = Tag(node.name)
    switch node.kind {
    case .container, .list:
      guard tree.text.allSatisfy(\.isWhitespace) else {
        throw Fault(NSOError(.badType, "\(schema.path(of: id)) takes elements, not text"))
      }
      pairs.append(TaggedValue(tag, .start))
      // Keys come first, wherever the document has them.
      var rest = tree.children
      for key in node.keys {
        guard let index = rest.firstIndex(where: { find($0.name, in: id, nil, schema) == key }) else {
          let name = schema[key].name.name
          throw Fault(NSOError(.badConfig, "\(schema.path(of: id)): an entry lacks its key \(name)"), .missingElement(name))
        }
        try append(rest.remove(at: index), in: id, nil, &pairs, model)
      }
      for child in rest { try append(child, in: id, nil, &pairs, model) }
      pairs.append(TaggedValue(tag, .stop))
    case .leaf where node.isEmptyLeaf && !node.isKey: pairs.append(TaggedValue(tag, .leaf))
    case .leaf, .leafList:
      do throws(NSOError) { pairs.append(TaggedValue(tag, .value(try value(of: tree, id, model)))) } catch {
        throw Fault(error)
      }
    default:
      throw Fault(NSOError(.notImplemented, "\(schema.path(of: id)): \(node.kind.text) as a parameter is not supported yet"))
    }
  }

  private static func value(of tree: DocumentTree, _ id: NodeID, _ model: DataModel) throws(NSOError) -> Value {
    let node = model.schema[id]
    guard tree.children.isEmpty else {
      throw NSOError(.badType, "\(model.schema.path(of: id)) is a leaf and cannot hold element \(tree.children[0].name)")
    }
    let resolver: PrefixResolver =
      switch tree.element.names {
      case .moduleNames: .schema
      case .prefixes(let scope): .map { scope.namespace(for: $0 ?? "") }
      }
    do throws(ValueError) { return try model.schema.parse(tree.text, at: node, prefixes: resolver) } catch {
      throw error.nsoError(at: model.schema.path(of: id))
    }
  }

  private static func find(
    _ name: DocumentName, in parent: NodeID?, _ direction: Schema.Direction?, _ schema: Schema
  ) -> NodeID? {
    let isOperation = parent.map { schema[$0].kind == .action || schema[$0].kind == .rpc } ?? false
    let namespace: String? =
      switch name.space {
      case .namespace(let uri): uri
      case .module(let module): schema.module(name: module)?.namespace
      case .none: nil
      }
    return schema.child(of: parent, namespace: namespace, name: name.local, direction: isOperation ? direction : nil)
  }

  /// Writes what an action or rpc gave back.
  public static func write(
    _ pairs: [TaggedValue], of instance: OperationInstance, _ model: DataModel, to writer: inout some DocumentWriter
  ) throws(NSOError) {
    let schema = model.schema
    var open: [NodeID] = [instance.node]
    do {
      for pair in pairs {
        guard let parent = open.last,
          let id = pair.content == .stop
            ? parent : schema.child(of: parent, pair.tag, direction: open.count == 1 ? .output : nil)
        else {
          throw NSOError(.internal, "\(instance.text(model)): \(pair.tag) of its output is not in the schema")
        }
        let node = schema[id]
        let name = model.nodeName(id)
        switch pair.content {
        case .start:
          open.append(id)
          if node.kind == .list {
            try writer.startList(name)
            try writer.startEntry()
          } else {
            try writer.startContainer(name)
          }
        case .stop:
          open.removeLast()
          try writer.end()
          if node.kind == .list { try writer.endList() }
        case .leaf: try writer.leaf(name, .empty)
        case .value(let value):
          guard let type = node.type else { continue }
          guard node.kind == .leafList else {
            try writer.leaf(name, try model.written(value, type))
            continue
          }
          try writer.startLeafList(name)
          if case .list(let values) = value {
            for value in values { try writer.item(try model.written(value, type)) }
          } else {
            try writer.item(try model.written(value, type))
          }
          try writer.endLeafList()
        case .startAt, .delete, .movedFirst, .movedAfter: break
        }
      }
    } catch let error as NSOError {
      throw error
    } catch {
      throw NSOError(.internal, "\(instance.text(model)): \(error)")
    }
  }
}
