import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire
import Synchronization

/// Walks through lists of providers (protocol part 05, section 8).
extension ProviderTree {
  /// How one request of a walk begins.
  enum Step {
    case first
    case marker(TraversalMarker)
    case find([Value], inclusive: Bool, traversal: Int64?)
  }

  /// Which of the entries that come is wanted, where they have to be looked for.
  enum Sought {
    case any
    case standing(ProviderStand)
    case within(RangeRegistration)
    /// The one after the entry with these keys.
    case following([UInt8])
  }

  /// A walk, and whom it asks.
  struct Way {
    var walk: ProviderWalk
    var list: TreePath
    var place: ProviderPlace
    /// Which of those who serve the list.
    var segment = 0
    /// Nobody comes after it.
    var isFinal = true
  }

  /// Those who serve a list, in the order of their ranges.
  func segments(of list: TreePath) throws(NSOError) -> [ProviderRegistry.Served] {
    guard let node = list.node, let point = model.callpoint(of: node) else { return [] }
    if node == point.node || model.schema[node].parent == point.node {
      let ranges = registry.ranges(.data, point.name).filter { served in
        served.range.map { !$0.lower.isEmpty || !$0.upper.isEmpty } ?? false
      }
      if !ranges.isEmpty { return ranges }
    }
    return [try place(list).served]
  }

  /// What is remembered of an entry of a walk. When it is the last one of its batch, how to go on is used up with that.
  func known(_ key: [UInt8], in walk: ProviderWalk) -> (batch: ProviderBatch, index: Int)? {
    state.withLock { state in
      guard let found = state.cache.find(key, in: walk) else { return nil }
      if found.index == found.batch.entries.count - 1 { state.cache.markUsed(key, in: walk) }
      return found
    }
  }

  /// The entry that follows, asked for from who has it; what comes with it is remembered.
  func fetchNext(_ walk: ProviderWalk, _ stand: ProviderStand) async throws(NSOError) -> ProviderEntry? {
    let list = try path(walk.list)
    let segments = try segments(of: list)
    func makeWay(_ index: Int) throws(NSOError) -> Way {
      Way(
        walk: walk, list: list, place: try place(list, servedBy: segments[index]), segment: index,
        isFinal: index == segments.count - 1)
    }
    guard !segments.isEmpty else { return nil }
    guard walk.index.isEmpty else {
      let way = try makeWay(0)
      return try await fetchNextInOrder(way, stand).map { (entry) throws(NSOError) in try checked(entry, stand, way) }
    }
    var index = 0
    var step = Step.first
    var isPromised = false
    switch stand {
    case .start: break
    case .after(let key):
      let values = KeyDecoder.values(of: key) ?? []
      index = segment(for: values, in: segments)
      step = .find(values, inclusive: false, traversal: nil)
      if let known = known(key, in: walk) {
        index = min(known.batch.segment, segments.count - 1)
        if let next = try await self.step(after: known, try makeWay(index)) {
          step = next
          isPromised = known.batch.isPromised
        } else {
          index += 1
          step = .first
        }
      }
    case .atOrAfter(let key):
      let values = KeyDecoder.values(of: key) ?? []
      index = segment(for: values, in: segments)
      step = .find(values, inclusive: true, traversal: nil)
    case .values: throw NSOError(.internal, "a walk in the order of keys cannot begin at values of an index")
    }
    while segments.indices.contains(index) {
      let way = try makeWay(index)
      if let entry = try await entry(way, step, stand, isPromised: isPromised) { return try checked(entry, stand, way) }
      index += 1
      step = .first
      isPromised = false
    }
    return nil
  }

  /// How to go on after a known entry; nil after the last one of its client.
  func step(after known: (batch: ProviderBatch, index: Int), _ way: Way) async throws(NSOError) -> Step? {
    let batch = known.batch
    let isLast = known.index == batch.entries.count - 1
    if isLast, batch.isLast, batch.expires > ContinuousClock.now { return nil }
    return try await step(after: batch.entries[known.index], batch.traversal, isUsed: batch.isUsed, way)
  }

  private func step(
    after entry: ProviderEntry, _ traversal: Int64?, isUsed: Bool, _ way: Way
  ) async throws(NSOError) -> Step {
    // Markers are for get_next.
    if !isUsed, way.place.canWalk, case .marker(let marker) = entry.next, marker.number != -1 { return .marker(marker) }
    var keys = entry.keys
    if !way.walk.index.isEmpty {
      var place = way.list
      place.appendEntryKey(entry.key)
      keys = try await indexValues(of: place, way)
    }
    return .find(keys, inclusive: false, traversal: isUsed ? nil : traversal)
  }

