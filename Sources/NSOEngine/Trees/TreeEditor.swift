public import NSOModel
public import NSOSchema
public import NSOStore
import NSOTerms
import NSOXPath

/// Where an entry of a list ordered by user is to stand.
public enum MovePlace: Sendable, Hashable {
  case first, last
  case before([Value])
  case after([Value])
}

/// Writes into a transaction's private changes, with the checks that belong to a single write: the schema, the type of the
/// value, that what it is in exists. Constraints between nodes are checked at validation.
public struct TreeEditor: Sendable {
  public let model: DataModel
  /// What may be written here.
  public enum Target: Sendable { case configuration, operational }

  let target: Target
  public internal(set) var configuration: Overlay
  public internal(set) var operational: Overlay
  public internal(set) var persistentOperational: Overlay
  /// Data of providers with the changes to it; nil where there is none.
  var provider: Overlay?
  var providerTree: ProviderTree?
  /// Why there is none.
  var providerAbsence: ProviderAbsence?
  /// What whoever writes may do; nil: everything.
  var access: AccessGuard?
  /// When `when` conditions are looked at.
  public var conditions = ConditionMode.atOnce
  var pending: PendingConditions?
  var written = WriteLog()
  /// Entries of the configuration that got other keys: their operational data follows them when this is committed.
  var moves = EntryMoves()

  public init(
    _ model: DataModel, target: Target, configuration: Overlay, operational: Overlay, persistentOperational: Overlay
  ) {
    self.model = model
    self.target = target
    self.configuration = configuration
    self.operational = operational
    self.persistentOperational = persistentOperational
  }

  init(
    _ model: DataModel, target: Target, configuration: Overlay, operational: Overlay, persistentOperational: Overlay,
    provider: Overlay?, providerTree: ProviderTree?, providerAbsence: ProviderAbsence?
  ) {
    self.init(
      model, target: target, configuration: configuration, operational: operational,
      persistentOperational: persistentOperational)
    self.provider = provider
    self.providerTree = providerTree
    self.providerAbsence = providerAbsence
  }

  /// What is there now, changes included.
  public var view: TreeView {
    var view = TreeView(
      model, configuration: configuration, operational: operational, persistentOperational: persistentOperational)
    view.written = written
    if let provider {
      view.provider = provider
      view.providerTree = providerTree
    }
    view.providerAbsence = providerAbsence
    return view
  }

  /// Nothing was written.
  public var isEmpty: Bool {
    configuration.isEmpty && operational.isEmpty && persistentOperational.isEmpty && provider?.isEmpty ?? true
  }

  // MARK: Single nodes

  /// Sets a leaf, or replaces the entries of a leaf-list.
  /// - Throws: BADTYPE when the value does not fit the type, NOEXISTS below a missing entry, NOT_WRITABLE for a key with
  ///   another value and for data that cannot be written here.
  public mutating func set(_ location: Location, _ value: Value) throws(NSOError) {
    let node = try writable(location)
    try settlingConditions(at: location) { (editor) throws(NSOError) in try editor.write(location, node, value) }
  }

  private mutating func write(_ location: Location, _ node: NodeID, _ value: Value) throws(NSOError) {
    let facts = model[node]
    switch facts.kind {
    case .leaf where facts.flags.contains(.empty) && !facts.isKey:
      throw NSOError(.badType, "\(location.text(model)) is of type empty and has no value: create it, or delete it")
    case .leaf:
      let canonical = try check(value, node, location)
      if facts.isKey { return try setKey(location, canonical) }
      try requireAccessToSet(location)
      try requireAnchor(location)
      try chooseCase(of: location)
      change(node) { $0.set(location.path, ValueCoding.bytes(of: canonical)) }
      noteWritten(location, [.created, .modified])
    case .leafList:
      guard !location.isEntry else {
        throw NSOError(.badType, "\(location.text(model)) is an entry of a leaf-list: create or delete it")
      }
      guard case .list(let values) = value else {
        throw NSOError(.badType, "\(location.text(model)) is a leaf-list: its value is a list of values")
      }
      try setLeafList(location, node, values)
    default:
      throw NSOError(
        .badType, "\(location.text(model)) is a \(facts.kind.text) and takes no value: create it, or set the leafs below it")
    }
  }

  /// Sets a leaf from its text form, as SET_ELEM2 and documents do.
  public mutating func set(_ location: Location, text: String, prefixes: PrefixResolver = .schema) throws(NSOError) {
    let node = try writable(location)
    if model[node].kind == .leafList, !location.isEntry {
      let words = text.split(separator: " ").map(String.init)
      var values: [Value] = []
      for word in words { values.append(try parse(word, node, location, prefixes)) }
      return try set(location, .list(values))
    }
    try set(location, try parse(text, node, location, prefixes))
  }

  /// The value of a text by the type of a leaf or leaf-list.
  public func parse(
    _ text: String, _ node: NodeID, _ location: Location, _ prefixes: PrefixResolver
  ) throws(NSOError) -> Value {
    guard let type = model.schema[node].type else {
      throw NSOError(.badType, "\(location.text(model)) is a \(model[node].kind.text) and takes no value")
    }
    let secret = model.secretKind(node)
    do {
      let value = try model.schema.parse(text, as: type, prefixes: prefixes)
      guard let secret, case .string(let text) = value else { return value }
      return .string(try model.protected(text, secret, at: location.text(model)))
    } catch let error as NSOError {
      throw error
    } catch let error as ValueError where secret == nil {
      throw error.nsoError(at: location.text(model))
    } catch {
      // What does not fit may be the secret itself.
      throw NSOError(
        .badType, "\(location.text(model)): the value is neither clear text ($0$ in front of it) nor in its stored form")
    }
  }

