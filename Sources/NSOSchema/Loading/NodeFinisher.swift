internal import CLibYang
internal import NSOModel

/// The second round of building: gives every draft its type, constraints and defaults.
final class NodeFinisher {
  private let builder: SchemaBuilder
  private let table: NodeTable
  private let strings: StringCache
  private let types: TypeBuilder
  /// Set when a default needs the schema itself to be understood.
  private var needsSchema = false

  init(_ builder: SchemaBuilder, table: NodeTable) {
    self.builder = builder
    self.table = table
    strings = builder.strings
    types = TypeBuilder(builder, table: table)
  }

  func finish(
    roots: [NodeID], rootMembers: [SchemaNode.Member], rpcs: [NodeID], notifications: [NodeID]
  ) throws(SchemaError) -> Schema {
    let defaultsInside = findDefaultsInside()
    func schema(knowing known: Schema?) throws(SchemaError) -> Schema {
      var nodes: [SchemaNode] = []
      nodes.reserveCapacity(builder.drafts.count)
      for index in builder.drafts.indices {
        nodes.append(try node(index, extra: defaultsInside.contains(index) ? .defaultsInside : [], known: known))
      }
      return Schema(
        modules: builder.libModules.enumerated().map { module(ModuleID($0), $1) }, nodes: nodes, roots: roots, rpcs: rpcs,
        notifications: notifications, choices: builder.choices.compactMap { $0 }, rootMembers: rootMembers,
        identities: types.identities.all, table: table)
    }
    let first = try schema(knowing: nil)
    // Defaults that are paths can only be read once the nodes are there.
    return needsSchema ? try schema(knowing: first) : first
  }

  /// Nodes with a default at or below them that is in effect as soon as they exist.
  private func findDefaultsInside() -> Set<Int> {
    var found = Set<Int>()
    for (index, draft) in builder.drafts.enumerated() where draft.flags.contains(.config) && hasDefault(draft) {
      var next: NodeID? = NodeID(index)
      while let id = next, found.insert(id.index).inserted {
        let draft = builder.drafts[id.index]
        if draft.kind == .list || draft.flags.contains(.presence) { break }
        next = draft.parent
      }
    }
    return found
  }

  private func hasDefault(_ draft: SchemaBuilder.Draft) -> Bool {
    switch draft.kind {
    case .leaf: draft.source.cast(lysc_node_leaf.self).pointee.dflt != nil
    case .leafList: draft.source.cast(lysc_node_leaflist.self).pointee.dflts != nil
    default: false
    }
  }

  // MARK: Nodes

  private func node(_ index: Int, extra: SchemaNode.Flags, known: Schema?) throws(SchemaError) -> SchemaNode {
    let draft = builder.drafts[index]
    let id = NodeID(index)
    let source = draft.source
    var flags = draft.flags.union(extra)
    let type = types.type(of: id)
    if draft.kind == .leaf, case .empty = type?.valueType.kind { flags.insert(.empty) }
    if let type, case .leafref = type.kind { flags.insert(.leafref) }
    let whens = whens(of: draft)
    let musts = items(lysc_node_musts(source)).map { must($0, draft) }
    if !whens.isEmpty { flags.insert(.hasWhen) }
    if !musts.isEmpty { flags.insert(.hasMust) }
    let rare = SchemaNode.Rare(
      members: draft.members.contains { if case .choice = $0 { true } else { false } } ? draft.members : [],
      actions: draft.actions, notifications: draft.notifications,
      defaults: try type.map { type throws(SchemaError) in try defaults(of: draft, id: id, type: type, known: known) } ?? [],
      units: units(of: draft), presence: presence(of: draft), minElements: bounds(of: draft).min,
      maxElements: bounds(of: draft).max, musts: musts, inputMusts: sideMusts(draft, \.input),
      outputMusts: sideMusts(draft, \.output), whens: whens, uniques: uniques(of: draft),
      caseReference: draft.caseReference, extensions: draft.extensions)
    return SchemaNode(
      id: id, kind: draft.kind, flags: flags, status: status(source.pointee.flags), module: draft.module, parent: draft.parent,
      subtreeEnd: NodeID(draft.end), name: builder.name(of: source), children: draft.children,
      keys: draft.kind == .list ? draft.children.filter { builder.drafts[$0.index].flags.contains(.key) } : [], type: type,
      description: strings.string(source.pointee.dsc), rare: rare.isBare ? nil : rare)
  }

  private func units(of draft: SchemaBuilder.Draft) -> String? {
    switch draft.kind {
    case .leaf: strings.string(draft.source.cast(lysc_node_leaf.self).pointee.units)
    case .leafList: strings.string(draft.source.cast(lysc_node_leaflist.self).pointee.units)
    default: nil
    }
  }

  /// The text of `presence`; empty when a refinement made the container one with presence.
  private func presence(of draft: SchemaBuilder.Draft) -> String? {
    guard draft.flags.contains(.presence) else { return nil }
    return strings.string(draft.source.parsed?.cast(lysp_node_container.self).pointee.presence) ?? ""
  }

  private func bounds(of draft: SchemaBuilder.Draft) -> (min: UInt32, max: UInt32?) {
    let (min, max): (UInt32, UInt32)
    switch draft.kind {
    case .list:
      let list = draft.source.cast(lysc_node_list.self)
      (min, max) = (list.pointee.min, list.pointee.max)
    case .leafList:
      let list = draft.source.cast(lysc_node_leaflist.self)
      (min, max) = (list.pointee.min, list.pointee.max)
    default: return (0, nil)
    }
    return (min, max == 0 || max == UInt32.max ? nil : max)
  }

