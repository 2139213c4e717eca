import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import Synchronization

/// Leaf-lists of providers: their values are fetched at once, and a walk goes on through what it began with.
extension ProviderTree {
  /// Leaf-lists that somebody walks through. Only the last ones.
  struct WalkedLeafLists {
    private var lists: [(place: [UInt8], values: ProviderLeafList, expires: ContinuousClock.Instant)] = []
    private static let limit = 4

    mutating func keep(_ values: ProviderLeafList, at place: [UInt8], until expires: ContinuousClock.Instant) {
      remove(place)
      lists.append((place, values, expires))
      if lists.count > Self.limit { lists.removeFirst() }
    }

    mutating func remove(_ place: [UInt8]) { lists.removeAll { $0.place == place } }

    func find(_ place: [UInt8], _ now: ContinuousClock.Instant) -> ProviderLeafList? {
      lists.first { $0.place == place && $0.expires > now }?.values
    }
  }

  /// The values of a leaf-list.
  func leafList(_ path: TreePath) throws(StoreError) -> ProviderLeafList {
    guard case .values(let values) = try fact(.values(path.bytes)) else {
      throw StoreError(refusal: NSOError(.internal, "a leaf-list is no list of values"))
    }
    return values
  }

  func nextValue(
    in list: TreePath, _ position: inout ListPosition, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool {
    var values: ProviderLeafList
    if let walked = walkedLeafList(list.bytes), walked.holds(position.entryKey, at: position.place) {
      values = walked
    } else {
      values = try leafList(list)
    }
    guard let index = values.next(position) else {
      state.withLock { $0.walked.remove(list.bytes) }
      return false
    }
    keep(values, at: list.bytes)
    let entry = values.entries[index]
    position = .after(entry.key, at: UInt64(index))
    entry.record.withUnsafeBytes(body)
    return true
  }

  func forEachValue(
    of list: TreePath, _ body: (_ entryKey: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError) {
    let values = try leafList(list)
    keep(values, at: list.bytes)
    for entry in values.entries {
      let goesOn = entry.key.withUnsafeBytes { key in entry.record.withUnsafeBytes { body(key, $0) } }
      guard goesOn else { return }
    }
  }

  /// The first value in the order of keys that is not before a key.
  func firstValue(of list: TreePath, from key: [UInt8]) throws(StoreError) -> ProviderLeafList.Entry? {
    let values: ProviderLeafList
    if let walked = walkedLeafList(list.bytes) { values = walked } else { values = try leafList(list) }
    keep(values, at: list.bytes)
    return values.firstInKeyOrder(from: key)
  }

  func walkedLeafList(_ place: [UInt8]) -> ProviderLeafList? {
    let now = ContinuousClock.now
    return state.withLock { $0.walked.find(place, now) }
  }

  private func keep(_ values: ProviderLeafList, at place: [UInt8]) {
    let expires = ContinuousClock.now + registry.limits.objectCache
    state.withLock { $0.walked.keep(values, at: place, until: expires) }
  }

  /// Values as they came; canonical.
  func leafList(of values: [Value], at list: TreePath, _ place: @autoclosure () throws(NSOError) -> ProviderPlace)
    throws(NSOError)
    -> ProviderLeafList
  {
    guard let node = list.node else { throw NSOError(.internal, "the root is no leaf-list") }
    guard values.count <= ProviderLeafList.limit else { throw bad("\(values.count) values in a leaf-list", try place()) }
    var entries: [ProviderLeafList.Entry] = []
    entries.reserveCapacity(values.count)
    for value in values {
      var path = list
      do throws(StoreError) {
        try path.appendKey(value, type: model.schema[node].type, schema: model.schema)
      } catch {
        throw bad("the value \(value.plainText): \(error)", try place())
      }
      entries.append(ProviderLeafList.Entry(key: path.entryKey ?? [], record: ValueCoding.bytes(of: value)))
    }
    return try leafList(of: entries, at: list, try place())
  }

  func leafList(
    of entries: [ProviderLeafList.Entry], at list: TreePath, _ place: @autoclosure () throws(NSOError) -> ProviderPlace
  ) throws(NSOError) -> ProviderLeafList {
    let isSet = list.node.map { model[$0].isConfiguration } ?? true && !list.isOrderedByUser
    do throws(ProviderLeafList.Repetition) {
      return try ProviderLeafList(entries, keepsOrder: !isSet)
    } catch {
      let value = KeyDecoder.values(of: error.key)?.first?.plainText ?? "that"
      throw bad("the value \(value) is there twice, in configuration", try place())
    }
  }
}