  /// Creates a list entry, presence container, leaf of type empty, or entry of a leaf-list.
  /// - Parameter keys: the canonical keys of a list entry, as the path had them.
  /// - Throws: ALREADY_EXISTS, NOEXISTS below a missing entry, NOTCREATABLE for other nodes.
  public mutating func create(_ location: Location, at place: MovePlace = .last) throws(NSOError) {
    guard try !isPresent(location) else {
      throw NSOError(.alreadyExists, "\(location.text(model)) exists already")
    }
    try ensure(location, at: place)
  }

  /// As ``create(_:at:)``; what exists already is left as it is.
  public mutating func ensure(_ location: Location, at place: MovePlace = .last) throws(NSOError) {
    let node = try writable(location)
    try settlingConditions(at: location) { (editor) throws(NSOError) in try editor.make(location, node, at: place) }
  }

  private mutating func make(_ location: Location, _ node: NodeID, at place: MovePlace) throws(NSOError) {
    let facts = model[node]
    switch facts.kind {
    case .list where location.isEntry, .leafList where location.isEntry:
      guard try !isPresent(location) else { return }
      try requireAccess(.create, location)
      try requireAnchor(location)
      try chooseCase(of: location)
      let own = location.keys.suffix(facts.kind == .list ? max(1, model.schema[node].keys.count) : 1)
      let record = facts.kind == .list ? encodedKeys(Array(own)) : own.first.map(ValueCoding.bytes(of:)) ?? []
      let position = try entryPlace(place, in: location)
      let made = try changing(node) { overlay throws(StoreError) in
        try overlay.createEntry(location.path, record, at: position)
      }
      guard made else {
        throw NSOError(.noExists, "\(location.text(model)): the entry that it is to stand beside does not exist")
      }
      noteWritten(location, .created)
    case .container where facts.flags.contains(.presence), .leaf where facts.flags.contains(.empty):
      guard try !isPresent(location) else { return }
      try requireAccess(.create, location)
      try requireAnchor(location)
      try chooseCase(of: location)
      change(node) { $0.set(location.path, []) }
      noteWritten(location, .created)
    case .container:
      throw NSOError(.notCreatable, "\(location.text(model)) is a container without presence: it is there by itself")
    case .list, .leafList:
      throw NSOError(.badPath, "\(location.text(model)): give the keys of the entry to create")
    default:
      throw NSOError(.notCreatable, "\(location.text(model)) is a \(facts.kind.text): set its value instead")
    }
  }

  /// Deletes a node with all below. A plain container, or a whole list: what is below.
  /// - Throws: NOEXISTS when it is not there (a leaf at its default is accepted), NOTDELETABLE for a key.
  public mutating func delete(_ location: Location) throws(NSOError) {
    let node = try writable(location)
    let facts = model[node]
    guard !facts.isKey else {
      throw NSOError(.notDeletable, "\(location.text(model)) is a key: delete the list entry instead")
    }
    try requireAccess(.delete, location)
    if try !isPresent(location) {
      let plain = facts.kind == .container && !facts.flags.contains(.presence)
      let whole = (facts.kind == .list || facts.kind == .leafList) && !location.isEntry
      if plain || whole {
        try requireAnchor(location)
      } else if try view.defaultBytes(location) == nil {
        throw NSOError(.noExists, "\(location.text(model)) does not exist")
      }
    }
    try remove(location)
  }

  /// Deletes a node with all below, operational data in it included; nothing happens when it is not there.
  public mutating func remove(_ location: Location) throws(NSOError) {
    if let access { try access.requireDeletion(of: location, in: self) }
    guard let node = location.node else {
      written.noteAll()
      if target == .configuration { try deleteProviderConfiguration(below: location) }
      try storeErrors { () throws(StoreError) in
        switch target {
        case .configuration:
          try configuration.delete(.root)
          moves.delete([])
        case .operational:
          try operational.delete(.root)
          try persistentOperational.delete(.root)
        }
      }
      return
    }
    try settlingConditions(at: location) { (editor) throws(NSOError) in
      if editor.target == .configuration { try editor.deleteProviderConfiguration(below: location) }
      try editor.changing(node) { overlay throws(StoreError) in try overlay.delete(location.path) }
      if !location.path.isTerminal { editor.moves.delete(location.path.bytes) }
      editor.noteChange(location, .deleted)
    }
  }

  /// Moves an entry of a list, or leaf-list, ordered by user.
  /// - Throws: NOTMOVABLE where the order is not the user's, NOEXISTS for a missing entry.
  public mutating func move(_ location: Location, to place: MovePlace) throws(NSOError) {
    let node = try writable(location)
    guard location.isEntry, location.path.isOrderedByUser else {
      throw NSOError(.notMovable, "\(location.text(model)) is not an entry of a list ordered by user")
    }
    try requireAccess(.update, location)
    guard try isPresent(location) else { throw NSOError(.noExists, "\(location.text(model)) does not exist") }
    let position = try entryPlace(place, in: location)
    let moved = try settlingConditions(at: location) { (editor) throws(NSOError) in
      editor.noteChange(location, .moved)
      return try editor.changing(node) { overlay throws(StoreError) in try overlay.moveEntry(location.path, to: position) }
    }
    guard moved else {
      throw NSOError(.noExists, "\(location.text(model)): the entry that it is to stand beside does not exist")
    }
  }

  /// Changed records that are held in memory.
  var changeCount: Int { configuration.changeCount + operational.changeCount + persistentOperational.changeCount }

  /// Takes back everything that was written.
  public mutating func revert() {
    moves.removeAll()
    written.noteAll()
    configuration.removeAll()
    operational.removeAll()
    persistentOperational.removeAll()
    provider?.removeAll()
  }
}