  private func segment(for keys: [Value], in segments: [ProviderRegistry.Served]) -> Int {
    segments.firstIndex { served in
      guard let range = served.range else { return true }
      return !ValueOrder.isBefore(range.upper, Array(keys.prefix(range.upper.count)))
    } ?? segments.count - 1
  }

  /// One request to one client, or several where it has no callback that finds what is wanted.
  private func entry(
    _ way: Way, _ step: Step, _ stand: ProviderStand, isPromised: Bool
  ) async throws(NSOError) -> ProviderEntry? {
    var step = step
    var sought = Sought.any
    if case .first = step, let lower = way.place.served.range?.lower, !lower.isEmpty, way.place.canFind {
      step = .find(lower, inclusive: true, traversal: nil)
    }
    if case .find = step, !way.place.canFind {
      step = .first
      sought = .standing(stand)
    } else if let range = way.place.served.range {
      // A client that cannot find gives more than its range.
      sought = .within(range)
    }
    return try await entry(way, step, sought, isPromised: isPromised).entry
  }

  /// Asks until what is sought is there.
  /// - Returns: also whether the entry was met that the one is sought after.
  func entry(
    _ way: Way, _ first: Step, _ sought: Sought, isPromised: Bool = false
  ) async throws(NSOError) -> (entry: ProviderEntry?, isMet: Bool) {
    let place = way.place
    try requireWalks(place)
    var step = first
    if case .first = step, !place.canWalk { step = .find([], inclusive: false, traversal: nil) }
    var isPromised = isPromised
    var isMet = false
    var last: [UInt8]?
    while true {
      try Self.checkCancellation()
      guard let batch = try await request(way, step, isPromised: isPromised) else { return (nil, isMet) }
      isPromised = batch.isPromised
      let upper = place.served.range?.upper ?? []
      var isBeyond = false
      var cut = batch
      if !upper.isEmpty,
        let end = batch.entries.firstIndex(where: { ValueOrder.isBefore(upper, Array($0.keys.prefix(upper.count))) })
      {
        isBeyond = true
        cut = ProviderBatch(
          Array(batch.entries[..<end]), isLast: true, segment: way.segment, traversal: batch.traversal, expires: batch.expires)
        cut.isEnd = way.isFinal
        cut.isPromised = batch.isPromised
      }
      let kept = cut
      if let last, let next = kept.entries.first { try checkOrder(next, after: last, way) }
      if !kept.entries.isEmpty { state.withLock { $0.cache.add(kept, to: way.walk) } }
      for entry in kept.entries {
        if isMet { return (entry, true) }
        let isWanted =
          switch sought {
          case .any: true
          case .standing(let stand): stand.admits(entry.key)
          case .within(let range): KeyDecoder.values(of: entry.key).map(range.contains) ?? true
          case .following: false
          }
        if isWanted { return (entry, false) }
        if case .following(let key) = sought, entry.key == key { isMet = true }
      }
      guard !isBeyond, !kept.isLast, let entry = kept.entries.last else { return (nil, isMet) }
      state.withLock { $0.cache.markUsed(entry.key, in: way.walk) }
      step = try await self.step(after: entry, kept.traversal, isUsed: false, way)
      last = entry.key
      if case .find = step, !place.canFind {
        throw bad("a walk can only go on by keys, but find_next is not registered", place)
      }
    }
  }

  /// - Throws: EXTERNAL when the entry cannot be one that follows.
  private func checked(_ entry: ProviderEntry, _ stand: ProviderStand, _ way: Way) throws(NSOError) -> ProviderEntry {
    if case .after(let key) = stand { try checkOrder(entry, after: key, way) }
    return entry
  }

  /// Checks that an entry may follow another one (protocol part 05, section 7.5): a walk ends, and finds each entry once.
  /// - Throws: EXTERNAL, with both.
  private func checkOrder(_ entry: ProviderEntry, after key: [UInt8], _ way: Way) throws(NSOError) {
    let node = model.schema[way.place.node]
    guard node.kind == .list else { return }
    if entry.key == key { throw standsStill(entry, way) }
    guard way.walk.index.isEmpty, !node.isKeyless, !way.list.isOrderedByUser, !key.lexicographicallyPrecedes(entry.key) else {
      return
    }
    let before = KeyDecoder.values(of: key).map { Self.text($0) } ?? "another one"
    throw bad("entry \(Self.text(entry.keys)) comes after entry \(before): entries come in the order of their keys", way.place)
  }

