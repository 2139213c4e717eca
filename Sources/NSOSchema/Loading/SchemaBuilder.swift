internal import CLibYang
internal import NSOModel

/// Turns the library's compiled modules into a `Schema`, in two rounds: first every node gets its place (`drafts`), then
/// types, defaults and constraints, which refer to nodes, are made.
final class SchemaBuilder {
  /// A node that has its place but not yet its content.
  struct Draft {
    var source: CompiledNode
    var kind: SchemaNode.Kind
    var flags: SchemaNode.Flags
    var module: ModuleID
    var parent: NodeID?
    var end = 0
    var children: [NodeID] = []
    var members: [SchemaNode.Member] = []
    var actions: [NodeID] = []
    var notifications: [NodeID] = []
    var caseReference: CaseReference?
    /// Conditions of the choices and cases around it.
    var outerWhens: [UnsafeMutablePointer<lysc_when>] = []
    var extensions: [ExtensionStatement] = []
  }

  let context: YANGContext
  let strings = StringCache()
  let extensions: ExtensionReader
  private(set) var drafts: [Draft] = []
  private(set) var choices: [SchemaChoice?] = []
  private(set) var ids: [CompiledNode: NodeID] = [:]
  /// Modules in the order of their ids.
  private(set) var libModules: [LibModule] = []
  private(set) var moduleIDs: [LibModule: ModuleID] = [:]

  init(_ context: YANGContext) {
    self.context = context
    extensions = ExtensionReader(context: context.pointer, strings: strings)
  }

  func build() throws(SchemaError) -> Schema {
    collectModules()
    guard libModules.count <= Int(UInt16.max) else {
      throw SchemaError(.library, reason: "\(libModules.count) modules are more than the \(UInt16.max) that are supported")
    }
    var roots: [NodeID] = []
    var members: [SchemaNode.Member] = []
    var rpcs: [NodeID] = []
    var notifications: [NodeID] = []
    for module in libModules where module.pointee.implemented != 0 {
      guard let compiled = module.pointee.compiled?.pointee else { continue }
      let top = addSiblings(UnsafePointer(compiled.data), of: nil, parent: nil, flags: [])
      roots += top.nodes
      members += top.members
      rpcs += addList(compiled.rpcs, parent: nil, flags: [])
      notifications += addList(compiled.notifs, parent: nil, flags: [])
    }
    let table = NodeTable(count: drafts.count) { index in
      (strings.string(drafts[index].source.pointee.name) ?? "", drafts[index].module, drafts[index].parent)
    }
    return try NodeFinisher(self, table: table).finish(
      roots: roots, rootMembers: members, rpcs: rpcs, notifications: notifications)
  }

  // MARK: Modules

  /// All modules but those the library brings along and nobody imports; implemented ones first.
  private func collectModules() {
    let builtIn = ly_ctx_internal_modules_count(context.pointer)
    var all: [LibModule] = []
    var wanted: [LibModule] = []
    var index: UInt32 = 0
    while let module = ly_ctx_get_module_iter(context.pointer, &index) {
      let module = UnsafePointer(module)
      all.append(module)
      if all.count > builtIn || context.files[strings.string(module.pointee.name) ?? ""] != nil { wanted.append(module) }
    }
    var reached = Set(wanted)
    while let module = wanted.popLast() {
      guard let parsed = UnsafePointer(module.pointee.parsed) else { continue }
      for part in parsed.parts {
        for entry in items(part.pointee.imports) where Int32(entry.flags) & LYS_INTERNAL == 0 {
          if let imported = UnsafePointer(entry.module), reached.insert(imported).inserted { wanted.append(imported) }
        }
      }
    }
    libModules = all.filter { reached.contains($0) && $0.pointee.implemented != 0 }
    libModules += all.filter { reached.contains($0) && $0.pointee.implemented == 0 }
    for (index, module) in libModules.enumerated() { moduleIDs[module] = ModuleID(index) }
  }

  // MARK: Places

