import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire
import Synchronization

/// What is asked of providers, and how (protocol part 05, section 7).
extension ProviderTree {
  func fetch(_ want: ProviderWant) async throws(NSOError) -> ProviderFact {
    switch want {
    case .record(let bytes): return .record(try await fetchRecord(try path(bytes)))
    case .values(let bytes): return .values(try await fetchLeafList(try path(bytes)))
    case .next(let walk, let stand): return .entry(try await fetchNext(walk, stand))
    case .count(let list): return .count(try await fetchCount(try path(list)))
    case .choice(let choice, let parent): return .choice(try await fetchCase(choice, try path(parent)))
    case .attributes(let bytes): return .attributes(try await fetchAttributes(try path(bytes)))
    }
  }

  func path(_ bytes: [UInt8]) throws(NSOError) -> TreePath {
    guard let path = model.layout.path(bytes) else { throw NSOError(.internal, "a place that the schema does not have") }
    return path
  }

  // MARK: What is known already

  func cached(_ want: ProviderWant) -> ProviderFact? {
    let now = ContinuousClock.now
    switch want {
    case .record(let bytes):
      guard let path = model.layout.path(bytes), let node = path.node else { return nil }
      if path.isEntry, model[node].kind == .leafList {
        guard let entry = path.entryKey, let values = walkedLeafList(path.withoutEntryKey.bytes) else { return nil }
        return .record(values.record(entry))
      }
      if path.isEntry, model[node].kind == .list {
        guard let entry = knownEntry(path, now) else { return nil }
        return .record(entry.record)
      }
      guard let object = knownObject(around: path, now), object.answered.contains(node), !path.isEntry else { return nil }
      guard let value = object.values[node] else { return .record(nil) }
      return .record(value == .empty ? [] : ValueCoding.bytes(of: value))
    case .values(let bytes):
      guard let path = model.layout.path(bytes), let node = path.node, let object = knownObject(around: path, now),
        object.answered.contains(node)
      else { return nil }
      // Values that cannot be keys are complained about when the provider is asked for them.
      guard let values = try? leafList(of: object.leafList(node), at: path, try place(path)) else { return nil }
      return .values(values)
    case .next(let walk, .after(let key)):
      return state.withLock { state -> ProviderFact? in
        guard let (batch, index) = state.cache.find(key, in: walk) else { return nil }
        if index + 1 < batch.entries.count { return batch.expires > now ? .entry(batch.entries[index + 1]) : nil }
        return batch.isEnd && batch.expires > now ? .entry(nil) : nil
      }
    default: return nil
    }
  }

  private func knownEntry(_ entry: TreePath, _ now: ContinuousClock.Instant) -> ProviderEntry? {
    guard let key = entry.entryKey else { return nil }
    let list = entry.withoutEntryKey.bytes
    return state.withLock { $0.cache.entry(key, in: list, now: now) }
  }

  /// The object that a place is in, when it was given as a whole a short while ago.
  private func knownObject(around path: TreePath, _ now: ContinuousClock.Instant) -> ProviderObjectValues? {
    guard let holder = holder(of: path) else { return nil }
    if let entry = holder.entryKey, holder.node.map({ model[$0].kind == .list }) ?? false {
      let list = holder.withoutEntryKey.bytes
      if let known = state.withLock({ $0.cache.object(ofEntry: entry, in: list, now: now) }) { return known }
    }
    return state.withLock { $0.cache.object(at: holder.bytes, now: now) }
  }

  /// The entry of a provider's list that a place is in; else the topmost container that the provider has above it.
  private func holder(of path: TreePath) -> TreePath? {
    let lineage = model.layout.lineage(of: path).dropLast()
    let ours = lineage.filter { place in place.node.map { model[$0].placement == .provider } ?? false }
    if let entry = ours.last(where: { $0.isEntry }) { return entry }
    return ours.first
  }

  // MARK: Single nodes

