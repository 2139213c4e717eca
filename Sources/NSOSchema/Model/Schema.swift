public import NSOModel

/// A set of YANG modules, compiled: immutable and shared freely between threads. Made by `SchemaLoader`.
public final class Schema: Sendable {
  public let modules: [SchemaModule]
  /// All nodes, depth first in schema order; `NodeID` is the place in it.
  public let nodes: [SchemaNode]
  /// Top-level data nodes, by module in load order.
  public let roots: [NodeID]
  /// Top-level rpcs.
  public let rpcs: [NodeID]
  /// Top-level notifications.
  public let notifications: [NodeID]
  public let choices: [SchemaChoice]
  /// As `roots`, with top-level choices in their places.
  public let rootMembers: [SchemaNode.Member]
  /// All identities of all modules, import-only ones included.
  public let identities: [Identity]

  let table: NodeTable
  let moduleByNamespace: [String: ModuleID]
  let moduleByName: [String: ModuleID]
  let modulesByPrefix: [String: [ModuleID]]
  let namespaceBytes: [ContiguousArray<UInt8>]
  let identityByHash: [IdentityHash: Int]

  init(
    modules: [SchemaModule], nodes: [SchemaNode], roots: [NodeID], rpcs: [NodeID], notifications: [NodeID],
    choices: [SchemaChoice], rootMembers: [SchemaNode.Member], identities: [Identity], table: NodeTable
  ) {
    self.modules = modules
    self.nodes = nodes
    self.roots = roots
    self.rpcs = rpcs
    self.notifications = notifications
    self.choices = choices
    self.rootMembers = rootMembers
    self.identities = identities
    self.table = table
    moduleByNamespace = Dictionary(modules.map { ($0.namespace, $0.id) }, uniquingKeysWith: { first, _ in first })
    moduleByName = Dictionary(modules.map { ($0.name, $0.id) }, uniquingKeysWith: { first, _ in first })
    modulesByPrefix = Dictionary(grouping: modules.map(\.id), by: { modules[$0.index].prefix })
    namespaceBytes = modules.map { ContiguousArray($0.namespace.utf8) }
    identityByHash = Dictionary(identities.enumerated().map { ($1.hash, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// A schema without modules.
  public static let empty = Schema(
    modules: [], nodes: [], roots: [], rpcs: [], notifications: [], choices: [], rootMembers: [], identities: [],
    table: NodeTable())

  public subscript(id: NodeID) -> SchemaNode { nodes[id.index] }
  public subscript(id: ModuleID) -> SchemaModule { modules[id.index] }
  public subscript(id: ChoiceID) -> SchemaChoice { choices[id.index] }
}

extension Schema {
  public func module(namespace: String) -> SchemaModule? { moduleByNamespace[namespace].map { self[$0] } }

  public func module(name: String) -> SchemaModule? { moduleByName[name].map { self[$0] } }

  /// The module that calls itself `prefix`; nil when there is none, or more than one.
  public func module(prefix: String) -> SchemaModule? {
    guard let found = modulesByPrefix[prefix], found.count == 1, let only = found.first else { return nil }
    return self[only]
  }

  /// The identity with these name hashes (protocol part 02, section 3.11).
  public func identity(_ hash: IdentityHash) -> Identity? { identityByHash[hash].map { identities[$0] } }

  public func identity(_ name: QName) -> Identity? {
    identity(IdentityHash(name)).flatMap { $0.name == name ? $0 : nil }
  }

  /// True when `identity` is derived from `base`, directly or not; not when it is `base` itself.
  public func isDerived(_ identity: QName, from base: QName) -> Bool {
    self.identity(identity)?.ancestors.contains(base) ?? false
  }
}
