import NSODocument
import NSOModel
import NSOSchema
import NSOStore

/// Turns the events of a document into writes. It holds what is open and, for a list entry, what came before its keys.
struct DocumentLoader {
  enum Frame {
    /// Something around the data: `config`, `data`.
    case wrapper
    /// A container, or a list entry whose keys are known.
    case inside(Location, Operation)
    /// A list entry whose keys are not complete; what else came so far waits.
    case entry(PendingEntry)
    /// A leaf, or one entry of a leaf-list.
    case leaf(Location, Marks, NameContext, text: String?)
    /// A key leaf of the entry around it.
    case key(index: Int, NameContext, text: String?)
    /// Passed over, with all below.
    case skipped
  }

  struct PendingEntry {
    var list: Location
    var keys: [Value?]
    var marks: Marks
    var waiting: [DocumentEvent] = []
    /// How deep inside something that waits.
    var depth = 0
  }

  /// NETCONF's `operation` attribute (RFC 6241, section 7.2).
  enum Operation: String { case merge, replace, create, delete, remove, none }

  /// What the attributes of an element say.
  struct Marks {
    var operation: Operation
    var insert = MovePlace.last
    /// The document says where.
    var isPlaced = false
    /// The value is the default, and nobody has set it (RFC 6243, section 4.5.2).
    var isDefault = false
    var attributes: [Attribute] = []
    /// Those that the node is to have no longer.
    var removedAttributes: [AttributeNumber] = []
  }

  /// Namespace of what our documents say that no standard has words for.
  static let ownNamespace = "urn:swift-nso:document"
  static let netconf = "urn:ietf:params:xml:ns:netconf:base:1.0"
  static let configNamespace = "http://tail-f.com/ns/config/1.0"
  static let yang = "urn:ietf:params:xml:ns:yang:1"
  static let defaultNamespace = "urn:ietf:params:xml:ns:netconf:default:1.0"
  /// How many events of one list entry may come before its keys.
  private static let waitingLimit = 100_000

  let model: DataModel
  let options: LoadOptions
  let target: TreeEditor.Target
  /// Where the document's elements belong.
  let base: Location
  var frames: [Frame] = []
  /// Annotations in JSON of nodes that may come after them, by how deep they stand.
  var lateMetadata: [LateMetadata] = []
  /// The entries of the leaf-lists of the objects that are open, for their annotations (JSON).
  var items: [LeafListItems] = []
  /// Leaf-lists that were emptied because the document has them (mode replace), by their path.
  private var emptied: Set<[UInt8]> = []

  /// What was wrong, if there are words for it.
  var fault: LoadFault?

  init(_ model: DataModel, _ options: LoadOptions, _ target: TreeEditor.Target, below base: Location = .root) {
    self.model = model
    self.options = options
    self.target = target
    self.base = base
  }

  /// True once the document has said anything.
  private(set) var hasContent = false
  /// True once anything was not passed over on the top level.
  private(set) var hasTaken = false

  mutating func handle(_ event: DocumentEvent, _ editor: inout TreeEditor) throws(NSOError) {
    if case .entry(var pending)? = frames.last {
      if try wait(event, &pending) {
        frames[frames.count - 1] = .entry(pending)
        return
      }
    }
    switch event {
    case .start(let element):
      hasContent = true
      try start(element, &editor)
    case .scalar(let scalar): try scalarText(scalar)
    case .end: try end(&editor)
    case .arrayStart, .arrayEnd: break
    case .metadata(let target, let attributes): try metadata(of: target, attributes, &editor)
    }
  }

  /// The document is over.
  mutating func finish(_ editor: inout TreeEditor) throws(NSOError) {
    guard frames.isEmpty else { throw NSOError(.badConfig, "the document ends inside of \(place)") }
    try closeLevel(&editor)
  }

  // MARK: Entries before their keys

  /// True when the event was put aside until the keys are known.
  private func wait(_ event: DocumentEvent, _ pending: inout PendingEntry) throws(NSOError) -> Bool {
    if pending.depth == 0 {
      switch event {
      case .end, .scalar: return false
      case .start(let element):
        if let node = find(element, in: pending.list.node), model[node].isKey { return false }
      default: break
      }
    }
    switch event {
    case .start, .arrayStart: pending.depth += 1
    case .end, .arrayEnd: pending.depth -= 1
    default: break
    }
    pending.waiting.append(event)
    guard pending.waiting.count <= Self.waitingLimit else {
      throw NSOError(
        .badConfig,
        "\(pending.list.text(model)): an entry has more than \(Self.waitingLimit) elements before its keys; put the keys first")
    }
    return true
  }

