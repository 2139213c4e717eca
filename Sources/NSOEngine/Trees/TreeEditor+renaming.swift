public import NSOModel
import NSOSchema
import NSOStore
import NSOXPath

/// Changes of the keys of list entries.
extension TreeEditor {
  /// Gives a list entry, with all below, new keys (protocol part 04, MOVE). In a list ordered by user it keeps its place. Operational data
  /// of CDB below an entry of the configuration follows when the change becomes part of running.
  /// - Throws: NOTMOVABLE where there is no entry with keys, NOEXISTS, ALREADY_EXISTS when there is an entry with the new keys.
  public mutating func rename(_ entry: Location, to keys: [Value]) throws(NSOError) {
    let node = try writable(entry)
    guard entry.isEntry, model[node].kind == .list, !model.schema[node].isKeyless, let key = entry.path.entryKey else {
      throw NSOError(.notMovable, "\(entry.text(model)) is no list entry with keys")
    }
    guard model[node].placement != .provider else {
      throw NSOError(
        .notMovable, "\(entry.text(model)) is kept by a data provider (callpoint): create the new entry and delete this one")
    }
    if let access { try access.requireDeletion(of: entry, in: self) }
    guard try isPresent(entry) else { throw NSOError(.noExists, "\(entry.text(model)) does not exist") }
    let target = try self.entry(keys, beside: entry)
    guard target.path != entry.path else { return }
    guard try !isPresent(target) else { throw NSOError(.alreadyExists, "\(target.text(model)) exists already") }
    let record = encodedKeys(Array(target.keys.suffix(model.schema[node].keys.count)))
    let isConfiguration = model[node].placement == .configuration
    let isNew = isConfiguration && isMadeAnew(entry.path)
    try settlingConditions(at: entry) { (editor) throws(NSOError) in
      try editor.changing(node) { overlay throws(StoreError) in
        let before = overlay
        try overlay.createEntry(target.path, record, at: .after(key))
        try overlay.copyContents(of: entry.path, in: before, to: target.path)
        try overlay.delete(entry.path)
      }
      if let access = editor.access { try access.requireCreation(below: target, in: editor.view.tree(of: node)) }
      editor.noteWritten(target, .created)
      editor.noteChange(entry, .deleted)
      if isConfiguration { editor.moves.rename(entry.path.bytes, to: target.path.bytes, isNew: isNew) }
    }
  }

  /// Whether what is at a place was made here after the one that was there was deleted.
  private func isMadeAnew(_ place: TreePath) -> Bool {
    if configuration.isDeleted(place) { return true }
    // While hooks are asked, what they are asked about lies in a layer of its own; the base of a transaction over another one is its own.
    guard !moves.notesDeletions, let below = configuration.base as? Overlay else { return false }
    return below.isDeleted(place)
  }

  /// Makes an entry of a list with one integer key whose entries are numbered (`tailf:indexed-view`); one that is there already, and
  /// those that follow it without a gap, get the next number (protocol part 04, INSERT).
  /// - Throws: BADTYPE where the list is not of that kind, or when the numbers end.
  public mutating func insert(_ entry: Location) throws(NSOError) {
    let node = try writable(entry)
    let list = model.schema[node]
    guard entry.isEntry, list.kind == .list, list.keys.count == 1, let type = model.schema[list.keys[0]].type,
      list.extensions.first("indexed-view") != nil, let first = entry.keys.last, first.successor != nil
    else {
      throw NSOError(
        .badType, "\(entry.text(model)): entries can be inserted into lists with one integer key and tailf:indexed-view only")
    }
    try requireAnchor(entry)
    var inTheWay: [(entry: Location, next: Value)] = []
    var place = entry
    var number = first
    while try isPresent(place) {
      guard let next = number.successor, (try? model.schema.check(next, as: type)) != nil else {
        throw NSOError(
          .badType, "\(entry.text(model)): \(place.text(model)) cannot get the next number, which is out of the key's range")
      }
      inTheWay.append((place, next))
      place = try self.entry([next], beside: place)
      number = next
    }
    try settlingConditions(at: entry) { (editor) throws(NSOError) in
      for step in inTheWay.reversed() { try editor.rename(step.entry, to: [step.next]) }
      try editor.ensure(entry)
    }
  }

  /// The place of an entry of the same list.
  private func entry(_ keys: [Value], beside entry: Location) throws(NSOError) -> Location {
    var list = entry
    list.path = entry.path.withoutEntryKey
    list.keys.removeLast(min(entry.node.map { model.schema[$0].keys.count } ?? 0, list.keys.count))
    var builder = LocationBuilder(model, from: list)
    try builder.entry(keys)
    return builder.location
  }
}

extension Value {
  /// The next integer of the same type; nil at the end, and for what is no integer.
  fileprivate var successor: Value? {
    func next<Number: FixedWidthInteger>(_ number: Number, _ make: (Number) -> Value) -> Value? {
      number < Number.max ? make(number + 1) : nil
    }
    switch self {
    case .int8(let number): return next(number, Value.int8)
    case .int16(let number): return next(number, Value.int16)
    case .int32(let number): return next(number, Value.int32)
    case .int64(let number): return next(number, Value.int64)
    case .uint8(let number): return next(number, Value.uint8)
    case .uint16(let number): return next(number, Value.uint16)
    case .uint32(let number): return next(number, Value.uint32)
    case .uint64(let number): return next(number, Value.uint64)
    default: return nil
    }
  }
}
