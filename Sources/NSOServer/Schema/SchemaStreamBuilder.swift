internal import NSOEngine
internal import NSOModel
internal import NSOSchema
internal import NSOWire

/// Makes the terms of one namespace: header, types, nodes, end (protocol part 07, section 4). Where the protocol is silent
/// it follows the worked example of section 8.
struct SchemaStreamBuilder {
  static func items(of module: SchemaModule, in schema: Schema) -> [SchemaItem] {
    var builder = SchemaStreamBuilder(module, schema)
    builder.types.add(module.typedefs)
    var nodes: [SchemaItem] = []
    for top in schema.roots + schema.rpcs + schema.notifications where schema[top].module == module.id {
      for index in top.index..<schema[top].subtreeEnd.index {
        nodes.append(.node(builder.node(schema.nodes[index])))
      }
    }
    let header = SchemaItem.Namespace(
      uri: module.namespace, prefix: module.prefix, hash: module.hash, revision: module.revision, module: module.name)
    return [.namespace(header)] + builder.types.definitions.map { .type($0) } + nodes + [.endOfNamespace]
  }

  private let schema: Schema
  private var types: SchemaStreamTypes
  /// Whether the configuration at and below a node comes from a data provider, for the nodes seen so far.
  private var provided: [NodeID: Bool] = [:]

  private init(_ module: SchemaModule, _ schema: Schema) {
    self.schema = schema
    types = SchemaStreamTypes(namespace: module.namespace)
  }

  private mutating func node(_ node: SchemaNode) -> SchemaItem.Node {
    let path = path(of: node)
    let metaData = node.extensions.all("meta-data").map { statement in
      SchemaItem.Node.MetaData(statement.argument ?? "", statement.substatements.first("meta-value")?.argument)
    }
    var item = SchemaItem.Node(path)
    item.type = typeReference(of: node, path: path)
    item.primitive = node.typeNumber
    item.defaultValue = node.kind == .leafList ? (node.defaults.isEmpty ? nil : .list(node.defaults)) : node.defaultValue
    (item.minOccurs, item.maxOccurs) = occurrences(of: node)
    item.children = children(node.members, of: node)
    item.keys = node.keys.map { schema[$0].name.name }
    item.flags = flags(of: node, hasMetaData: !metaData.isEmpty)
    item.actions = node.actions.map { tag(of: schema[$0].name, in: node) }
    item.order = order(of: node)
    item.notifications = node.notifications.map { tag(of: schema[$0].name, in: node) }
    item.metaData = metaData
    return item
  }

  // MARK: Names

  /// Root first; the top is plain, others are qualified where the namespace changes.
  private func path(of node: SchemaNode) -> [Tag] {
    var path: [Tag] = []
    var next: SchemaNode? = node
    while let step = next {
      next = step.parent.map { schema[$0] }
      path.append(next.map { tag(of: step.name, in: $0) } ?? Tag(step.name.name))
    }
    return path.reversed()
  }

  private func tag(of name: QName, in parent: SchemaNode) -> Tag {
    name.namespace == parent.name.namespace ? Tag(name.name) : Tag(name)
  }

  private func children(_ members: [SchemaNode.Member], of parent: SchemaNode) -> [SchemaItem.Child] {
    members.map { member in
      switch member {
      case .node(let id): return .node(tag(of: schema[id].name, in: parent))
      case .choice(let id):
        let choice = schema[id]
        return .choice(
          SchemaItem.Choice(
            tag(of: choice.name, in: parent),
            cases: choice.cases.map { SchemaItem.Choice.Case(tag(of: $0.name, in: parent), children($0.members, of: parent)) },
            defaultCase: choice.defaultCase.map { tag(of: choice.cases[$0].name, in: parent) },
            isMandatory: choice.isMandatory))
      }
    }
  }

  // MARK: Facts

  private mutating func typeReference(of node: SchemaNode, path: [Tag]) -> SchemaItem.TypeReference? {
    guard let type = node.type?.valueType, !node.isEmptyLeaf else { return nil }
    // Two steps tell most types apart; see `SchemaStreamTypes` for the others.
    let name = path.map(\.name)
    return node.kind == .leafList ? types.list(of: type, at: name) : types.reference(to: type, at: name)
  }

  private func occurrences(of node: SchemaNode) -> (min: Int, max: Int?) {
    switch node.kind {
    case .container: (node.isPresence ? 0 : 1, 1)
    case .list, .leafList: (Int(node.minElements), node.maxElements.map { Int($0) })
    case .leaf, .anydata, .anyxml: (node.isMandatory ? 1 : 0, 1)
    case .action, .rpc, .notification: (1, 1)
    }
  }

  private func order(of node: SchemaNode) -> SchemaItem.ListOrder {
    guard node.kind == .list || node.kind == .leafList else { return .normal }
    if node.isOrderedByUser { return .user }
    switch node.extensions.first("sort-order")?.argument {
    case "snmp": return .snmpLexicographic
    case "snmp-implied": return .snmpImplied
    case "unsorted": return .unsorted
    default: return node.isKeyless ? .unsorted : .normal
    }
  }

  private mutating func flags(of node: SchemaNode, hasMetaData: Bool) -> SchemaItem.Flags {
    var flags: SchemaItem.Flags = []
    switch node.kind {
    case .list: flags.insert(.list)
    case .container: flags.insert(.container)
    case .leafList: flags.insert(.leafList)
    case .action, .rpc: flags.insert(.action)
    case .notification: flags.insert(.notification)
    case .leaf, .anydata, .anyxml: break
    }
    let provided = isProvided(node)
    if node.isConfig {
      flags.insert(.write)
      if !provided { flags.insert(.cdb) }
    } else if node.flags.contains(.storedOperational), node.flags.isDisjoint(with: [.input, .output, .inNotification]),
      flags.isDisjoint(with: [.action, .notification])
    {
      flags.insert(.cdb)
    }
    if node.flags.contains(.input) { flags.insert(.parameter) }
    if node.flags.contains(.output) { flags.insert(.result) }
    if node.flags.contains(.inCase) { flags.insert(.inCase) }
    if node.flags.contains(.hasWhen) { flags.insert(.hasWhen) }
    if node.flags.contains(.leafref) { flags.insert(.leafref) }
    if node.extensions.first("display-when") != nil { flags.insert(.hasDisplayWhen) }
    if node.extensions.first("mount-point") != nil { flags.insert(.hasMountPoint) }
    if hasMetaData { flags.insert(.metaData) }
    return flags
  }

  /// Whether a callpoint at the node or above it serves the configuration, so that it is not stored here. Hooks only
  /// watch; a callpoint may also be for operational data alone.
  private mutating func isProvided(_ node: SchemaNode) -> Bool {
    var answer = node.parent.flatMap { provided[$0] } ?? false
    if let callpoint = CallPoint(of: node), !callpoint.isHook { answer = callpoint.servesConfiguration }
    provided[node.id] = answer
    return answer
  }
}
