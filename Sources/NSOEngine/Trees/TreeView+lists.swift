public import NSOModel
import NSOSchema
public import NSOStore

extension TreeView {
  /// An entry of a list as a walk finds it.
  public struct Entry: Sendable {
    public var location: Location
    /// The term bytes of the key tuple (leaf-list: of the value).
    public var record: [UInt8]

    /// The key values.
    public func keys() throws(NSOError) -> [Value] {
      let result: Result<[Value], NSOError> = record.withUnsafeBytes { bytes in
        do throws(NSOError) { return .success(try decodedKeys(bytes)) } catch { return .failure(error) }
      }
      return try result.get()
    }
  }

  /// Checks that `location` is a list without keys, and that what it is in exists.
  /// - Throws: BADPATH at anything else, NOEXISTS below a missing entry.
  func requireList(_ location: Location) throws(NSOError) -> any DataTree {
    guard let node = location.node, model[node].kind == .list || model[node].kind == .leafList, !location.isEntry else {
      throw NSOError(.badPath, "\(location.text(model)) is not a list: the path must end with a list's name, without keys")
    }
    guard try anchorExists(location) else {
      throw NSOError(.noExists, "\(location.text(model)): the entry \(location.anchorText(model)) does not exist")
    }
    if hidesUnmet, try isUnmet(location) { return EmptyTree() }
    return try tree(of: node)
  }

  /// The number of entries of a list or leaf-list. Takes time proportional to it.
  public func count(_ location: Location) throws(NSOError) -> Int {
    let tree = try requireList(location)
    return try storeErrors { () throws(StoreError) in try tree.count(of: location.path) }
  }

  /// The entry after `position`, which moves to it; nil at the end.
  public func next(_ list: Location, _ position: inout ListPosition) throws(NSOError) -> Entry? {
    let tree = try requireList(list)
    return try next(list, tree, &position)
  }

  func next(_ list: Location, _ tree: any DataTree, _ position: inout ListPosition) throws(NSOError) -> Entry? {
    var record: [UInt8] = []
    let found = try storeErrors { () throws(StoreError) in
      try tree.nextEntry(in: list.path, &position) { record = Array($0) }
    }
    guard found else { return nil }
    return Entry(location: list.entry(key: position.entryKey), record: record)
  }

  /// Calls `body` with each entry of a list that exists, in its order, until it returns false.
  public func forEachEntry(_ list: Location, _ body: (Entry) throws(NSOError) -> Bool) throws(NSOError) {
    guard let node = list.node else { return }
    let tree = try tree(of: node)
    var position = ListPosition.start
    while let entry = try next(list, tree, &position) {
      guard try body(entry) else { return }
    }
  }

  /// Where a cursor stands that is to find the first entry after `keys`, or at them (`inclusive`). Fewer keys than the list
  /// has: the missing ones come before every value (protocol part 04, section 5.1).
  /// - Throws: BADPATH for too many keys, BADTYPE for keys that do not fit.
  public func position(_ list: Location, at keys: [Value], inclusive: Bool) throws(NSOError) -> ListPosition {
    guard let node = list.node else { throw NSOError(.badPath, "the root is not a list") }
    let types = model.schema[node].keys.map { model.schema[$0].type }
    guard keys.count <= types.count else {
      throw NSOError(
        .badPath, "\(list.text(model)) has \(types.count) keys, \(keys.count) were given")
    }
    guard !keys.isEmpty else { return .start }
    var path = list.path
    for (index, key) in keys.enumerated() {
      guard let type = types[index] else { throw NSOError(.internal, "\(list.text(model)): key \(index) has no type") }
      do {
        let canonical = try model.schema.check(key, as: type)
        try storeErrors { () throws(StoreError) in
          try path.appendKey(canonical, type: type, schema: model.schema)
        }
      } catch let error as ValueError {
        throw error.nsoError(at: list.text(model))
      } catch let error as NSOError {
        throw error
      } catch {
        throw NSOError(.internal, "\(error)")
      }
    }
    let entryKey = path.entryKey ?? []
    return inclusive || keys.count < types.count ? .atOrAfter(entryKey) : .after(entryKey)
  }

  /// The entry with `index` entries before it (CDB positions).
  /// - Throws: NOEXISTS when there are not that many.
  public func entry(_ list: Location, at index: Int) throws(NSOError) -> Location {
    let tree = try requireList(list)
    let key = try storeErrors { () throws(StoreError) in try tree.entryKey(at: index, in: list.path) }
    guard let key else {
      throw NSOError(.noExists, "\(list.text(model)) has no entry at position \(index)")
    }
    return list.entry(key: key)
  }

  /// How many entries come before an entry; nil when it does not exist.
  public func index(of entry: Location) throws(NSOError) -> Int? {
    guard let node = entry.node, let key = entry.path.entryKey, try exists(entry) else { return nil }
    let tree = try tree(of: node)
    return try storeErrors { () throws(StoreError) in try tree.index(of: key, in: entry.path.withoutEntryKey) }
  }

  /// How many entries come before the place that an entry has, or would have; nil in a list ordered by user that has no such
  /// entry. -1 when no entry comes at or after it.
  public func nextIndex(of entry: Location) throws(NSOError) -> Int? {
    guard let node = entry.node, let key = entry.path.entryKey else { return nil }
    let tree = try tree(of: node)
    let list = entry.path.withoutEntryKey
    return try storeErrors { () throws(StoreError) in
      guard let index = try tree.index(of: key, in: list) else { return nil }
      return try tree.count(of: list, limit: index + 1) > index ? index : -1
    }
  }
}