  /// Adds `first` and its siblings. Nodes of a case are linked with those of the next case: `lexical` is the statement
  /// they must belong to.
  private func addSiblings(
    _ first: CompiledNode?, of lexical: CompiledNode?, parent: NodeID?, flags: SchemaNode.Flags,
    inside: CaseReference? = nil, whens: [UnsafeMutablePointer<lysc_when>] = []
  ) -> (nodes: [NodeID], members: [SchemaNode.Member]) {
    var nodes: [NodeID] = []
    var members: [SchemaNode.Member] = []
    var next = first
    while let node = next, lexical == nil || UnsafePointer(node.pointee.parent) == lexical {
      if node.type == LYS_CHOICE {
        let choice = addChoice(node, parent: parent, flags: flags, inside: inside, whens: whens)
        nodes += choice.nodes
        members.append(.choice(choice.id))
      } else if let id = add(node, parent: parent, flags: flags, inside: inside, whens: whens) {
        nodes.append(id)
        members.append(.node(id))
      }
      next = UnsafePointer(node.pointee.next)
    }
    return (nodes, members)
  }

  private func addChoice(
    _ node: CompiledNode, parent: NodeID?, flags: SchemaNode.Flags, inside: CaseReference?,
    whens: [UnsafeMutablePointer<lysc_when>]
  ) -> (id: ChoiceID, nodes: [NodeID]) {
    let source = node.cast(lysc_node_choice.self)
    let id = ChoiceID(choices.count)
    choices.append(nil)
    var nodes: [NodeID] = []
    var cases: [SchemaChoice.Case] = []
    var defaultCase: Int?
    let outer = whens + items(lysc_node_when(node)).compactMap { $0 }
    var next = source.pointee.cases.map { UnsafePointer($0) }
    while let item = next {
      let itemNode = UnsafeRawPointer(item).assumingMemoryBound(to: lysc_node.self)
      if source.pointee.dflt.map({ UnsafePointer($0) }) == item { defaultCase = cases.count }
      let content = addSiblings(
        UnsafePointer(item.pointee.child), of: itemNode, parent: parent, flags: flags,
        inside: CaseReference(choice: id, index: cases.count),
        whens: outer + items(lysc_node_when(itemNode)).compactMap { $0 })
      nodes += content.nodes
      cases.append(
        SchemaChoice.Case(
          name: name(of: itemNode), members: content.members,
          extensions: extensions.read(itemNode.pointee.exts, parsed: itemNode.parsed?.pointee.exts)))
      next = item.pointee.next.map { UnsafeRawPointer($0).assumingMemoryBound(to: lysc_node_case.self) }
    }
    choices[id.index] = SchemaChoice(
      id: id, name: name(of: node), module: moduleID(of: node), parent: parent, caseReference: inside, cases: cases,
      defaultCase: defaultCase, isMandatory: node.has(LYS_MAND_TRUE), isConfig: isConfig(node, flags),
      extensions: extensions.read(node.pointee.exts, parsed: node.parsed?.pointee.exts))
    return (id, nodes)
  }

  /// Adds a list of actions, rpcs or notifications.
  private func addList<Item>(_ first: UnsafePointer<Item>?, parent: NodeID?, flags: SchemaNode.Flags) -> [NodeID] {
    var nodes: [NodeID] = []
    var next = first.map { UnsafeRawPointer($0).assumingMemoryBound(to: lysc_node.self) }
    while let node = next {
      if let id = add(node, parent: parent, flags: flags, inside: nil, whens: []) { nodes.append(id) }
      next = UnsafePointer(node.pointee.next)
    }
    return nodes
  }

  private func addList<Item>(_ first: UnsafeMutablePointer<Item>?, parent: NodeID?, flags: SchemaNode.Flags) -> [NodeID] {
    addList(UnsafePointer(first), parent: parent, flags: flags)
  }

