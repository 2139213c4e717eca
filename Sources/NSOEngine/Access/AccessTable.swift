import NSOModel
import NSOSchema
import NSOStore

/// Access rules laid over one schema: for each node what they say, as far as that does not hang on keys. Immutable; sessions with the same
/// rules share one. Costs time and memory in proportion to the schema, once.
final class AccessTable: Sendable {
  /// What is known of a node without its keys.
  enum State: UInt8 { case permitted, denied, byKeys }

  /// A key that an entry on the way must have, in the form of the store.
  private struct Condition: Sendable {
    var list: NodeID
    var key: Int
    var value: [UInt8]
  }

  /// A rule that may be about a node.
  private struct Candidate: Sendable {
    var rule: Int
    var conditions: [Condition] = []
  }

  let model: DataModel
  let rules: AccessRules
  /// By node, in the order of the rules.
  private let candidates: ContiguousArray<[Candidate]>
  /// By rule, the module that it is about; -1: any, -2: one that is not there.
  private let modules: [Int32]
  /// By node, two bits for each operation.
  private let states: ContiguousArray<UInt16>
  /// By node, what is known of seeing it: what it is in has to be seen, too.
  private let visibility: ContiguousArray<UInt8>
  /// By node: it and all below it is seen; something there may be seen.
  private let isOpen: ContiguousArray<Bool>
  private let mayShow: ContiguousArray<Bool>
  /// By node: 1 default-deny-write, 2 default-deny-all, here or above.
  private let annotations: ContiguousArray<UInt8>
  /// All data is seen.
  let isReadFree: Bool
  /// Some permits are to be logged.
  let logsPermits: Bool

  init(_ rules: AccessRules, _ model: DataModel) {
    self.rules = rules
    self.model = model
    let schema = model.schema
    let nodes = schema.nodes
    var own: [NodeID: [Candidate]] = [:]
    var everywhere: [Candidate] = []
    var data: [Candidate] = []
    for (index, rule) in rules.rules.enumerated() {
      switch rule.subject {
      case .anything:
        everywhere.append(Candidate(rule: index))
        data.append(Candidate(rule: index))
      case .operation(let name):
        for node in schema.rpcs where name == nil || schema[node].name.name == name {
          own[node, default: []].append(.init(rule: index))
        }
      case .notification(let name):
        for node in nodes where node.kind == .notification && (name == nil || node.name.name == name) {
          own[node.id, default: []].append(.init(rule: index))
        }
      case .path(let path):
        guard !path.steps.isEmpty else {
          data.append(Candidate(rule: index))
          continue
        }
        for (node, conditions) in Self.targets(of: path, isPermit: rule.isPermit, model) {
          for place in path.isBelowOnly ? schema[node].children + schema[node].actions + schema[node].notifications : [node] {
            own[place, default: []].append(Candidate(rule: index, conditions: conditions))
          }
        }
      }
    }
    let modules = rules.rules.map { rule -> Int32 in
      guard let name = rule.module else { return -1 }
      return schema.module(name: name).map { Int32($0.id.rawValue) } ?? -2
    }
    self.modules = modules
    var candidates = ContiguousArray<[Candidate]>()
    candidates.reserveCapacity(nodes.count)
    var annotations = ContiguousArray<UInt8>(repeating: 0, count: nodes.count)
    var states = ContiguousArray<UInt16>(repeating: 0, count: nodes.count)
    for node in nodes {
      var all: [Candidate]
      if let parent = node.parent {
        all = candidates[parent.index]
      } else {
        all = node.kind == .rpc || node.kind == .notification ? everywhere : data
      }
      if let added = own[node.id] {
        all += added
        all.sort { $0.rule < $1.rule }
      }
      candidates.append(all)
      var annotation = node.parent.map { annotations[$0.index] } ?? 0
      if !node.extensions.isEmpty {
        if node.extensions.first("default-deny-write", in: Self.namespace) != nil { annotation |= 1 }
        if node.extensions.first("default-deny-all", in: Self.namespace) != nil { annotation |= 2 }
      }
      annotations[node.id.index] = annotation
      var state: UInt16 = 0
      for operation in AccessOperation.allCases {
        let found = Self.state(operation, node, all, rules, modules, annotation)
        state |= UInt16(found.rawValue) << UInt16(2 * operation.rawValue)
      }
      states[node.id.index] = state
    }
    self.candidates = candidates
    self.annotations = annotations
    self.states = states

    var visibility = ContiguousArray<UInt8>(repeating: 0, count: nodes.count)
    for node in nodes {
      let facts = model[node.id]
      func state(_ id: NodeID) -> UInt8 {
        UInt8(truncatingIfNeeded: states[id.index] >> UInt16(2 * AccessOperation.read.rawValue) & 3)
      }
      // Keys are seen with their entry.
      let read = facts.isKey ? node.parent.map(state) ?? 0 : state(node.id)
      let above = facts.anchor.map { visibility[$0.index] } ?? 0
      let denied = State.denied.rawValue
      visibility[node.id.index] = read == denied || above == denied ? denied : max(read, above)
    }
    var isOpen = ContiguousArray<Bool>(repeating: true, count: nodes.count)
    var mayShow = ContiguousArray<Bool>(repeating: false, count: nodes.count)
    for node in nodes.reversed() where model.layout.isStored(node.id) {
      let index = node.id.index
      if visibility[index] != State.permitted.rawValue { isOpen[index] = false }
      if visibility[index] != State.denied.rawValue { mayShow[index] = true }
      guard let parent = node.parent?.index else { continue }
      if !isOpen[index] { isOpen[parent] = false }
      if mayShow[index] { mayShow[parent] = true }
    }
    self.visibility = visibility
    self.isOpen = isOpen
    self.mayShow = mayShow
    isReadFree = schema.roots.allSatisfy { isOpen[$0.index] }
    logsPermits = rules.logsDefaults || rules.rules.contains { $0.isPermit && $0.logsPermit }
  }