  /// Opens the entry once all keys are there, and goes through what had to wait.
  private mutating func open(_ pending: PendingEntry, _ keys: [Value], _ editor: inout TreeEditor) throws(NSOError) {
    var builder = LocationBuilder(model, from: pending.list)
    try builder.entry(keys)
    let location = builder.location
    frames[frames.count - 1] = try begin(location, pending.marks, &editor)
    for event in pending.waiting { try handle(event, &editor) }
  }

  // MARK: Events

  private mutating func start(_ element: DocumentElement, _ editor: inout TreeEditor) throws(NSOError) {
    switch frames.last {
    case .skipped:
      frames.append(.skipped)
      return
    case .leaf, .key:
      throw NSOError(.badConfig, "\(place) is a leaf and cannot hold element \(element.name)")
    case .wrapper where isWrapper(element.name), nil where isWrapper(element.name):
      frames.append(.wrapper)
      return
    default: break
    }
    if let namespaces = options.namespaces, isTopLevel, !isOf(namespaces, element.name) {
      frames.append(.skipped)
      return
    }
    hasTaken = true
    let parent: Location
    let inherited: Operation
    switch frames.last {
    case .inside(let location, let operation): (parent, inherited) = (location, operation)
    case .entry(let pending): (parent, inherited) = (pending.list, pending.marks.operation)
    default: (parent, inherited) = (base, options.edit == LoadOptions.DefaultOperation.none ? .none : .merge)
    }
    guard let node = find(element, in: parent.node), model.schema[node].kind != .rpc, model.layout.isStored(node),
      !options.hidesHidden || !model.isHidden(node)
    else {
      if options.lax {
        frames.append(.skipped)
        return
      }
      fault = .unknownElement(element.name)
      throw unknown(element, parent)
    }
    let marks = try marks(of: element, node, inherited, editor)
    let facts = model[node]
    if facts.isKey, case .entry = frames.last {
      frames.append(.key(index: Int(facts.keyIndex), element.names, text: nil))
      return
    }
    switch skips(facts) {
    case .skip:
      frames.append(.skipped)
      return
    case .refuse:
      fault = .notConfiguration(element.name)
      throw NSOError(
        .notWritable,
        "\(model.schema.path(of: node)) is operational data, which is not loaded into \(target == .configuration ? "configuration" : "this transaction"): leave it out, or say that it is to be ignored (ncs_load -o) or loaded alone (ncs_load -O)"
      )
    case .take: break
    }
    let place = parent.child(node, model)
    switch facts.kind {
    case .list:
      let count = model.schema[node].keys.count
      guard count > 0 else {
        throw NSOError(.notImplemented, "\(place.text(model)): lists without keys cannot be loaded yet")
      }
      frames.append(
        .entry(
          PendingEntry(list: place, keys: Array(repeating: nil, count: count), marks: marks)))
    case .container:
      frames.append(try begin(place, marks, &editor))
    case .leaf, .leafList:
      if facts.isKey {
        // The keys stand in the path already.
        frames.append(.skipped)
      } else {
        frames.append(.leaf(place, marks, element.names, text: nil))
      }
    default:
      throw NSOError(.notImplemented, "\(place.text(model)): \(facts.kind.text) cannot be loaded yet")
    }
  }

  private mutating func scalarText(_ scalar: DocumentScalar) throws(NSOError) {
    let text = scalar.lexical
    switch frames.last {
    case .leaf(let location, let marks, let names, _):
      frames[frames.count - 1] = .leaf(location, marks, names, text: text)
    case .key(let index, let names, _):
      frames[frames.count - 1] = .key(index: index, names, text: text)
    case .skipped: break
    default:
      guard text.contains(where: { !$0.isWhitespace }) else { return }
      throw NSOError(.badConfig, "a value stands in \(place), where elements are wanted")
    }
  }

