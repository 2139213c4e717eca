public import NSOModel
public import NSOSchema

/// An action or rpc of the schema, or a notification, and where it is invoked or happens.
public struct OperationInstance: Sendable, Hashable {
  /// The action, rpc or notification.
  public let node: NodeID
  /// The data node that has it; the root for an rpc or a notification at the top.
  public let parent: Location

  public init(node: NodeID, parent: Location) {
    self.node = node
    self.parent = parent
  }

  /// The path for people: `/r:router/interface{eth0}/reset`.
  public func text(_ model: DataModel) -> String { model.text(of: node, parent.keys) }
}

extension DataModel {
  /// Finds the action or rpc that a path leads to.
  /// - Parameter namespace: URI for a first element without one.
  /// - Throws: BADPATH or BADTYPE, naming the element; BADPATH where it is no action or rpc.
  public func locateAction(_ path: Keypath, namespace: String? = nil) throws(NSOError) -> OperationInstance {
    let instance = try locateOperation(path, namespace: namespace)
    switch self[instance.node].kind {
    case .action, .rpc: return instance
    default:
      throw NSOError(.badPath, "\(instance.text(self)) is no action or rpc: only those can be invoked")
    }
  }

  /// Finds the action, rpc or notification that a path leads to.
  public func locateOperation(_ path: Keypath, namespace: String? = nil) throws(NSOError) -> OperationInstance {
    var path = path
    guard case .tag(var last)? = path.elements.popLast() else {
      throw NSOError(.badPath, "\(path): the path must end with the name of an action, rpc or notification")
    }
    if let namespace, !namespace.isEmpty {
      if path.isRoot {
        last.namespace = last.namespace ?? namespace
      } else if case .tag(var first) = path.elements[0], first.namespace == nil {
        first.namespace = namespace
        path.elements[0] = .tag(first)
      }
    }
    let parent = try locate(path)
    if let node = parent.node, self[node].kind == .list, !parent.isEntry {
      throw NSOError(.badPath, "\(parent.text(self)): the keys of the list are missing before \(last.name)")
    }
    guard let node = schema.child(of: parent.node, last) else {
      let known = parent.node.map { schema[$0].actions } ?? schema.rpcs
      let names = known.map { schema[$0].name.name }
      let near = names.isEmpty ? "; there are none" : names.count <= 12 ? "; known there: \(names.joined(separator: ", "))" : ""
      throw NSOError(.badPath, "\(parent.node == nil ? "" : parent.text(self))/\(last): there is no such action or rpc\(near)")
    }
    return OperationInstance(node: node, parent: parent)
  }
}
