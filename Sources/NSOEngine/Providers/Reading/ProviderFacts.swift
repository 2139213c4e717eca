import NSOModel
import NSOSchema
import NSOWire

/// One thing that has to be known of a provider's data, by places in the form of the store.
enum ProviderWant: Hashable, Sendable {
  /// The record of a leaf, an entry, a presence container.
  case record([UInt8])
  /// The values of a leaf-list.
  case values([UInt8])
  /// The entry of a list that follows.
  case next(ProviderWalk, ProviderStand)
  case count(list: [UInt8])
  case choice(ChoiceID, parent: [UInt8])
  case attributes([UInt8])
}

/// A way through a list. What was found on one way says nothing of what is not on another.
struct ProviderWalk: Hashable, Sendable {
  /// The place of the list.
  var list: [UInt8]
  /// What its client was told of the entries that are looked for; it may leave others out.
  var filter: ListFilter?
  /// The secondary index whose order it follows; empty: the order of keys.
  var index = ""
}

/// Where in a list to look for the next entry.
enum ProviderStand: Hashable, Sendable {
  case start
  case after([UInt8])
  case atOrAfter([UInt8])
  /// In the order of an index: at, or after, values of its leafs.
  case values([Value], inclusive: Bool)
}

/// What was found out.
enum ProviderFact: Sendable {
  /// The value's term bytes; nil: there is none.
  case record([UInt8]?)
  case values(ProviderLeafList)
  case entry(ProviderEntry?)
  case count(Int)
  /// Nil: the provider has no callback for it.
  case choice(ChoiceAnswer?)
  case attributes([Attribute])
}

/// An entry of a list as a provider told it.
struct ProviderEntry: Sendable {
  /// The keys in the store's form.
  var key: [UInt8]
  var keys: [Value]
  /// The term bytes of the keys (leaf-list: of the value).
  var record: [UInt8]
  /// The leafs, where the provider gave them too.
  var object: ProviderObjectValues?
  var next: Continuation.Next
  /// Its client promises that the walk's filter holds for it.
  var isPromised = false
}

/// The leafs of a list entry or container that came at once.
struct ProviderObjectValues: Sendable {
  /// By node; nodes that are there without value have `.empty`. Those in `answered` without value do not exist.
  var values: [NodeID: Value] = [:]
  /// What the object tells about; all else has to be asked for.
  var answered: Set<NodeID> = []
}

/// Entries of one list that came together, in their order.
struct ProviderBatch: Sendable {
  var entries: [ProviderEntry]
  var places: [[UInt8]: Int]
  /// Nothing comes after these (of this segment).
  var isLast: Bool
  /// Nothing comes after these at all.
  var isEnd = false
  /// Which of those who serve the list: the place in the order of their ranges.
  var segment: Int
  var traversal: Int64?
  var expires: ContinuousClock.Instant
  /// The continuation of the last entry was used; it cannot be used again.
  var isUsed = false
  /// The client promises that the filter holds for all entries of this traversal.
  var isPromised = false

  init(_ entries: [ProviderEntry], isLast: Bool, segment: Int, traversal: Int64?, expires: ContinuousClock.Instant) {
    self.entries = entries
    self.isLast = isLast
    self.segment = segment
    self.traversal = traversal
    self.expires = expires
    places = [:]
    for (index, entry) in entries.enumerated() { places[entry.key] = index }
  }
}

/// What is remembered of providers' data for a short while: bounded, however large their tables are.
struct ProviderCache: Sendable {
  private var batches: [ProviderWalk: [ProviderBatch]] = [:]
  private var walks: [ProviderWalk] = []
  /// The walks through a list that have batches here.
  private var ways: [[UInt8]: [ProviderWalk]] = [:]
  private var objects: [[UInt8]: (values: ProviderObjectValues, expires: ContinuousClock.Instant)] = [:]
  private var objectOrder: [[UInt8]] = []
  private static let walkLimit = 64
  private static let batchLimit = 8
  private static let entryLimit = 4096
  private static let objectLimit = 256

  mutating func removeAll() { self = ProviderCache() }

  mutating func add(_ batch: ProviderBatch, to walk: ProviderWalk) {
    if batches[walk] == nil {
      walks.append(walk)
      ways[walk.list, default: []].append(walk)
      if walks.count > Self.walkLimit { remove(walks.removeFirst()) }
    }
    var all = (batches[walk] ?? []).filter { $0.entries.allSatisfy { batch.places[$0.key] == nil } }
    all.append(batch)
    while all.count > Self.batchLimit || (all.count > 1 && all.reduce(0, { $0 + $1.entries.count }) > Self.entryLimit) {
      all.removeFirst()
    }
    batches[walk] = all
  }

  private mutating func remove(_ walk: ProviderWalk) {
    batches[walk] = nil
    ways[walk.list]?.removeAll { $0 == walk }
    if ways[walk.list]?.isEmpty ?? false { ways[walk.list] = nil }
  }

  /// The batch of a walk that has an entry, and its place in it.
  func find(_ key: [UInt8], in walk: ProviderWalk) -> (batch: ProviderBatch, index: Int)? {
    for batch in batches[walk] ?? [] {
      if let index = batch.places[key] { return (batch, index) }
    }
    return nil
  }

  /// An entry that was met on any way through its list a short while ago. That there is none says nothing.
  func entry(_ key: [UInt8], in list: [UInt8], now: ContinuousClock.Instant) -> ProviderEntry? {
    for walk in ways[list] ?? [] {
      if let (batch, index) = find(key, in: walk), batch.expires > now { return batch.entries[index] }
    }
    return nil
  }

  /// The leafs of an entry that came with it on any way through its list.
  func object(ofEntry key: [UInt8], in list: [UInt8], now: ContinuousClock.Instant) -> ProviderObjectValues? {
    for walk in ways[list] ?? [] {
      if let (batch, index) = find(key, in: walk), batch.expires > now, let object = batch.entries[index].object {
        return object
      }
    }
    return nil
  }

  mutating func markUsed(_ key: [UInt8], in walk: ProviderWalk) {
    guard let index = batches[walk]?.firstIndex(where: { $0.places[key] != nil }) else { return }
    batches[walk]?[index].isUsed = true
  }

  mutating func add(_ object: ProviderObjectValues, at place: [UInt8], expires: ContinuousClock.Instant) {
    if objects.updateValue((object, expires), forKey: place) == nil {
      objectOrder.append(place)
      if objectOrder.count > Self.objectLimit { objects[objectOrder.removeFirst()] = nil }
    }
  }

  func object(at place: [UInt8], now: ContinuousClock.Instant) -> ProviderObjectValues? {
    guard let found = objects[place], found.expires > now else { return nil }
    return found.values
  }
}
