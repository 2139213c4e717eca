public import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOXPath

extension TreeEditor {
  /// The node of a location, if it may be written here.
  /// - Throws: NOT_WRITABLE, naming why.
  func writable(_ location: Location) throws(NSOError) -> NodeID {
    guard let node = location.node else { throw NSOError(.notWritable, "the root cannot be written: write what is below it") }
    switch (model[node].placement, target) {
    case (.configuration, .configuration), (.operational, .operational), (.persistentOperational, .operational): return node
    case (.configuration, .operational):
      throw NSOError(
        .notWritable, "\(location.text(model)) is configuration: write it in a transaction on running, not on operational")
    case (.operational, .configuration), (.persistentOperational, .configuration):
      throw NSOError(
        .notWritable,
        "\(location.text(model)) is operational data: write it in a transaction on operational, or an operational CDB session")
    case (.provider, _): return try writableAtProvider(location, node)
    case (.none, _): throw NSOError(.badPath, "\(location.text(model)) is no data node")
    }
  }

  /// The canonical form of a value for a leaf, or entry of a leaf-list.
  func check(_ value: Value, _ node: NodeID, _ location: Location) throws(NSOError) -> Value {
    guard let type = model.schema[node].type else {
      throw NSOError(.badType, "\(location.text(model)) takes no value")
    }
    do { return try model.schema.check(value, as: type) } catch { throw error.nsoError(at: location.text(model)) }
  }

  /// Whether exactly this record is there.
  func isPresent(_ location: Location) throws(NSOError) -> Bool {
    guard let node = location.node else { return true }
    if model[node].isKey { return try view.anchorExists(location) }
    return try view.isSet(location)
  }

  func requireAnchor(_ location: Location) throws(NSOError) {
    guard try !view.anchorExists(location) else { return }
    throw NSOError(
      .noExists, "\(location.text(model)): \(location.anchorText(model)) does not exist; create it first")
  }

  /// A key leaf may only be set to what it is.
  func setKey(_ location: Location, _ value: Value) throws(NSOError) {
    try requireAnchor(location)
    guard try view.value(location) != value else { return }
    throw NSOError(
      .notWritable, "\(location.text(model)) is a key and cannot be changed: create another entry, or move this one")
  }

  mutating func setLeafList(_ location: Location, _ node: NodeID, _ values: [Value]) throws(NSOError) {
    try requireAccessToSet(location)
    if access?.writesByKeys(node) == true {
      return try judgedAsWhole { (editor) throws(NSOError) in try editor.setLeafList(location, node, values) }
    }
    try requireAnchor(location)
    var seen: Set<Value> = []
    var entries: [Location] = []
    for value in values {
      var builder = LocationBuilder(model, from: location)
      let canonical = try builder.entry([value])
      guard seen.insert(canonical[0]).inserted || model[node].placement != .configuration else {
        throw NSOError(.badType, "\(location.text(model)): the value \(canonical[0].plainText) stands there twice")
      }
      entries.append(builder.location)
    }
    try chooseCase(of: location)
    // The leaf-list as a whole was asked about.
    let access = self.access
    self.access = nil
    defer { self.access = access }
    try changing(node) { overlay throws(StoreError) in try overlay.delete(location.path) }
    noteChange(location, .deleted)
    for entry in entries { try ensure(entry) }
  }

  /// Writing into a case takes away the data of the other cases of its choice (RFC 7950, section 7.9).
  mutating func chooseCase(of location: Location) throws(NSOError) {
    guard let node = location.node, model[node].isInCase, let parent = location.parent(model) else { return }
    var reference = model.schema[node].caseReference
    while let current = reference {
      let choice = model.schema[current.choice]
      for (index, branch) in choice.cases.enumerated() where index != current.index {
        try clear(branch.members, in: parent)
      }
      reference = choice.caseReference
    }
    // A case further up holds this node through plain containers.
    if let above = parent.node, !model[above].isAnchor { try chooseCase(of: parent) }
  }

