public import NIOCore
import NSODocument
public import NSOModel
import NSOSchema
import NSOStore

/// Writes a tree as a document, piece by piece: each call of ``produce(into:)`` goes on where the last one stopped, so that
/// whoever reads slowly costs no memory. Containers and entries are written when the first thing in them is.
public struct ConfigurationSave {
  private enum Frame {
    /// The children of a container, list entry or the root; `opened` is what was put before them.
    case children(Location, [NodeID], next: Int, opened: Opening, SubtreeFilter.Level?)
    /// The entries of a list; with what a filter asks for of each.
    case entries(Location, any DataTree, ListPosition, only: [UInt8]?, isShown: Bool, [SubtreeFilter.Element]?)
  }

  /// What a frame has put before its children; nothing where parents are left out.
  private enum Opening { case nothing, container, entry }

  /// What has to be written before the next leaf.
  private enum Pending {
    case container(NodeName, [Annotation])
    case list(NodeName)
    case entry([(NodeName, WrittenValue)], [Annotation])
  }

  private let view: TreeView
  private var model: DataModel { view.model }
  private let options: SaveOptions
  private let sink: Sink
  private var writer: any DocumentWriter
  private var frames: [Frame] = []
  private var pending: [Pending] = []
  /// The steps of the path that was asked for, by depth: the node, and the keys of its entry.
  private var restriction: [(node: NodeID, entry: [UInt8]?)] = []
  private let selection: NodeSelection?
  /// Some nodes have attributes.
  private let hasAttributes: Bool
  private var isFinished = false

  private final class Sink {
    var buffer = ByteBuffer()
  }

  /// - Throws: BADPATH for a path that leads nowhere, NOT_IMPLEMENTED for combinations that are not there yet.
  public init(_ view: TreeView, _ options: SaveOptions) throws(NSOError) {
    var view = view
    if options.withoutProviders {
      view.provider = nil
      view.providerTree = nil
    }
    self.view = view
    self.options = options
    let sink = Sink()
    self.sink = sink
    let write: (UnsafeRawBufferPointer) throws -> Void = { sink.buffer.writeBytes($0) }
    let outer = options.isNetconfData ? DocumentLoader.netconf : ""
    switch options.format {
    case .xml: writer = XMLDocumentWriter(layout: .plain, inside: outer, sink: write)
    case .xmlPretty: writer = XMLDocumentWriter(layout: .pretty, inside: outer, sink: write)
    case .json: writer = JSONDocumentWriter(layout: .plain, sink: write)
    case .jsonPretty: writer = JSONDocumentWriter(layout: .pretty, sink: write)
    case .curly: writer = CurlyDocumentWriter(hiddenLevels: options.contentsOnly ? 1 : 0, sink: write)
    case .setCommands: writer = LineDocumentWriter(.setCommands, sink: write)
    case .keypaths: writer = LineDocumentWriter(.keypaths, sink: write)
    }
    hasAttributes = try view.usesAttributes()
    selection = try options.filter.map { (filter) throws(NSOError) in
      try NodeSelection(filter, prefixes: options.filterPrefixes, view)
    }
    if let path = options.path { restriction = try Self.steps(path, view.model) }
    if options.noParents {
      for step in restriction.dropLast() where step.entry == nil && view.model[step.node].kind == .list {
        throw NSOError(
          .badPath, "without parents (NO_PARENTS) the path must give the keys of \(view.model.schema.path(of: step.node))")
      }
    }
    let root = options.noParents ? nil : Self.root(options)
    let level = try options.subtree.map { (filter) throws(NSOError) in
      try filter.top(view, withDefaults: options.withDefaults)
    }
    if let root { do { try writer.startContainer(root) } catch { throw NSOError(.internal, "\(error)") } }
    frames = [.children(.root, children(of: nil, depth: 0), next: 0, opened: root == nil ? .nothing : .container, level)]
  }

  /// Whether what stands at a depth is written; without parents only from the end of the path on.
  private func isShown(_ depth: Int) -> Bool { !options.noParents || depth >= restriction.count - 1 }