  private func uniques(of draft: SchemaBuilder.Draft) -> [[NodeID]] {
    guard draft.kind == .list else { return [] }
    return items(draft.source.cast(lysc_node_list.self).pointee.uniques).map { group in
      items(group).compactMap { leaf in
        leaf.flatMap { builder.ids[UnsafeRawPointer($0).assumingMemoryBound(to: lysc_node.self)] }
      }
    }
  }

  private func status(_ flags: UInt16) -> SchemaStatus {
    if Int32(flags) & LYS_STATUS_OBSLT != 0 { return .obsolete }
    return Int32(flags) & LYS_STATUS_DEPRC != 0 ? .deprecated : .current
  }

  // MARK: Constraints

  private func must(_ source: lysc_must, _ draft: SchemaBuilder.Draft) -> Must {
    Must(
      expression: expression(source.cond, source.prefixes, draft), errorMessage: strings.string(source.emsg),
      errorAppTag: strings.string(source.eapptag))
  }

  private func sideMusts(_ draft: SchemaBuilder.Draft, _ side: KeyPath<lysc_node_action, lysc_node_action_inout>) -> [Must] {
    guard draft.kind == .action || draft.kind == .rpc else { return [] }
    return items(draft.source.cast(lysc_node_action.self).pointee[keyPath: side].musts).map { must($0, draft) }
  }

  private func whens(of draft: SchemaBuilder.Draft) -> [When] {
    (draft.outerWhens + items(lysc_node_when(draft.source)).compactMap { $0 }).map { source in
      let context = lysc_data_node(source.pointee.context).flatMap { builder.ids[$0] }
      return When(
        expression: expression(source.pointee.cond, source.pointee.prefixes, draft), context: context.map { .node($0) } ?? .root
      )
    }
  }

  private func expression(
    _ source: OpaquePointer?, _ prefixes: UnsafeMutablePointer<lysc_prefix>?, _ draft: SchemaBuilder.Draft
  ) -> XPathExpression {
    XPathExpression(
      strings.string(lyxp_get_expr(source)) ?? "",
      prefixes: types.prefixMaps.map(prefixes, defaultNamespace: builder.name(of: draft.source).namespace))
  }

  // MARK: Defaults

  private func defaults(
    of draft: SchemaBuilder.Draft, id: NodeID, type: SchemaType, known: Schema?
  ) throws(SchemaError) -> [Value] {
    let sources: [UnsafeMutablePointer<lyd_value>]
    switch draft.kind {
    case .leaf: sources = draft.source.cast(lysc_node_leaf.self).pointee.dflt.map { [$0] } ?? []
    case .leafList: sources = items(draft.source.cast(lysc_node_leaflist.self).pointee.dflts).compactMap { $0 }
    default: return []
    }
    var values: [Value] = []
    if !sources.isEmpty, known == nil, type.mayHoldPath {
      needsSchema = true
      return []
    }
    for source in sources {
      guard let text = lyd_value_get_canonical(builder.context.pointer, source).map({ String(cString: $0) }) else { continue }
      do throws(ValueError) {
        values.append(try TypeCoder(schema: known).parse(text, as: type, prefixes: .map(types.namespaceOfModule)))
      } catch {
        let name = builder.name(of: draft.source)
        let module = strings.string(draft.source.pointee.module?.pointee.name) ?? ""
        throw SchemaError(
          .semantics, file: builder.context.files[module], path: path(of: id),
          reason: "the default \"\(text)\" of \(name.name) is not a value of its type: \(error.message)")
      }
    }
    return values
  }

  private func path(of id: NodeID) -> String {
    let draft = builder.drafts[id.index]
    let module = strings.string(draft.source.pointee.module?.pointee.prefix) ?? ""
    let step = "/\(module):\(builder.name(of: draft.source).name)"
    return (draft.parent.map { path(of: $0) } ?? "") + step
  }

  // MARK: Modules

  private func module(_ id: ModuleID, _ source: LibModule) -> SchemaModule {
    let namespace = strings.string(source.pointee.ns) ?? ""
    let name = strings.string(source.pointee.name) ?? ""
    var prefixes = [strings.string(source.pointee.prefix) ?? "": namespace]
    var features: [SchemaModule.Feature] = []
    if let parsed = UnsafePointer(source.pointee.parsed) {
      for entry in items(parsed.pointee.imports) {
        if let prefix = strings.string(entry.prefix), let imported = strings.string(entry.module?.pointee.ns) {
          prefixes[prefix] = imported
        }
      }
      var part: UInt32 = 0
      var feature = lysp_feature_next(nil, parsed, &part)
      while let found = feature {
        features.append(
          SchemaModule.Feature(
            name: strings.string(found.pointee.name) ?? "", isEnabled: Int32(found.pointee.flags) & LYS_FENABLED != 0))
        feature = lysp_feature_next(found, parsed, &part)
      }
    }
    return SchemaModule(
      id: id, name: name, namespace: namespace, prefix: strings.string(source.pointee.prefix) ?? "",
      revision: strings.string(source.pointee.revision), hash: NameHash.hash(namespace),
      isImplemented: source.pointee.implemented != 0, features: features, typedefs: types.typedefs(of: source),
      prefixes: PrefixMap(namespaces: prefixes, defaultNamespace: namespace), description: strings.string(source.pointee.dsc),
      extensions: builder.extensions.read(
        source.pointee.compiled?.pointee.exts, parsed: source.pointee.parsed?.pointee.exts),
      file: builder.context.files[name])
  }
}