  func fetchRecord(_ path: TreePath) async throws(NSOError) -> [UInt8]? {
    let place = try place(path)
    let facts = model[place.node]
    switch facts.kind {
    case .list: return try await entryExists(place) ? try entryRecord(path) : nil
    case .leafList:
      if place.callbacks.contains(.existsOptional) {
        guard try await exists(place) else { return nil }
        return try entryRecord(path)
      }
      guard let entry = path.entryKey else { return nil }
      return try await fetchLeafList(path.withoutEntryKey).record(entry)
    case .leaf where !facts.flags.contains(.empty):
      if prefersObject(place), let object = try await fetchObject(around: place) {
        return object.values[place.node].map(ValueCoding.bytes(of:))
      }
      guard place.callbacks.contains(.getElem) else { throw lacks("get_elem", place) }
      guard case .value(let value) = try await call(place, .getElem(place.keypath)) else { throw wrongAnswer(place) }
      switch value {
      case .notFound, .defaultInEffect: return nil
      default: return ValueCoding.bytes(of: try canonical(value, of: place.node, in: place))
      }
    default:
      if place.callbacks.contains(.existsOptional) { return try await exists(place) ? [] : nil }
      guard let object = try await fetchObject(around: place) else { throw lacks("exists_optional", place) }
      return object.values[place.node] == nil ? nil : []
    }
  }

  /// Whole objects serve single leafs where there is nothing else, or where the client wants that.
  private func prefersObject(_ place: ProviderPlace) -> Bool {
    guard place.callbacks.contains(.getObject) else { return false }
    return !place.callbacks.contains(.getElem) || place.flags.contains(.preferBulkGet)
  }

  private func lacks(_ callback: String, _ place: ProviderPlace) -> NSOError {
    NSOError(
      .external,
      "\(place.served.instance.summary) registered no callback for callpoint \(place.point.name) that could tell about \(place.keypath) (\(callback))"
    )
  }

  private func exists(_ place: ProviderPlace) async throws(NSOError) -> Bool {
    guard case .existence(let answer) = try await call(place, .existsOptional(place.keypath)) else { throw wrongAnswer(place) }
    return answer.exists
  }

  private func entryRecord(_ path: TreePath) throws(NSOError) -> [UInt8] {
    guard let node = path.node, let values = path.entryKey.flatMap(KeyDecoder.values(of:)) else {
      throw NSOError(.internal, "an entry without keys")
    }
    return model[node].kind == .list ? encodedKeys(values) : values.first.map(ValueCoding.bytes(of:)) ?? []
  }

  private func entryExists(_ place: ProviderPlace) async throws(NSOError) -> Bool {
    let node = model.schema[place.node]
    if node.isKeyless {
      guard place.callbacks.contains(.existsOptional) else { throw lacks("exists_optional", place) }
      return try await exists(place)
    }
    if place.callbacks.contains(.getElem), !prefersObject(place), let key = node.keys.first {
      // A key is asked for as a question whether its entry exists.
      let path = place.keypath.appending(.tag(Tag(model.schema[key].name.name)))
      guard case .value(let value) = try await call(place, .getElem(path)) else { throw wrongAnswer(place) }
      return value != .notFound
    }
    if place.callbacks.contains(.getObject) { return try await fetchObject(at: place) != nil }
    guard let key = place.path.entryKey else { return false }
    return try await fetchNext(ProviderWalk(list: place.path.withoutEntryKey.bytes), .atOrAfter(key))?.key == key
  }

  // MARK: Objects

  /// The object around a leaf; nil where objects cannot be asked for.
  private func fetchObject(around place: ProviderPlace) async throws(NSOError) -> ProviderObjectValues? {
    guard place.callbacks.contains(.getObject), let holder = holder(of: place.path),
      holder.isEntry || place.flags.contains(.bulkGetContainer)
    else { return nil }
    return try await fetchObject(at: try self.place(holder)) ?? ProviderObjectValues()
  }