  private static func root(_ options: SaveOptions) -> NodeName? {
    switch options.format {
    case .xml where options.isNetconfData, .xmlPretty where options.isNetconfData:
      NodeName("data", namespace: DocumentLoader.netconf, module: "", prefix: "nc")
    case .xml, .xmlPretty:
      NodeName("config", namespace: DocumentLoader.configNamespace, module: "", prefix: "config")
    case .json, .jsonPretty: NodeName("data", namespace: "", module: "", prefix: "")
    case .curly, .setCommands, .keypaths: nil
    }
  }

  /// Adds the next piece to `out`, about `size` bytes.
  /// - Returns: false when the document is complete.
  public mutating func produce(into out: inout ByteBuffer, size: Int = 64 << 10) throws(NSOError) -> Bool {
    var steps = 0
    do {
      while !isFinished, sink.buffer.readableBytes < size, steps < 4096 {
        try step()
        steps += 1
      }
    } catch {
      // The copy from before this piece can make it again.
      sink.buffer.clear()
      throw error as? NSOError ?? NSOError(.internal, "\(error)")
    }
    out.writeBuffer(&sink.buffer)
    sink.buffer.clear()
    return !isFinished
  }

  // MARK: The walk

  private mutating func step() throws {
    guard let frame = frames.popLast() else {
      try writer.finish()
      isFinished = true
      return
    }
    switch frame {
    case .children(let location, let nodes, let next, let opened, let level):
      guard next < nodes.count else {
        if opened != .nothing { try close(opened) }
        return
      }
      frames.append(.children(location, nodes, next: next + 1, opened: opened, level))
      let wanted = level?.below(nodes[next])
      if wanted?.isEmpty != true { try visit(nodes[next], in: location, depth: depth, wanted) }
    case .entries(let list, let tree, var position, let only, let isShown, let wanted):
      var record: [UInt8] = []
      var tree = tree
      if let selection, only == nil, !list.path.isOrderedByUser, selection.relation(to: list.path) == .above {
        // Straight to what is selected.
        if let entry = selection.entry(in: list.path, from: position, model.layout) {
          position = .atOrAfter(entry)
        } else {
          tree = EmptyTree()
        }
      }
      guard try tree.nextEntry(in: list.path, &position, { record = Array($0) }), only == nil || only == position.entryKey
      else {
        guard isShown else { return }
        if case .list? = pending.last { pending.removeLast() } else { try writer.endList() }
        return
      }
      frames.append(.entries(list, only == nil ? tree : EmptyTree(), position, only: only, isShown: isShown, wanted))
      try enter(list, position.entryKey, record, isShown: isShown, wanted)
    }
  }

  /// How many steps of a path lead to what is open.
  private var depth: Int {
    frames.count { if case .children = $0 { true } else { false } } - 1
  }

  private mutating func enter(
    _ list: Location, _ key: [UInt8], _ record: [UInt8], isShown: Bool, _ wanted: [SubtreeFilter.Element]?
  ) throws {
    guard let node = list.node else { return }
    let keys = try record.withUnsafeBytes { try decodedKeys($0) }
    let entry = list.entry(key: key, keys)
    guard selection?.relation(to: entry.path) != .outside else { return }
    let level = try level(wanted, at: entry)
    guard level?.elements.isEmpty != true else { return }
    guard isShown else {
      return frames.append(.children(entry, children(of: node, depth: depth + 1), next: 0, opened: .nothing, level))
    }
    var written: [(NodeName, WrittenValue)] = []
    for (key, value) in zip(model.schema[node].keys, keys) {
      guard let type = model.schema[key].type else { continue }
      written.append((name(key), try model.written(value, type)))
    }
    pending.append(.entry(written, try annotations(of: entry)))
    // An entry that is only on the way to something selected waits for it.
    if shows(model[node]), level?.showsEntry(model) != false,
      selection?.relation(to: entry.path) != .above || selection?.selectsKey(of: entry.path) == true
    {
      try flush()
    }
    frames.append(.children(entry, children(of: node, depth: depth + 1), next: 0, opened: .entry, level))
  }