  private mutating func end(_ editor: inout TreeEditor) throws(NSOError) {
    try closeLevel(&editor)
    guard let frame = frames.popLast() else { return }
    switch frame {
    case .wrapper, .inside, .skipped: break
    case .entry(let pending):
      let names = model.schema[pending.list.node ?? NodeID(rawValue: 0)].keys.map { model.schema[$0].name.name }
      let missing = zip(names, pending.keys).filter { $0.1 == nil }.map(\.0)
      fault = missing.first.map { .missingElement($0) }
      throw NSOError(.badConfig, "\(pending.list.text(model)): an entry lacks its key \(missing.joined(separator: ", "))")
    case .key(let index, let names, let text):
      guard case .entry(var pending)? = frames.last, let list = pending.list.node else { return }
      let key = model.schema[list].keys[index]
      var location = pending.list
      location.step(to: key, model)
      pending.keys[index] = try editor.parse(text ?? "", key, location, resolver(names))
      frames[frames.count - 1] = .entry(pending)
      let known = pending.keys.compactMap { $0 }
      if known.count == pending.keys.count { try open(pending, known, &editor) }
    case .leaf(let location, let marks, let names, let text):
      try write(location, marks, names, text ?? "", &editor)
    }
  }

  // MARK: Writes

  /// Opens a container or list entry.
  private mutating func begin(_ location: Location, _ marks: Marks, _ editor: inout TreeEditor) throws(NSOError) -> Frame {
    let operation = marks.operation
    guard let node = location.node else { return .inside(location, operation) }
    let facts = model[node]
    let isEntry = facts.kind == .list
    // Configuration around operational data is passed through, not written.
    guard facts.placement == .configuration || target == .operational else { return .inside(location, operation) }
    if target == .operational, facts.placement == .configuration { return .inside(location, operation) }
    var below = operation
    switch operation {
    case .delete:
      try editor.delete(location)
      return .skipped
    case .remove:
      try editor.remove(location)
      return .skipped
    case .create:
      guard try !editor.isPresent(location) else {
        throw NSOError(.alreadyExists, "\(location.text(model)) exists already (operation create)")
      }
    case .replace:
      // An entry keeps its place among the others.
      if location.path.isOrderedByUser, isEntry, try editor.isPresent(location) {
        for child in model.schema[node].children where !model[child].isKey && model[child].placement == .configuration {
          try editor.remove(location.child(child, model))
        }
      } else {
        try editor.remove(location)
      }
      below = .merge
    case .none where options.edit != nil:
      if isEntry || facts.flags.contains(.presence) { try requirePresent(location, editor) }
      return .inside(location, .none)
    case .merge:
      if options.mode == .replace, isEntry {
        try editor.remove(location)
        below = .none
      }
    case .none: break
    }
    if isEntry || facts.flags.contains(.presence) { try put(location, marks, &editor) }
    try set(marks, of: location, &editor)
    return .inside(location, below)
  }

  private func requirePresent(_ location: Location, _ editor: TreeEditor) throws(NSOError) {
    guard try !editor.isPresent(location) else { return }
    throw NSOError(.noExists, "\(location.text(model)) does not exist")
  }

  /// Makes sure that an entry or presence container is there, an entry where the document says.
  private mutating func put(_ location: Location, _ marks: Marks, _ editor: inout TreeEditor) throws(NSOError) {
    do throws(NSOError) {
      if marks.isPlaced, location.isEntry, location.path.isOrderedByUser, try editor.isPresent(location) {
        try editor.move(location, to: marks.insert)
      } else {
        try editor.ensure(location, at: marks.insert)
      }
    } catch {
      if marks.isPlaced, error.code == .noExists, let node = location.node {
        fault = .missingNeighbour(
          element: DocumentName(model.schema[node].name.name, in: .namespace(model.schema[node].name.namespace)))
      }
      throw error
    }
  }

