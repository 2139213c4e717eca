public import NSOModel
public import NSOSchema

/// Data in memory: the simplest storage there can be. Holds the content of actions and notifications while it is checked.
public struct MemoryStorage: MutableInstanceStorage {
  public struct Step: Hashable, Sendable {
    public var node: NodeID
    /// nil for anything but an entry.
    public var keys: [Value]?
  }

  public typealias Place = [Step]

  /// What is set at one place, and what is below it.
  final class Record {
    var isSet = false
    var value: Value?
    /// Leafs, containers, and lists as a whole.
    var children: [NodeID: Record] = [:]
    var entries: [Record] = []
    var keys: [Value] = []
    var byKeys: [[Value]: Record] = [:]

    func copy() -> Record {
      let copy = Record()
      copy.isSet = isSet
      copy.value = value
      copy.children = children.mapValues { $0.copy() }
      copy.entries = entries.map { $0.copy() }
      copy.keys = keys
      copy.byKeys = Dictionary(uniqueKeysWithValues: copy.entries.map { ($0.keys, $0) })
      return copy
    }

    var hasContent: Bool { isSet || !entries.isEmpty || children.values.contains(where: \.hasContent) }
  }

  public let schema: Schema
  var top = Record()
  /// How often a list was looked through and how often an entry was looked up.
  public final class Counters {
    public var entriesVisited = 0
    public var lookups = 0
  }
  public let counters = Counters()

  public init(_ schema: Schema) { self.schema = schema }

  /// A storage of its own with the same data.
  public func copy() -> MemoryStorage {
    var copy = MemoryStorage(schema)
    copy.top = top.copy()
    return copy
  }

  public var rootPlace: Place { [] }

  private func record(_ place: Place) -> Record? {
    var record = top
    for step in place {
      guard let child = record.children[step.node] else { return nil }
      record = child
      if let keys = step.keys {
        guard let entry = record.byKeys[keys] else { return nil }
        record = entry
      }
    }
    return record
  }

  private func makeRecord(_ place: Place) -> Record {
    var record = top
    for step in place {
      let child = record.children[step.node] ?? Record()
      record.children[step.node] = child
      record = child
      if let keys = step.keys {
        if record.byKeys[keys] == nil {
          let entry = Record()
          entry.isSet = true
          entry.keys = keys
          record.byKeys[keys] = entry
          record.entries.append(entry)
        }
        record = record.byKeys[keys] ?? record
      }
    }
    return record
  }

  // MARK: Writing

  /// Sets a leaf, or makes a presence container or an entry.
  public func set(_ place: Place, _ value: Value? = nil) {
    let record = makeRecord(place)
    record.isSet = true
    if let value { record.value = value }
  }

  public mutating func remove(_ place: Place, of node: NodeID) {
    guard var last = place.last, let parent = record(Array(place.dropLast())) else { return }
    if let keys = last.keys {
      let list = parent.children[last.node]
      list?.byKeys[keys] = nil
      list?.entries.removeAll { $0.keys == keys }
      last.keys = nil
    } else {
      parent.children[last.node] = nil
    }
  }

  /// The number of entries of the list or leaf-list at a place.
  public func count(ofEntriesAt place: Place) -> Int { record(place)?.entries.count ?? 0 }

  // MARK: InstanceStorage

  public func place(of child: NodeID, in parent: Place) -> Place { parent + [Step(node: child, keys: nil)] }

  public func place(ofEntry keys: [Value], of list: NodeID, at place: Place) -> Place {
    var place = place
    place[place.count - 1].keys = keys
    return place
  }

  public func isSet(_ place: Place) -> Bool { record(place)?.isSet ?? false }

  public func hasContent(_ place: Place) -> Bool { record(place)?.hasContent ?? false }

  public func value(of leaf: NodeID, at place: Place) -> Value? { record(place)?.value }

  public func forEachEntry(
    of list: NodeID, at place: Place, keys: [Value], _ body: (Place, [Value]) throws -> Bool
  ) throws -> Bool {
    guard let record = record(place) else { return true }
    let full = schema[list].kind == .leafList ? 1 : max(1, schema[list].keys.count)
    if keys.count == full {
      counters.lookups += 1
      guard record.byKeys[keys] != nil else { return true }
      return try body(self.place(ofEntry: keys, of: list, at: place), keys)
    }
    for entry in record.entries where entry.keys.starts(with: keys) {
      counters.entriesVisited += 1
      guard try body(self.place(ofEntry: entry.keys, of: list, at: place), entry.keys) else { return false }
    }
    return true
  }

  public func isEntry(_ a: Place, before b: Place, of list: NodeID) -> Bool {
    guard var place = a.last.map({ _ in a }), let first = a.last?.keys, let second = b.last?.keys else { return false }
    place[place.count - 1].keys = nil
    for entry in record(place)?.entries ?? [] {
      if entry.keys == first { return first != second }
      if entry.keys == second { return false }
    }
    return false
  }
}

extension MemoryStorage {
  /// What differs between two storages: created and deleted entries and presence containers (without what is in them),
  /// created, deleted and modified leafs.
  public static func differences(
    _ old: MemoryStorage, _ new: MemoryStorage, _ report: (Place, ChangeKinds) -> Void
  ) {
    compare(old.top, new.top, [], old.schema, report)
  }

  private static func compare(
    _ old: Record?, _ new: Record?, _ place: Place, _ schema: Schema, _ report: (Place, ChangeKinds) -> Void
  ) {
    let ids = Set((old?.children.keys).map(Array.init) ?? []).union((new?.children.keys).map(Array.init) ?? []).sorted()
    for id in ids {
      let before = old?.children[id]
      let after = new?.children[id]
      let here = place + [Step(node: id, keys: nil)]
      switch schema[id].kind {
      case .list, .leafList:
        for entry in before?.entries ?? [] {
          let place = place + [Step(node: id, keys: entry.keys)]
          guard let other = after?.byKeys[entry.keys] else {
            report(place, .deleted)
            continue
          }
          compare(entry, other, place, schema, report)
        }
        for entry in after?.entries ?? [] where before?.byKeys[entry.keys] == nil {
          report(place + [Step(node: id, keys: entry.keys)], .created)
        }
        let kept = (before?.entries ?? []).filter { after?.byKeys[$0.keys] != nil }.map(\.keys)
        let keptNow = (after?.entries ?? []).filter { before?.byKeys[$0.keys] != nil }.map(\.keys)
        for (keys, other) in zip(keptNow, kept) where keys != other { report(place + [Step(node: id, keys: keys)], .moved) }
      case .container where !schema[id].isPresence:
        compare(before, after, here, schema, report)
      default:
        switch (before?.isSet ?? false, after?.isSet ?? false) {
        case (false, false): break
        case (false, true): report(here, .created)
        case (true, false): report(here, .deleted)
        case (true, true):
          if before?.value != after?.value { report(here, .modified) }
          compare(before, after, here, schema, report)
        }
      }
    }
  }
}
