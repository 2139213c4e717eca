import NSOModel
public import NSOSchema
public import NSOStore
import NSOTerms
public import NSOXPath

/// A schema together with what the engine needs of each node at hand: where its data lies, the encoded default, the nearest
/// node above whose presence is a fact of its own. Immutable; open transactions keep the one they began with.
public final class DataModel: Sendable {
  /// Where a node's records are.
  public enum Placement: UInt8, Sendable {
    /// Running (or candidate, startup) configuration.
    case configuration
    /// Operational data that is gone after a restart.
    case operational
    /// Operational data that survives a restart (`tailf:persistent true`).
    case persistentOperational
    /// Kept by a data provider (`tailf:callpoint`), not by CDB.
    case provider
    /// Parameters and results of actions, contents of notifications: no data of a tree.
    case none
  }

  public struct Facts: Sendable {
    public var kind: SchemaNode.Kind
    public var placement: Placement
    public var flags: SchemaNode.Flags
    /// The place of a key leaf among the keys of its list; -1 for other nodes.
    public var keyIndex: Int8
    /// How many keys a list has, if all of them are strings; else 0.
    public var stringKeys: UInt8
    /// Below a case of a choice, with plain containers at most in between.
    public var isInCase: Bool
    /// Has a `when` condition, or is in a container without presence that has one.
    public var hasCondition: Bool
    /// The nearest list, or presence container, above.
    public var anchor: NodeID?

    public var isKey: Bool { keyIndex >= 0 }
    /// What it has by default is not always in effect where its parent exists.
    public var isConditional: Bool { isInCase || hasCondition }
    public var isConfiguration: Bool { flags.contains(.config) }
    /// A list, or presence container, whose existence is a fact of its own.
    public var isAnchor: Bool { kind == .list || flags.contains(.presence) }
  }

  public let schema: Schema
  public let layout: TreeLayout
  public let facts: ContiguousArray<Facts>
  /// Where nodes lie to the data of providers.
  private let reach: ContiguousArray<ProviderReach>
  /// By node, the callpoint that serves it.
  private let points: ContiguousArray<Int32>
  let callpoints: [CallPoint]
  /// Callpoints that watch what is written elsewhere, in the order of the schema.
  public let hooks: [CallPoint]
  /// What providers have to be asked about when it is written, not when it is committed; nil: nothing.
  let immediate: WatchedPoints?
  /// Transaction hooks, and what has to be asked about before a commit; nil: nothing.
  let atCommit: WatchedPoints?
  /// What validation checks when nodes change.
  public let constraints: ConstraintIndex
  /// The default of a leaf, or the defaults of a leaf-list as one list, as term bytes.
  private let defaults: [NodeID: [UInt8]]
  /// What stored data means.
  let meaning: DataMeaning
  /// How secrets are stored.
  public let secrets: Secrets
  private let secretKinds: [NodeID: SecretKind]