  private static let namespace = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"

  // MARK: What rules are about

  /// The nodes that a path leads to. What cannot be understood makes a deny wider, and a permit void.
  private static func targets(of path: RulePath, isPermit: Bool, _ model: DataModel) -> [(NodeID, [Condition])] {
    let schema = model.schema
    var found: [(NodeID?, [Condition])] = [(nil, [])]
    for step in path.steps {
      var next: [(NodeID?, [Condition])] = []
      for (parent, conditions) in found {
        let children = parent.map { schema[$0].children + schema[$0].actions + schema[$0].notifications } ?? schema.roots
        for child in children where schema[child].name.name == step.name.name {
          guard fits(step.name.prefix, schema[schema[child].module], isPermit, schema) else { continue }
          var all = conditions
          guard add(step.keys, of: child, isPermit, model, to: &all) else { continue }
          next.append((child, all))
        }
      }
      found = next
    }
    return found.compactMap { node, conditions in node.map { ($0, conditions) } }
  }

  private static func fits(_ prefix: String?, _ module: SchemaModule, _ isPermit: Bool, _ schema: Schema) -> Bool {
    guard let prefix, module.prefix != prefix, module.name != prefix else { return true }
    // A prefix that only the document had which the rule came from: it may have been any module.
    return !isPermit && !schema.modules.contains { $0.prefix == prefix || $0.name == prefix }
  }

  /// - Returns: false when no entry can have these keys.
  private static func add(
    _ keys: [RulePath.Key], of node: NodeID, _ isPermit: Bool, _ model: DataModel, to conditions: inout [Condition]
  ) -> Bool {
    let schema = model.schema
    for key in keys {
      let index = key.name.map { name in schema[node].keys.firstIndex { schema[$0].name.name == name.name } } ?? 0
      let leaf: NodeID? =
        switch schema[node].kind {
        // Entries of a list have no value, and those of a list of operational data perhaps no keys.
        case .list: key.name == nil ? nil : index.map { schema[node].keys[$0] }
        case .leafList: key.name == nil ? node : nil
        default: nil
        }
      var path = TreePath()
      guard let index, let leaf, let type = schema[leaf].type, let value = try? schema.parse(key.value, as: type),
        (try? path.appendKey(value, type: type, schema: schema)) != nil, let bytes = path.entryKey
      else {
        if isPermit { return false }
        continue
      }
      conditions.append(Condition(list: node, key: index, value: bytes))
    }
    return true
  }

  private static func isAbout(_ node: SchemaNode, _ module: Int32) -> Bool {
    module == -1 || module == Int32(node.module.rawValue)
  }

  private static func state(
    _ operation: AccessOperation, _ node: SchemaNode, _ candidates: [Candidate], _ rules: AccessRules, _ modules: [Int32],
    _ annotation: UInt8
  ) -> State {
    if rules.refusesAll { return .denied }
    var keyed = (permit: false, deny: false)
    var isPermitted = rules.byDefault(operation).isPermitted
    if annotation & 2 != 0 || annotation & 1 != 0 && operation.isWrite { isPermitted = false }
    for candidate in candidates {
      let rule = rules.rules[candidate.rule]
      guard rule.operations.contains(.init(operation)), isAbout(node, modules[candidate.rule]) else { continue }
      if candidate.conditions.isEmpty {
        isPermitted = rule.isPermit
        break
      }
      if rule.isPermit { keyed.permit = true } else { keyed.deny = true }
    }
    if isPermitted ? keyed.deny : keyed.permit { return .byKeys }
    return isPermitted ? .permitted : .denied
  }

