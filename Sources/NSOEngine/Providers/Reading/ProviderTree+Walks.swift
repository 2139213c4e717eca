import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire
import Synchronization

/// Walks through lists of providers (protocol part 05, section 8).
extension ProviderTree {
  /// How one request of a walk begins.
  private enum Step {
    case first
    case marker(TraversalMarker)
    case find([Value], inclusive: Bool, traversal: Int64?)
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

  /// The entry that follows, asked for from who has it; what comes with it is remembered.
  func fetchNext(_ list: TreePath, _ stand: ProviderStand) async throws(NSOError) -> ProviderEntry? {
    let segments = try segments(of: list)
    var index = 0
    var step = Step.first
    switch stand {
    case .start: break
    case .after(let key):
      let values = KeyDecoder.values(of: key) ?? []
      index = segment(for: values, in: segments)
      step = .find(values, inclusive: false, traversal: nil)
      let known: (batch: ProviderBatch, index: Int)? = state.withLock { state in
        guard let found = state.cache.find(key, in: list.bytes) else { return nil }
        if found.index == found.batch.entries.count - 1 { state.cache.markUsed(key, in: list.bytes) }
        return found
      }
      if let known {
        index = min(known.batch.segment, segments.count - 1)
        let isLast = known.index == known.batch.entries.count - 1
        let isStale = known.batch.expires <= ContinuousClock.now
        if isLast, known.batch.isLast, !isStale {
          index += 1
          step = .first
        } else if isLast || isStale {
          step = self.step(after: known.batch.entries[known.index], known.batch, isUsed: known.batch.isUsed)
        }
      }
    case .atOrAfter(let key):
      let values = KeyDecoder.values(of: key) ?? []
      index = segment(for: values, in: segments)
      step = .find(values, inclusive: true, traversal: nil)
    }
    while segments.indices.contains(index) {
      if let entry = try await entries(of: list, segments[index], index, isFinal: index == segments.count - 1, step, stand) {
        return entry
      }
      index += 1
      step = .first
    }
    return nil
  }

  private func step(after entry: ProviderEntry, _ batch: ProviderBatch, isUsed: Bool) -> Step {
    if !isUsed, case .marker(let marker) = entry.next, marker.number != -1 { return .marker(marker) }
    return .find(entry.keys, inclusive: false, traversal: isUsed ? nil : batch.traversal)
  }

  private func segment(for keys: [Value], in segments: [ProviderRegistry.Served]) -> Int {
    segments.firstIndex { served in
      guard let range = served.range else { return true }
      return !ValueOrder.isBefore(range.upper, Array(keys.prefix(range.upper.count)))
    } ?? segments.count - 1
  }

  /// One request to one client, or several where it has no callback that finds what is wanted.
  private func entries(
    of list: TreePath, _ served: ProviderRegistry.Served, _ segment: Int, isFinal: Bool, _ step: Step, _ stand: ProviderStand
  ) async throws(NSOError) -> ProviderEntry? {
    let place = try place(list, servedBy: served)
    let callbacks = place.callbacks
    let canFind = !callbacks.isDisjoint(with: [.findNext, .findNextObject])
    let canWalk = !callbacks.isDisjoint(with: [.getNext, .getNextObject])
    guard canFind || canWalk else {
      throw NSOError(
        .external,
        "\(served.instance.summary) registered neither get_next nor get_next_object for callpoint \(place.point.name): \(place.keypath) cannot be walked"
      )
    }
    var step = step
    // The first entry that is wanted, where it has to be looked for from the start.
    var wanted: (([UInt8]) -> Bool)?
    if case .first = step, let lower = served.range?.lower, !lower.isEmpty, canFind {
      step = .find(lower, inclusive: true, traversal: nil)
    }
    if case .find = step, !canFind {
      step = .first
      wanted = { stand.admits($0) }
    }
    if case .first = step, !canWalk { step = .find([], inclusive: false, traversal: nil) }
    return try await walk(list, place, segment, isFinal, step, wanted)
  }