  /// - Parameter trace: is told of the evaluation of expressions.
  public init(schema: Schema, layout: TreeLayout, secrets: Secrets = Secrets(), trace: XPathTrace = XPathTrace()) {
    self.schema = schema
    self.layout = layout
    self.secrets = secrets
    var secretKinds: [NodeID: SecretKind] = [:]
    for node in schema.nodes where !node.isKey {
      if let type = node.type, let kind = SecretKind(type) { secretKinds[node.id] = kind }
    }
    self.secretKinds = secretKinds
    constraints = ConstraintIndex(schema, trace: trace)
    func inherits(_ parent: Facts?, _ fact: (Facts) -> Bool) -> Bool { parent.map { !$0.isAnchor && fact($0) } ?? false }
    var facts = ContiguousArray<Facts>()
    facts.reserveCapacity(schema.nodes.count)
    var defaults: [NodeID: [UInt8]] = [:]
    var points = ContiguousArray<Int32>(repeating: -1, count: schema.nodes.count)
    var callpoints: [CallPoint] = []
    var hooks: [CallPoint] = []
    for node in schema.nodes {
      let parent = node.parent.map { facts[$0.index] }
      points[node.id.index] = node.parent.map { points[$0.index] } ?? -1
      if let point = CallPoint(of: node) {
        if point.isHook {
          hooks.append(point)
        } else {
          points[node.id.index] = Int32(truncatingIfNeeded: callpoints.count)
          callpoints.append(point)
        }
      }
      let number = points[node.id.index]
      let point = number < 0 ? nil : callpoints[Int(number)]
      let anchor: NodeID? =
        if let above = node.parent, let parent { parent.isAnchor ? above : parent.anchor } else { nil }
      var keyIndex: Int8 = -1
      if node.isKey, let list = node.parent, let index = schema[list].keys.firstIndex(of: node.id) {
        keyIndex = Int8(truncatingIfNeeded: index)
      }
      facts.append(
        Facts(
          kind: node.kind, placement: Self.placement(of: node, parent: parent?.placement, point), flags: node.flags,
          keyIndex: keyIndex, stringKeys: Self.stringKeys(of: node, schema),
          isInCase: node.caseReference != nil || inherits(parent) { $0.isInCase },
          hasCondition: node.flags.contains(.hasWhen) || inherits(parent) { $0.hasCondition }, anchor: anchor))
      switch node.kind {
      case .leaf: defaults[node.id] = node.defaultValue.map(ValueCoding.bytes(of:))
      case .leafList where !node.defaults.isEmpty: defaults[node.id] = ValueCoding.bytes(of: .list(node.defaults))
      default: break
      }
    }
    self.facts = facts
    meaning = DataMeaning(schema) { facts[$0.index].placement }
    self.defaults = defaults
    self.points = points
    self.callpoints = callpoints
    self.hooks = hooks
    let transforms = callpoints.filter(\.isTransform)
    // A callpoint may be a hook of both kinds.
    let setHooks = hooks.filter { $0.setHook != nil }.map { $0.asHook(set: true) }
    let transactionHooks = hooks.filter { $0.transactionHook != nil }.map { $0.asHook(set: false) }
    immediate = WatchedPoints(schema, facts, hooks: setHooks, transforms: transforms)
    hasTransforms = !transforms.isEmpty
    atCommit = WatchedPoints(schema, facts, hooks: transactionHooks, transforms: transforms)
    var reach = ContiguousArray<ProviderReach>(repeating: .none, count: schema.nodes.count)
    for node in schema.nodes where facts[node.id.index].placement == .provider {
      reach[node.id.index] = .within
      var above = node.parent
      while let id = above, reach[id.index] == .none {
        reach[id.index] = .above
        above = schema[id].parent
      }
    }
    self.reach = reach
  }

  @inline(__always)
  public subscript(id: NodeID) -> Facts { facts[id.index] }

  /// The default of a leaf or leaf-list as term bytes; nil without one.
  public func defaultBytes(_ id: NodeID) -> [UInt8]? { defaults[id] }

  /// How the clear text of a leaf is kept out of the database; nil for most.
  public func secretKind(_ id: NodeID) -> SecretKind? { secretKinds.isEmpty ? nil : secretKinds[id] }

  /// Where a node lies to the data of providers.
  public enum ProviderReach: Sendable { case none, above, within }

  /// Some data is kept by providers.
  public var hasProviders: Bool { !callpoints.isEmpty || !hooks.isEmpty }

  /// Some data is made of other data by a provider.
  let hasTransforms: Bool

  /// Writes may have to wait for set hooks or transforms.
  public var asksAtOnce: Bool { immediate != nil }

  public func providerReach(_ id: NodeID) -> ProviderReach { reach[id.index] }

  /// The callpoint that serves a node, its own or that of a node above.
  public func callpoint(of id: NodeID) -> CallPoint? {
    let number = points[id.index]
    return number < 0 ? nil : callpoints[Int(number)]
  }

  private static func stringKeys(of node: SchemaNode, _ schema: Schema) -> UInt8 {
    let isAllText = node.keys.allSatisfy { key in
      if case .string? = schema[key].type?.valueType.kind { true } else { false }
    }
    return isAllText ? UInt8(clamping: node.keys.count) : 0
  }

  private static func placement(of node: SchemaNode, parent: Placement?, _ point: CallPoint?) -> Placement {
    switch node.kind {
    case .action, .rpc, .notification: return .none
    default: break
    }
    if parent == Placement.none { return .none }
    if node.flags.contains(.config) { return point?.servesConfiguration ?? false ? .provider : .configuration }
    if let stored = node.extensions.first("cdb-oper") {
      let persistent = stored.substatements.first { $0.name == "persistent" }?.argument == "true"
      return persistent ? .persistentOperational : .operational
    }
    // The nearer statement counts: cdb-oper below a callpoint, and a callpoint below cdb-oper.
    if let point, point.servesState, point.node == node.id || parent == .provider || parent == .configuration {
      return .provider
    }
    switch parent {
    case .persistentOperational: return .persistentOperational
    default:
      // Operational data that names neither a store nor a provider is kept as if it said tailf:cdb-oper, so that models
      // without annotations can be used as they are.
      return .operational
    }
  }
}