  // MARK: Decisions

  @inline(__always)
  func state(_ operation: AccessOperation, _ node: NodeID) -> State {
    State(rawValue: UInt8(truncatingIfNeeded: states[node.index] >> UInt16(2 * operation.rawValue) & 3)) ?? .denied
  }

  /// The first rule that matches, else annotations, else the defaults.
  /// - Parameter path: where the node is; of an action, where what has it is.
  func decide(_ operation: AccessOperation, _ node: NodeID, at path: TreePath) -> AccessDecision {
    if rules.refusesAll { return rules.refusal }
    let schemaNode = model.schema[node]
    for candidate in candidates[node.index] {
      let rule = rules.rules[candidate.rule]
      guard rule.operations.contains(.init(operation)), Self.isAbout(schemaNode, modules[candidate.rule]),
        candidate.conditions.isEmpty || hold(candidate.conditions, path)
      else { continue }
      return AccessDecision(
        isPermitted: rule.isPermit, cause: .rule(list: rule.list, name: rule.name), isLogged: rule.isPermit && rule.logsPermit)
    }
    let annotation = annotations[node.index]
    if annotation & 2 != 0 { return AccessDecision(isPermitted: false, cause: .annotation("default-deny-all")) }
    if annotation & 1 != 0, operation.isWrite {
      return AccessDecision(isPermitted: false, cause: .annotation("default-deny-write"))
    }
    return rules.byDefault(operation)
  }

  private func hold(_ conditions: [Condition], _ path: TreePath) -> Bool {
    let steps = model.layout.steps(of: path)
    return conditions.allSatisfy { condition in
      guard let step = steps.first(where: { $0.node == condition.list }), let end = step.entryEnd else { return false }
      return EntryKey.value(condition.key, of: path.bytes[step.nodeEnd..<end]).map { $0.elementsEqual(condition.value) }
        ?? false
    }
  }

  /// Whether reading at a place is permitted: there, and of the entries and presence containers that it is in.
  private func permitsReading(_ path: TreePath) -> Bool {
    for place in model.layout.lineage(of: path) {
      guard let node = place.node, place == path || model[node].isAnchor else { continue }
      let asked = model[node].isKey ? model.schema[node].parent ?? node : node
      switch state(.read, asked) {
      case .permitted: continue
      case .denied: return false
      case .byKeys: if !decide(.read, asked, at: place).isPermitted { return false }
      }
    }
    return true
  }

  /// Whether something at a place is seen. Lists, and containers without presence, are where something in them can be.
  func shows(_ path: TreePath) -> Bool {
    guard let node = path.node else { return true }
    let facts = model[node]
    let isPlain = facts.kind == .container && !facts.isAnchor
    switch State(rawValue: visibility[node.index]) ?? .denied {
    case .permitted: return true
    case .denied: return isPlain && mayShow[node.index] && showsAnchor(of: path, node)
    case .byKeys:
      if isPlain || path.isWholeList { return mayShow[node.index] && showsAnchor(of: path, node) }
      return permitsReading(path)
    }
  }

  private func showsAnchor(of path: TreePath, _ node: NodeID) -> Bool {
    guard let anchor = model[node].anchor else { return true }
    return model.layout.lineage(of: path).last { $0.node == anchor }.map(permitsReading) ?? true
  }

  /// Everything at and below a node is seen, whatever its keys are.
  func isOpen(_ node: NodeID?) -> Bool { node.map { isOpen[$0.index] } ?? isReadFree }

  /// The weaker test of completion: whether anything may be permitted at or below a node.
  func mayPermitSomething(_ node: NodeID) -> Bool {
    if mayShow[node.index] { return true }
    return (node.index..<model.schema[node].subtreeEnd.index).contains { index in
      let id = NodeID(rawValue: Int32(truncatingIfNeeded: index))
      switch model[id].kind {
      case .action, .rpc: return state(.exec, id) != .denied
      default:
        return model.layout.isStored(id) && [.create, .update, .delete].contains { state($0, id) != .denied }
      }
    }
  }

  /// A node, if that is one, and everything below it may be deleted, created and so on, whatever its keys are.
  func permitsAll(_ operation: AccessOperation, below node: NodeID?) -> Bool {
    let range = node.map { $0.index..<model.schema[$0].subtreeEnd.index } ?? 0..<states.count
    return range.allSatisfy { index in
      let id = NodeID(rawValue: Int32(truncatingIfNeeded: index))
      return !model.layout.isStored(id) || model[id].isKey || state(operation, id) == .permitted
    }
  }
}