  /// Adds one node and all below it. Nil for a statement that is no node.
  private func add(
    _ node: CompiledNode, parent: NodeID?, flags inherited: SchemaNode.Flags, inside: CaseReference?,
    whens: [UnsafeMutablePointer<lysc_when>]
  ) -> NodeID? {
    guard let kind = kind(of: node) else { return nil }
    var draft = Draft(source: node, kind: kind, flags: inherited, module: moduleID(of: node), parent: parent)
    draft.extensions = extensions.read(node.pointee.exts, parsed: node.parsed?.pointee.exts)
    draft.caseReference = inside
    draft.outerWhens = whens
    if draft.extensions.first("cdb-oper") != nil { draft.flags.insert(.storedOperational) }
    let below = draft.flags
    if isConfig(node, inherited) { draft.flags.insert(.config) }
    if inside != nil { draft.flags.insert(.inCase) }
    switch kind {
    case .container:
      if node.has(LYS_PRESENCE) { draft.flags.insert(.presence) }
      if node.has(LYS_MAND_TRUE) { draft.flags.insert(.mandatoryInside) }
    case .leaf:
      if node.has(LYS_KEY) { draft.flags.formUnion([.key, .mandatory]) }
      if node.has(LYS_MAND_TRUE) { draft.flags.insert(.mandatory) }
    case .list, .leafList:
      if node.has(LYS_ORDBY_USER), draft.flags.contains(.config) { draft.flags.insert(.orderedByUser) }
    case .anydata, .anyxml:
      if node.has(LYS_MAND_TRUE) { draft.flags.insert(.mandatory) }
    case .action, .rpc, .notification: break
    }
    let id = NodeID(drafts.count)
    ids[node] = id
    drafts.append(draft)
    addContent(of: node, id: id, kind: kind, flags: below)
    drafts[id.index].end = drafts.count
    return id
  }

  private func addContent(of node: CompiledNode, id: NodeID, kind: SchemaNode.Kind, flags: SchemaNode.Flags) {
    switch kind {
    case .action, .rpc:
      let action = node.cast(lysc_node_action.self)
      let input = addSiblings(UnsafePointer(action.pointee.input.child), of: nil, parent: id, flags: flags.union(.input))
      let output = addSiblings(UnsafePointer(action.pointee.output.child), of: nil, parent: id, flags: flags.union(.output))
      drafts[id.index].children = input.nodes + output.nodes
      drafts[id.index].members = input.members + output.members
    case .notification:
      let content = addSiblings(lysc_node_child(node), of: nil, parent: id, flags: flags.union(.inNotification))
      drafts[id.index].children = content.nodes
      drafts[id.index].members = content.members
    case .container, .list:
      let content = addSiblings(lysc_node_child(node), of: nil, parent: id, flags: flags)
      drafts[id.index].children = content.nodes
      drafts[id.index].members = content.members
      let actions = addList(lysc_node_actions(node), parent: id, flags: flags)
      let notifications = addList(lysc_node_notifs(node), parent: id, flags: flags)
      drafts[id.index].actions = actions
      drafts[id.index].notifications = notifications
    case .leaf, .leafList, .anydata, .anyxml: break
    }
  }

  private func kind(of node: CompiledNode) -> SchemaNode.Kind? {
    switch node.type {
    case LYS_CONTAINER: .container
    case LYS_LIST: .list
    case LYS_LEAF: .leaf
    case LYS_LEAFLIST: .leafList
    case LYS_ANYXML: .anyxml
    case LYS_ANYDATA: .anydata
    case LYS_RPC: .rpc
    case LYS_ACTION: .action
    case LYS_NOTIF: .notification
    default: nil
    }
  }

  private func isConfig(_ node: CompiledNode, _ flags: SchemaNode.Flags) -> Bool {
    node.has(LYS_CONFIG_W) && flags.isDisjoint(with: [.input, .output, .inNotification])
  }

  // MARK: Names

  func moduleID(of node: CompiledNode) -> ModuleID {
    node.pointee.module.flatMap { moduleIDs[UnsafePointer($0)] } ?? ModuleID(0)
  }

  func name(of node: CompiledNode) -> QName {
    QName(
      namespace: strings.string(node.pointee.module?.pointee.ns) ?? "", name: strings.string(node.pointee.name) ?? "")
  }
}