  /// Selects a case of a choice: the data of the other cases is deleted (protocol part 03, section 10.6). A case is chosen by its data,
  /// so one without any does not read as chosen before something is written into it. The case `$none` deletes all.
  /// - Throws: BADPATH for an unknown choice or case, NOEXISTS when what holds the choice does not exist.
  public mutating func selectCase(_ selected: Tag, of names: [Tag], in parent: Location) throws(NSOError) {
    let choice = model.schema[try view.choice(names, in: parent)]
    let keeps = choice.cases.firstIndex { view.matches(selected, $0.name) }
    guard keeps != nil || selected.name == "$none" else {
      throw NSOError(.badPath, "choice \(choice.name.name) of \(parent.text(model)) has no case \(selected)")
    }
    guard try view.exists(parent) else { throw NSOError(.noExists, "\(parent.text(model)) does not exist") }
    for (index, branch) in choice.cases.enumerated() where index != keeps {
      for case .node(let node) in branch.members { _ = try writable(parent.child(node, model)) }
      try clear(branch.members, in: parent)
    }
  }

  private mutating func clear(_ members: [SchemaNode.Member], in parent: Location) throws(NSOError) {
    for member in members {
      switch member {
      case .node(let node):
        let place = parent.child(node, model)
        guard model[node].placement != .provider || model[node].isConfiguration, try view.isSet(place) else { continue }
        if let access { try access.requireDeletion(of: place, in: self) }
        try changing(node) { overlay throws(StoreError) in try overlay.delete(place.path) }
        if !place.path.isTerminal { moves.delete(place.path.bytes) }
        noteChange(place, .deleted)
      case .choice(let choice):
        for branch in model.schema[choice].cases { try clear(branch.members, in: parent) }
      }
    }
  }

  func entryPlace(_ place: MovePlace, in entry: Location) throws(NSOError) -> EntryPlace {
    switch place {
    case .first: return .first
    case .last: return .last
    case .before(let keys): return .before(try sibling(keys, of: entry))
    case .after(let keys): return .after(try sibling(keys, of: entry))
    }
  }

  private func sibling(_ keys: [Value], of entry: Location) throws(NSOError) -> [UInt8] {
    var list = entry
    list.path = entry.path.withoutEntryKey
    list.keys.removeLast(min(keys.count, list.keys.count))
    var builder = LocationBuilder(model, from: list)
    try builder.entry(keys)
    return builder.location.path.entryKey ?? []
  }

  mutating func change(_ node: NodeID, _ body: (inout Overlay) -> Void) {
    written.note(node)
    switch model[node].placement {
    case .operational: body(&operational)
    case .persistentOperational: body(&persistentOperational)
    case .provider:
      if var overlay = provider {
        provider = nil
        body(&overlay)
        provider = overlay
      }
    default: body(&configuration)
    }
  }

  @discardableResult
  mutating func changing<R>(
    _ node: NodeID, _ body: (inout Overlay) throws(StoreError) -> R
  ) throws(NSOError) -> R {
    written.note(node)
    if model[node].placement == .provider {
      guard var overlay = provider else {
        throw NSOError(.notWritable, "\(model.schema.path(of: node)) belongs to a data provider, which cannot be reached here")
      }
      // Not kept in two places: a change would copy it.
      provider = nil
      defer { provider = overlay }
      return try storeErrors { () throws(StoreError) in try body(&overlay) }
    }
    do throws(StoreError) {
      switch model[node].placement {
      case .operational: return try body(&operational)
      case .persistentOperational: return try body(&persistentOperational)
      default: return try body(&configuration)
      }
    } catch {
      throw NSOError(store: error)
    }
  }
}

extension SchemaNode.Kind {
  /// The word of YANG.
  var text: String {
    switch self {
    case .container: "container"
    case .list: "list"
    case .leaf: "leaf"
    case .leafList: "leaf-list"
    case .action: "action"
    case .rpc: "rpc"
    case .notification: "notification"
    case .anydata: "anydata"
    case .anyxml: "anyxml"
    }
  }
}