  /// The attributes of a node as the document shows them.
  private func annotations(of place: Location) throws(NSOError) -> [Annotation] {
    guard hasAttributes else { return [] }
    return try view.storedAttributes(of: place).compactMap { attribute in
      guard options.withServiceMeta || AttributeRule[attribute.number]?.isServiceMeta == false else { return nil }
      return model.written(attribute)
    }
  }

  /// What a subtree filter asks for below a container, or entry; nil: everything.
  private func level(
    _ wanted: [SubtreeFilter.Element]?, at place: Location
  ) throws(NSOError) -> SubtreeFilter.Level? {
    guard let wanted else { return nil }
    return try SubtreeFilter.level(wanted, at: place, view, withDefaults: options.withDefaults)
  }

  /// - Parameter wanted: what a subtree filter asks for of the node; nil: everything.
  private mutating func visit(
    _ node: NodeID, in parent: Location, depth: Int, _ wanted: [SubtreeFilter.Element]?
  ) throws {
    let facts = model[node]
    guard facts.placement != .none, facts.placement != .provider || view.provider != nil, !facts.isKey else { return }
    let holds = facts.kind == .container || facts.kind == .list
    guard holds || shows(facts) else { return }
    guard facts.isConfiguration || options.content != .configuration else { return }
    guard !options.hidesHidden || !model.isHidden(node) else { return }
    let place = parent.child(node, model)
    let relation = selection?.relation(to: place.path) ?? .inside
    guard relation != .outside else { return }
    switch facts.kind {
    case .leaf where facts.flags.contains(.empty):
      guard try view.exists(place) else { return }
      try flush()
      try writer.leaf(name(node), .empty, metadata: try annotations(of: place))
    case .leaf:
      guard let value = try set(place), let type = model.schema[node].type else { return }
      try flush()
      let marks = try defaultMark(place)
      try writer.leaf(name(node), try model.written(value, type), metadata: try annotations(of: place) + marks)
    case .leafList:
      guard case .list(let values)? = try set(place), let type = model.schema[node].type else { return }
      try flush()
      let marks = try defaultMark(place)
      // Of a leaf-list that a filter names with values only these.
      let named = wanted.flatMap { wanted in wanted.allSatisfy(\.isMatch) ? wanted.map(\.kind) : nil }
      try writer.startLeafList(name(node))
      for value in values where named?.contains(.match(value)) != false {
        guard hasAttributes || relation == .above else {
          try writer.item(try model.written(value, type), metadata: marks)
          continue
        }
        var entry = LocationBuilder(model, from: place)
        try entry.entry([value])
        guard selection?.relation(to: entry.location.path) != .outside else { continue }
        try writer.item(try model.written(value, type), metadata: try annotations(of: entry.location))
      }
      try writer.endLeafList()
    case .container where !isShown(depth):
      guard try !facts.flags.contains(.presence) || view.exists(place) else { return }
      frames.append(
        .children(place, children(of: node, depth: depth + 1), next: 0, opened: .nothing, try level(wanted, at: place)))
    case .container:
      if facts.flags.contains(.presence) {
        guard try view.exists(place) else { return }
      } else if !options.withDefaults, try !mayHoldData(place, node) {
        return
      }
      let level = try level(wanted, at: place)
      guard level?.elements.isEmpty != true else { return }
      let annotations = try annotations(of: place)
      pending.append(.container(name(node), annotations))
      if facts.flags.contains(.presence) || !annotations.isEmpty, shows(facts), relation == .inside, level == nil {
        try flush()
      }
      frames.append(.children(place, children(of: node, depth: depth + 1), next: 0, opened: .container, level))
    case .list:
      let tree = try view.tree(of: node)
      if isShown(depth) { pending.append(.list(name(node))) }
      var entry = restriction.indices.contains(depth) ? restriction[depth].entry : nil
      if entry == nil, let wanted, !place.path.isOrderedByUser, let keys = SubtreeFilter.keys(of: node, wanted, model) {
        var builder = LocationBuilder(model, from: place)
        if (try? builder.entry(keys)) != nil { entry = builder.location.path.entryKey }
      }
      frames.append(
        .entries(place, tree, entry.map { .atOrAfter($0) } ?? .start, only: entry, isShown: isShown(depth), wanted))
    default: return
    }
  }