  private static func text(_ keys: [Value]) -> String { "{\(keys.map(\.plainText).joined(separator: " "))}" }

  private func standsStill(_ entry: ProviderEntry, _ way: Way) -> NSOError {
    let rule =
      way.walk.index.isEmpty
      ? "the entry after an entry is that entry"
      : "the entry after an entry in the order of index \(way.walk.index) is that entry: an index whose values are not unique, or that entries have no values of, needs markers"
    return bad("\(rule) (\(Self.text(entry.keys)))", way.place)
  }

  /// The values of a leaf-list one after the other, of clients that cannot give them at once.
  func walkValues(_ list: TreePath) async throws(NSOError) -> [ProviderLeafList.Entry] {
    let segments = try segments(of: list)
    var values: [ProviderLeafList.Entry] = []
    for (index, served) in segments.enumerated() {
      let way = Way(
        walk: ProviderWalk(list: list.bytes), list: list, place: try place(list, servedBy: served), segment: index,
        isFinal: index == segments.count - 1)
      try requireWalks(way.place)
      var step = way.place.canWalk ? Step.first : .find([], inclusive: false, traversal: nil)
      while let batch = try await request(way, step, isPromised: false) {
        try Self.checkCancellation()
        guard let first = batch.entries.first, let last = batch.entries.last else { break }
        if case .find(let keys, _, _) = step, keys == first.keys { throw standsStill(first, way) }
        values += batch.entries.map { ProviderLeafList.Entry(key: $0.key, record: $0.record) }
        guard values.count <= ProviderLeafList.limit else {
          throw bad("more than \(ProviderLeafList.limit) values in a leaf-list", way.place)
        }
        guard !batch.isLast else { break }
        step = try await self.step(after: last, batch.traversal, isUsed: false, way)
        if case .find = step, !way.place.canFind {
          throw bad("a walk can only go on by keys, but find_next is not registered", way.place)
        }
      }
    }
    return values
  }

  private func requireWalks(_ place: ProviderPlace) throws(NSOError) {
    guard place.canFind || place.canWalk else {
      throw NSOError(
        .external,
        "\(place.served.instance.summary) registered neither get_next nor get_next_object for callpoint \(place.point.name): \(place.keypath) cannot be walked"
      )
    }
  }

  /// One request; nil at the end of the list.
  private func request(_ way: Way, _ step: Step, isPromised: Bool) async throws(NSOError) -> ProviderBatch? {
    let (walk, place) = (way.walk, way.place)
    let callbacks = place.callbacks
    let filter: FilterArgument = !callbacks.contains(.wantsFilter) ? .absent : walk.filter.map { .filter($0) } ?? .none
    let call: CallbackCall
    var isPromised = isPromised
    switch step {
    case .first:
      isPromised = false
      let request = NextRequest(place.keypath, after: nil, index: walk.index, filter: filter)
      call = callbacks.contains(.getNextObject) ? .getNextObject(request) : .getNext(request)
    case .marker(let marker):
      let request = NextRequest(place.keypath, after: marker, index: walk.index, filter: filter)
      call = callbacks.contains(.getNextObject) ? .getNextObject(request) : .getNext(request)
    case .find(let keys, let inclusive, let traversal):
      if traversal == nil { isPromised = false }
      let request = FindRequest(
        place.keypath, keys: try wire(keys, way), includesSame: inclusive, traversal: traversal, index: walk.index,
        filter: filter)
      call = callbacks.contains(.findNextObject) ? .findNextObject(request) : .findNext(request)
    }
    let limit = registry.limits.objectCache
    let result: CallbackResult
    do throws(NSOError) { result = try await self.call(place, call) } catch {
      // What clients answer that have no callback for it.
      guard !walk.index.isEmpty, error.code == .internal else { throw error }
      throw NSOError(.notImplemented, "\(place.keypath): the order of index \(walk.index) is not served: \(error.message)")
    }
    switch result {
    case .nextKey(let next):
      guard let next else { return nil }
      let entry = try entry(next.keys, nil, next.continuation.next, way.list, place)
      return batch([entry], isLast: false, way, isPromised || next.continuation.isFiltered, limit)
    case .nextObjects(.end): return nil
    case .nextObjects(.one(let item)):
      return batch(
        [try entry(of: item, way.list, place)], isLast: false, way, isPromised || item.continuation.isFiltered, limit)
    case .nextObjects(.batch(let items, let isLast, let milliseconds)):
      guard !items.isEmpty || isLast else { throw bad("a batch without objects that is not the end", place) }
      guard !items.isEmpty else { return nil }
      let entries = try items.map { (item) throws(NSOError) in try entry(of: item, way.list, place) }
      for (before, next) in zip(entries, entries.dropFirst()) { try checkOrder(next, after: before.key, way) }
      if entries.count >= FreedMemory.largeChangeCount { FreedMemory.returnSoon() }
      // Long enough for an operation that is done again with each answer.
      let time = milliseconds > 0 ? Duration.milliseconds(min(milliseconds, 3_600_000)) : limit
      return batch(entries, isLast: isLast, way, isPromised || items.contains(where: \.continuation.isFiltered), time)
    default: throw wrongAnswer(place)
    }
  }