  private mutating func write(
    _ location: Location, _ marks: Marks, _ names: NameContext, _ text: String, _ editor: inout TreeEditor
  ) throws(NSOError) {
    let operation = marks.operation
    guard let node = location.node else { return }
    let facts = model[node]
    var place = location
    var value: Value?
    // A leaf is deleted by its name (RFC 7950, section 7.6.7).
    let needsValue = options.edit == nil || facts.kind == .leafList || (operation != .delete && operation != .remove)
    if needsValue, facts.kind == .leafList || !facts.flags.contains(.empty) {
      let parsed = try editor.parse(text, node, location, resolver(names))
      if facts.kind == .leafList {
        var builder = LocationBuilder(model, from: location)
        try builder.entry([parsed])
        place = builder.location
      } else {
        value = parsed
      }
    } else if needsValue, text.contains(where: { !$0.isWhitespace }) {
      throw NSOError(.badType, "\(location.text(model)) is of type empty and takes no text")
    }
    if marks.isDefault {
      guard let value, model.schema[node].defaultValue == value else {
        fault = .badAttribute("default", element: DocumentName(model.schema[node].name.name))
        throw NSOError(.badType, "\(place.text(model)) is marked as default, but the value is not the default")
      }
      if operation != .delete, operation != .none { return try editor.remove(place) }
    }
    switch operation {
    case .delete:
      // Nobody has set what is there by default.
      if options.edit != nil { try requirePresent(place, editor) }
      return try editor.delete(place)
    case .none where options.edit != nil:
      if try editor.view.defaultBytes(place) == nil { try requirePresent(place, editor) }
      return
    case .remove: return try editor.remove(place)
    case .create:
      guard try !editor.isPresent(place) else {
        throw NSOError(.alreadyExists, "\(place.text(model)) exists already (operation create)")
      }
    case .merge, .replace, .none:
      if facts.kind == .leafList, options.mode == .replace, emptied.insert(location.path.bytes).inserted {
        try editor.remove(location)
      }
    }
    if let value { try editor.set(place, value) } else { try put(place, marks, &editor) }
    if case .moduleNames = names, facts.kind == .leafList { note(item: place, of: node) }
    try set(marks, of: place, &editor)
  }

  // MARK: Names

  private func find(_ element: DocumentElement, in parent: NodeID?) -> NodeID? { find(element.name, in: parent) }

  func find(_ name: DocumentName, in parent: NodeID?) -> NodeID? {
    let id: NodeID? =
      switch name.space {
      case .namespace(let uri): model.schema.child(of: parent, namespace: uri, name: name.local)
      case .module(let module):
        model.schema.module(name: module).flatMap { model.schema.child(of: parent, namespace: $0.namespace, name: name.local) }
      case .none: model.schema.child(of: parent, namespace: nil, name: name.local)
      }
    guard let id, !model.schema[id].flags.contains(.input) else { return nil }
    return id
  }

  private var isTopLevel: Bool {
    switch frames.last {
    case nil, .wrapper: true
    default: false
    }
  }

  private func isOf(_ namespaces: Set<String>, _ name: DocumentName) -> Bool {
    switch name.space {
    case .namespace(let uri): namespaces.contains(uri)
    case .module(let module): model.schema.module(name: module).map { namespaces.contains($0.namespace) } ?? false
    case .none: find(name, in: nil).map { namespaces.contains(model.schema[$0].name.namespace) } ?? false
    }
  }

  private func isWrapper(_ name: DocumentName) -> Bool {
    switch name.space {
    case .namespace(let uri):
      (name.local == "config" && (uri == Self.configNamespace || uri == Self.netconf))
        || (name.local == "data" && uri == Self.netconf)
    case .module(let module): name.local == "data" && module == "ietf-restconf"
    case .none: name.local == "data" || name.local == "config"
    }
  }

  private enum Taking { case take, skip, refuse }

  private func skips(_ facts: DataModel.Facts) -> Taking {
    switch (facts.placement, target) {
    case (.configuration, .configuration): return .take
    case (.configuration, .operational):
      // Only what leads to operational data matters.
      return facts.kind == .container || facts.kind == .list ? .take : .skip
    case (_, .configuration): return options.ignoreOperational ? .skip : .refuse
    case (.provider, .operational): return .refuse
    default: return .take
    }
  }

  func resolver(_ names: NameContext) -> PrefixResolver {
    switch names {
    case .moduleNames: .schema
    case .prefixes(let map): .map { prefix in map.namespace(for: prefix ?? "") }
    }
  }

  private func unknown(_ element: DocumentElement, _ parent: Location) -> NSOError {
    let place = parent.node == nil ? "at the top" : "in \(parent.text(model))"
    return NSOError(
      .badPath,
      "unknown element \(element.name) \(place): no loaded YANG module defines it there; check the load path, or have what is unknown ignored (ncs_load -x)"
    )
  }

  var place: String {
    for frame in frames.reversed() {
      switch frame {
      case .inside(let location, _), .leaf(let location, _, _, _): return location.text(model)
      case .entry(let pending): return pending.list.text(model)
      default: continue
      }
    }
    return "the document"
  }
}