  /// Quick look: nothing is set at or below a container without presence.
  private func mayHoldData(_ place: Location, _ node: NodeID) throws(NSOError) -> Bool {
    if options.content == .configuration { return try view.isSet(place) }
    return try storeErrors { () throws(StoreError) in
      if try view.configuration.hasContent(place.path) { return true }
      if try view.operational.hasContent(place.path) { return true }
      if let provider = view.provider, try provider.hasContent(place.path) { return true }
      return try view.persistentOperational.hasContent(place.path)
    }
  }

  /// The value of a leaf, or leaf-list: the default only if defaults are wanted.
  private func set(_ place: Location) throws(NSOError) -> Value? {
    if options.withDefaults { return try view.value(place) }
    guard try view.isSet(place), let value = try view.value(place) else { return nil }
    if options.defaults == .trim, let node = place.node {
      let schemaNode = model.schema[node]
      let isDefault =
        schemaNode.kind == .leaf
        ? schemaNode.defaultValue == value : !schemaNode.defaults.isEmpty && value == .list(schemaNode.defaults)
      if isDefault { return nil }
    }
    return value
  }

  /// The mark of a leaf that has its default since nobody has set it (RFC 6243, section 3.4).
  private func defaultMark(_ place: Location) throws(NSOError) -> [Annotation] {
    guard options.defaults == .allTagged, try !view.isSet(place) else { return [] }
    return [
      Annotation(
        NodeName(
          "default", namespace: DocumentLoader.defaultNamespace, module: "ietf-netconf-with-defaults", prefix: "wd"),
        .boolean(true))
    ]
  }

  private func shows(_ facts: DataModel.Facts) -> Bool {
    options.content != .operational || !facts.isConfiguration
  }

  /// In the forms of the CLI a name has its prefix where it is needed to tell it from another.
  private func name(_ node: NodeID) -> NodeName {
    var name = model.nodeName(node)
    switch options.format {
    case .curly, .setCommands, .keypaths:
      let schemaNode = model.schema[node]
      guard model.schema.child(of: schemaNode.parent, name: name.local) != node else { break }
      name.local = "\(name.prefix):\(name.local)"
    default: break
    }
    return name
  }

  private func children(of node: NodeID?, depth: Int) -> [NodeID] {
    if restriction.indices.contains(depth) { return [restriction[depth].node] }
    return node.map { model.schema[$0].children } ?? model.schema.roots
  }

  // MARK: What is open

  /// Writes what was opened and waits for something in it.
  private mutating func flush() throws {
    for item in pending {
      switch item {
      case .container(let name, let annotations): try writer.startContainer(name, metadata: annotations)
      case .list(let name): try writer.startList(name)
      case .entry(let keys, let annotations):
        try writer.startEntry(keys: keys, metadata: annotations)
      }
    }
    pending.removeAll(keepingCapacity: true)
  }

  private mutating func close(_ opened: Opening) throws {
    switch (opened, pending.last) {
    case (.container, .container?), (.entry, .entry?): pending.removeLast()
    default: try writer.end()
    }
  }

  private static func steps(_ path: Keypath, _ model: DataModel) throws(NSOError) -> [(node: NodeID, entry: [UInt8]?)] {
    var steps: [(node: NodeID, entry: [UInt8]?)] = []
    for element in path.elements {
      switch element {
      case .tag(let tag):
        guard let node = model.schema.child(of: steps.last?.node, tag), model.layout.isStored(node) else {
          throw NSOError(.badPath, "unknown element \(tag) in the path to save")
        }
        steps.append((node, nil))
      case .keys(let keys):
        guard let last = steps.last else { throw NSOError(.badPath, "a path cannot begin with keys") }
        // Only the keys matter here: they are encoded as those of a list at any place.
        var list = Location.root
        list.path.append(last.node, model.layout)
        var builder = LocationBuilder(model, from: list)
        try builder.entry(keys)
        steps[steps.count - 1].entry = builder.location.path.entryKey
      case .position: throw NSOError(.badPath, "entries by position cannot be saved")
      }
    }
    return steps
  }
}
