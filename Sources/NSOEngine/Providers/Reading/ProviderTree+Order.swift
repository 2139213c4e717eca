import NIOCore
import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire

/// Walks in the order of secondary indexes, as the clients have it (protocol part 05, section 8).
extension ProviderTree {
  /// Whether the client of a list can be asked for its entries in the order of an index. That it knows the index no registration says.
  /// - Parameter byValues: also for the entry at values of the index leafs.
  func canOrder(_ list: TreePath, byValues: Bool) throws(NSOError) -> Bool {
    guard let node = list.node, model[node].placement == .provider, model[node].kind == .list else { return false }
    let segments = try segments(of: list)
    guard segments.count == 1, let served = segments.first, served.range == nil else { return false }
    let callbacks = served.registration.dataCallbacks
    let canFind = !callbacks.isDisjoint(with: [.findNext, .findNextObject])
    return canFind || (!byValues && !callbacks.isDisjoint(with: [.getNext, .getNextObject]))
  }

  /// The entry that follows in the order of an index.
  /// - Throws: NOT_IMPLEMENTED when the client does not know the index.
  func nextEntry(
    in list: TreePath, index: String, _ filter: ListFilter?, _ stand: ProviderStand
  ) throws(StoreError) -> ProviderEntry? {
    let walk = ProviderWalk(list: list.bytes, filter: filter, index: index)
    guard case .entry(let entry) = try fact(.next(walk, stand)) else { return nil }
    return entry
  }

  /// As for ``nextEntry(in:index:_:_:)``, asked for.
  func fetchNextInOrder(_ way: Way, _ stand: ProviderStand) async throws(NSOError) -> ProviderEntry? {
    switch stand {
    case .start: return try await entry(way, .first, .any).entry
    case .values(let values, let inclusive):
      return try await entry(way, .find(values, inclusive: inclusive, traversal: nil), .any).entry
    case .atOrAfter: throw NSOError(.internal, "a walk in the order of an index cannot begin at keys")
    case .after(let key):
      if let known = known(key, in: way.walk) {
        guard let step = try await step(after: known, way) else { return nil }
        return try await entry(way, step, .any, isPromised: known.batch.isPromised).entry
      }
      return try await resume(way, after: key)
    }
  }

  /// Goes on after an entry of which nothing is known any more.
  private func resume(_ way: Way, after key: [UInt8]) async throws(NSOError) -> ProviderEntry? {
    guard way.place.canFind else {
      let found = try await entry(way, .first, .following(key))
      guard found.isMet else {
        throw NSOError(
          .badState,
          "\(way.place.keypath): the entry after which the walk in the order of index \(way.walk.index) was to go on is gone: begin it anew"
        )
      }
      return found.entry
    }
    var place = way.list
    place.appendEntryKey(key)
    let values = try await indexValues(of: place, way)
    let found = try await entry(way, .find(values, inclusive: true, traversal: nil), .following(key))
    if found.isMet { return found.entry }
    return try await entry(way, .find(values, inclusive: false, traversal: nil), .any).entry
  }

  /// The values of the index leafs of an entry, up to the first that it has not.
  func indexValues(of entry: TreePath, _ way: Way) async throws(NSOError) -> [Value] {
    var values: [Value] = []
    for nodes in try IndexOrder.leafs(way.walk.index, way.place.node, model) {
      let path = nodes.reduce(entry) { $0.appending($1, model.layout) }
      guard let leaf = nodes.last else { return values }
      if model[leaf].isKey, let keys = entry.entryKey.flatMap(KeyDecoder.values(of:)) {
        let place = Int(model[leaf].keyIndex)
        guard keys.indices.contains(place) else { return values }
        values.append(keys[place])
        continue
      }
      let record: [UInt8]?
      if case .record(let known)? = cached(.record(path.bytes)) { record = known } else { record = try await fetchRecord(path) }
      if let record {
        values.append(try decoded(ByteBuffer(bytes: record)))
      } else if let value = model.schema[leaf].defaultValue {
        values.append(value)
      } else {
        return values
      }
    }
    return values
  }
}