  private func fetchObject(at place: ProviderPlace) async throws(NSOError) -> ProviderObjectValues? {
    guard case .object(let object) = try await call(place, .getObject(place.keypath)) else { throw wrongAnswer(place) }
    guard let object else { return nil }
    let values = try values(of: object, in: place).object
    let expires = ContinuousClock.now + registry.limits.objectCache
    state.withLock { $0.cache.add(values, at: place.path.bytes, expires: expires) }
    return values
  }

  // MARK: Leaf-lists, numbers, choices

  /// The values at once, where the client can, else one by one.
  private func fetchLeafList(_ path: TreePath) async throws(NSOError) -> ProviderLeafList {
    let place = try place(path)
    if prefersObject(place), let object = try await fetchObject(around: place), object.answered.contains(place.node) {
      return try leafList(of: object.leafList(place.node), at: path, place)
    }
    guard place.callbacks.contains(.getElem) else { return try leafList(of: try await walkValues(path), at: path, place) }
    switch try await call(place, .getElem(place.keypath)) {
    case .value(.list(let values)):
      guard values.count <= ProviderLeafList.limit else { throw bad("\(values.count) values in a leaf-list", place) }
      return try leafList(
        of: try values.map { (value) throws(NSOError) in try canonical(value, of: place.node, in: place) }, at: path, place)
    case .value(.notFound), .value(.defaultInEffect): return try leafList(of: [Value](), at: path, place)
    default: throw bad("a leaf-list is a list of values", place)
    }
  }

  private func fetchCount(_ list: TreePath) async throws(NSOError) -> Int {
    let segments = try segments(of: list)
    if segments.count == 1, let served = segments.first, served.range == nil,
      served.registration.dataCallbacks.contains(.numInstances)
    {
      let place = try place(list, servedBy: served)
      guard case .count(let count) = try await call(place, .numInstances(place.keypath)), let count = Int(exactly: count),
        count >= 0
      else { throw wrongAnswer(place) }
      return count
    }
    if let node = list.node, model[node].kind == .leafList { return try await fetchLeafList(list).entries.count }
    var count = 0
    var stand = ProviderStand.start
    while let entry = try await nextEntry(of: list, stand) {
      try Self.checkCancellation()
      count += 1
      stand = .after(entry.key)
    }
    return count
  }

  private func nextEntry(of list: TreePath, _ stand: ProviderStand) async throws(NSOError) -> ProviderEntry? {
    let walk = ProviderWalk(list: list.bytes)
    if case .entry(let entry)? = cached(.next(walk, stand)) { return entry }
    return try await fetchNext(walk, stand)
  }

  private func fetchCase(_ choice: ChoiceID, _ parent: TreePath) async throws(NSOError) -> ChoiceAnswer? {
    let place = try place(parent)
    guard place.callbacks.contains(.getCase) else { return nil }
    // Outermost first: choices around it that have no data node in between, with their cases.
    var names: [Tag] = [tag(of: choice, in: place.node)]
    var outer = model.schema[choice].caseReference
    while let reference = outer {
      let around = model.schema[reference.choice]
      names.insert(Tag(around.cases[reference.index].name.name), at: 0)
      names.insert(tag(of: reference.choice, in: place.node), at: 0)
      outer = around.caseReference
    }
    guard case .choiceCase(let answer) = try await call(place, .getCase(place.keypath, choice: names)) else {
      throw wrongAnswer(place)
    }
    return answer
  }

  private func tag(of choice: ChoiceID, in parent: NodeID) -> Tag {
    let name = model.schema[choice].name
    return name.namespace == model.schema[parent].name.namespace ? Tag(name.name) : Tag(name)
  }

  /// Long walks end with whoever wanted them.
  static func checkCancellation() throws(NSOError) {
    if Task.isCancelled { throw NSOError(.aborted, "nobody waits for the data any more") }
  }
}

extension ProviderObjectValues {
  /// The values of a leaf-list that it tells about.
  func leafList(_ node: NodeID) -> [Value] {
    guard case .list(let values)? = values[node] else { return [] }
    return values
  }
}