  /// Keys, or values of the index leafs, as they travel.
  private func wire(_ keys: [Value], _ way: Way) throws(NSOError) -> [Value] {
    let node = model.schema[way.place.node]
    var owners = node.kind == .list ? node.keys : [way.place.node]
    if !way.walk.index.isEmpty {
      owners = try IndexOrder.leafs(way.walk.index, way.place.node, model).map { $0.last ?? way.place.node }
    }
    return keys.enumerated().map { index, key in
      owners.indices.contains(index) ? wire(key, of: owners[index], for: way.place) : key
    }
  }

  private func batch(
    _ entries: [ProviderEntry], isLast: Bool, _ way: Way, _ isPromised: Bool, _ time: Duration
  ) -> ProviderBatch {
    var traversal: Int64?
    if case .marker(let marker)? = entries.last?.next { traversal = marker.traversal }
    var entries = entries
    let isPromised = isPromised && way.walk.filter != nil && way.place.callbacks.contains(.wantsFilter)
    if isPromised { for index in entries.indices { entries[index].isPromised = true } }
    var batch = ProviderBatch(
      entries, isLast: isLast, segment: way.segment, traversal: traversal, expires: ContinuousClock.now + time)
    batch.isEnd = isLast && way.isFinal
    batch.isPromised = isPromised
    return batch
  }

  private func entry(
    of item: NextObjects.Item, _ list: TreePath, _ place: ProviderPlace
  ) throws(NSOError) -> ProviderEntry {
    let node = model.schema[place.node]
    if node.kind == .leafList {
      guard case .values(let values) = item.object, values.count == 1 else {
        throw bad("an object of a leaf-list is its value", place)
      }
      return try entry(values, nil, item.continuation.next, list, place)
    }
    let (object, pseudoKey) = try values(of: item.object, in: place)
    var keys: [Value] = pseudoKey.map { [$0] } ?? []
    for key in node.keys {
      guard let value = object.values[key] else {
        throw bad("key \(model.schema[key].name.name) is missing in an object", place)
      }
      keys.append(value)
    }
    return try entry(keys, object, item.continuation.next, list, place, areCanonical: true)
  }

  private func entry(
    _ keys: [Value], _ object: ProviderObjectValues?, _ next: Continuation.Next, _ list: TreePath, _ place: ProviderPlace,
    areCanonical: Bool = false
  ) throws(NSOError) -> ProviderEntry {
    let node = model.schema[place.node]
    let owners: [NodeID] = node.kind == .leafList ? [place.node] : node.keys
    guard keys.count == max(1, owners.count) else { throw bad("an entry with \(keys.count) keys", place) }
    var path = list
    var canonical: [Value] = []
    for (index, key) in keys.enumerated() {
      let owner = owners.indices.contains(index) ? owners[index] : nil
      var value = key
      if let owner, !areCanonical { value = try self.canonical(key, of: owner, in: place) }
      do throws(StoreError) {
        try path.appendKey(value, type: owner.flatMap { model.schema[$0].type }, schema: model.schema)
      } catch {
        throw bad("the key \(key.plainText): \(error)", place)
      }
      canonical.append(value)
    }
    let record = node.kind == .leafList ? canonical.first.map(ValueCoding.bytes(of:)) ?? [] : encodedKeys(canonical)
    return ProviderEntry(key: path.entryKey ?? [], keys: canonical, record: record, object: object, next: next)
  }
}