  private func walk(
    _ list: TreePath, _ place: ProviderPlace, _ segment: Int, _ isFinal: Bool, _ first: Step, _ wanted: (([UInt8]) -> Bool)?
  ) async throws(NSOError) -> ProviderEntry? {
    var step = first
    var wanted = wanted
    if wanted == nil, let range = place.served.range {
      // A client that cannot find gives more than its range.
      wanted = { key in KeyDecoder.values(of: key).map(range.contains) ?? true }
    }
    while true {
      guard let batch = try await request(list, place, segment, isFinal, step) else { return nil }
      let upper = place.served.range?.upper ?? []
      var isBeyond = false
      var cut = batch
      if !upper.isEmpty,
        let end = batch.entries.firstIndex(where: { ValueOrder.isBefore(upper, Array($0.keys.prefix(upper.count))) })
      {
        isBeyond = true
        cut = ProviderBatch(
          Array(batch.entries[..<end]), isLast: true, segment: segment, traversal: batch.traversal, expires: batch.expires)
        cut.isEnd = isFinal
      }
      let kept = cut
      if !kept.entries.isEmpty { state.withLock { $0.cache.add(kept, to: list.bytes) } }
      if let entry = kept.entries.first(where: { wanted?($0.key) ?? true }) { return entry }
      guard !isBeyond, !kept.isLast, let last = kept.entries.last else { return nil }
      state.withLock { $0.cache.markUsed(last.key, in: list.bytes) }
      step = self.step(after: last, kept, isUsed: false)
      if case .find = step, place.callbacks.isDisjoint(with: [.findNext, .findNextObject]) {
        throw bad("a walk can only go on by keys, but find_next is not registered", place)
      }
    }
  }

  /// One request; nil at the end of the list.
  private func request(
    _ list: TreePath, _ place: ProviderPlace, _ segment: Int, _ isFinal: Bool, _ step: Step
  ) async throws(NSOError) -> ProviderBatch? {
    let callbacks = place.callbacks
    let filter: FilterArgument = callbacks.contains(.wantsFilter) ? .none : .absent
    let call: CallbackCall
    switch step {
    case .first:
      let request = NextRequest(place.keypath, after: nil, filter: filter)
      call = callbacks.contains(.getNextObject) ? .getNextObject(request) : .getNext(request)
    case .marker(let marker):
      let request = NextRequest(place.keypath, after: marker, filter: filter)
      call = callbacks.contains(.getNextObject) ? .getNextObject(request) : .getNext(request)
    case .find(let keys, let inclusive, let traversal):
      let wire = keys.enumerated().map { index, key in
        model.schema[place.node].kind == .list && model.schema[place.node].keys.indices.contains(index)
          ? self.wire(key, of: model.schema[place.node].keys[index], for: place) : self.wire(key, of: place.node, for: place)
      }
      let request = FindRequest(place.keypath, keys: wire, includesSame: inclusive, traversal: traversal, filter: filter)
      call = callbacks.contains(.findNextObject) ? .findNextObject(request) : .findNext(request)
    }
    let limit = registry.limits.objectCache
    switch try await self.call(place, call) {
    case .nextKey(let next):
      guard let next else { return nil }
      let entry = try entry(next.keys, nil, next.continuation.next, list, place)
      return batch([entry], isLast: false, segment, isFinal, limit)
    case .nextObjects(.end): return nil
    case .nextObjects(.one(let item)):
      return batch([try entry(of: item, list, place)], isLast: false, segment, isFinal, limit)
    case .nextObjects(.batch(let items, let isLast, let milliseconds)):
      guard !items.isEmpty || isLast else { throw bad("a batch without objects that is not the end", place) }
      guard !items.isEmpty else { return nil }
      let entries = try items.map { (item) throws(NSOError) in try entry(of: item, list, place) }
      // Long enough for an operation that is done again with each answer.
      let time = milliseconds > 0 ? Duration.milliseconds(min(milliseconds, 3_600_000)) : limit
      return batch(entries, isLast: isLast, segment, isFinal, time)
    default: throw wrongAnswer(place)
    }
  }

  private func batch(
    _ entries: [ProviderEntry], isLast: Bool, _ segment: Int, _ isFinal: Bool, _ time: Duration
  ) -> ProviderBatch {
    var traversal: Int64?
    if case .marker(let marker)? = entries.last?.next { traversal = marker.traversal }
    var batch = ProviderBatch(
      entries, isLast: isLast, segment: segment, traversal: traversal, expires: ContinuousClock.now + time)
    batch.isEnd = isLast && isFinal
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
