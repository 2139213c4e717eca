import ExternalTerm
public import NSOModel
import NSOSchema
public import NSOStore
import NSOTerms

/// One difference between two states of the data, as the protocol tells it (part 03, section 5; part 04, section 5.2).
public struct DataDifference: Sendable, Hashable {
  public enum Change: Sendable, Hashable {
    /// A list entry, presence container, leaf-list entry or leaf of type empty that was not there.
    case created
    /// The old value only for leafs, where asked for.
    case deleted(old: Value?)
    /// Something below this list entry (or, where asked for, presence container) changed.
    case modified
    /// A leaf; `.defaultInEffect` when it falls back to its default. The old value only where asked for.
    case valueSet(old: Value?, new: Value)
    /// The entry of a list ordered by user now follows the one with these keys; none: it is first.
    case movedAfter([Value])
    /// An attribute of the node, or with nil that it has it no longer. Only where asked for.
    case attributeSet(AttributeNumber, Value?)
  }

  /// What is told.
  public struct Options: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// MODIFIED also for presence containers.
    public static let presenceContainers = Options(rawValue: 1)
    /// The old values of leafs.
    public static let oldValues = Options(rawValue: 2)
    /// What was below deleted entries and presence containers, after them.
    public static let deletedContents = Options(rawValue: 4)
    /// Changes of attributes.
    public static let attributes = Options(rawValue: 8)
  }

  public var path: Keypath
  public var change: Change
  /// The place in the order of all data: what begins with it lies below.
  public var key: [UInt8]
  /// As `key`, of the node above.
  public var parentKey: [UInt8]

  /// All differences that an overlay makes at and below a place. Takes time in proportion to their number.
  /// - Parameter entries: where the keys of entries on the way are when they are not in the overlay: operational data lies below
  ///   entries of the configuration, too.
  public static func all(
    of overlay: Overlay, below place: Location = .root, _ options: Options = [], _ model: DataModel,
    keysFrom entries: (any DataTree)? = nil
  ) throws(NSOError) -> [DataDifference] {
    guard !overlay.isEmpty else { return [] }
    var collector = DifferenceCollector(model, old: overlay.base.untracked, new: overlay.untracked, options, entries)
    try collector.collect(TreeDiff(overlay, layout: model.layout), below: place.path)
    return collector.differences
  }

  /// What makes `new` of `old`, at and below a place. Looks at everything there.
  public static func between(
    _ old: any DataTree, _ new: any DataTree, below place: Location = .root, _ options: Options = [], _ model: DataModel,
    keysFrom entries: (any DataTree)? = nil
  ) throws(NSOError) -> [DataDifference] {
    var collector = DifferenceCollector(model, old: old.untracked, new: new.untracked, options, entries)
    try collector.collect(TreeDiff(from: old, to: new, layout: model.layout), below: place.path)
    return collector.differences
  }
}

extension TreeView {
  /// All changes of a transaction at and below a place: what this view has over the datastores.
  public func differences(
    below place: Location = .root, _ options: DataDifference.Options = []
  ) throws(NSOError) -> [DataDifference] {
    if let access {
      let all = try access.complete.differences(below: place, options)
      guard access.filtersChanges else { return all }
      return all.filter { model.layout.path($0.key).map(access.access.shows) ?? true }
    }
    var all: [DataDifference] = []
    for tree in [configuration, operational, persistentOperational] + (provider.map { [$0] } ?? []) {
      guard let overlay = tree as? Overlay else { continue }
      all += try DataDifference.all(of: overlay, below: place, options, model, keysFrom: configuration)
    }
    return all
  }
}

/// Collects differences (decisions in the protocol README): CREATED for an entry and then what was set in it, MODIFIED for an
/// entry with changes below, `default` for a leaf that falls back to it.
private struct DifferenceCollector {
  private let model: DataModel
  private let old: any DataTree
  private let new: any DataTree
  private let options: DataDifference.Options
  private let entries: (any DataTree)?
  private(set) var differences: [DataDifference] = []
  /// Entries that have an item already: the prefixes of keys that lead to the last change.
  private var told: [[UInt8]] = []

  init(
    _ model: DataModel, old: any DataTree, new: any DataTree, _ options: DataDifference.Options, _ entries: (any DataTree)?
  ) {
    self.entries = entries?.untracked
    self.model = model
    self.old = old
    self.new = new
    self.options = options
  }

  mutating func collect(_ diff: TreeDiff, below path: TreePath) throws(NSOError) {
    var failure: NSOError?
    do throws(StoreError) {
      try diff.forEach(below: path, includingDeletedContents: options.contains(.deletedContents)) { change in
        do throws(NSOError) {
          try add(change, from: path.bytes.count)
          return .goOn
        } catch {
          failure = error
          return .stop
        }
      }
    } catch {
      throw NSOError(store: error)
    }
    if let failure { throw failure }
  }

  private mutating func add(_ change: TreeChange, from start: Int) throws(NSOError) {
    guard let node = change.path.node, let told = try item(change, node) else { return }
    try addParents(of: change.path, from: start)
    append(told, change.path.bytes, try keypath(change.path.bytes))
  }

  private func item(_ change: TreeChange, _ node: NodeID) throws(NSOError) -> DataDifference.Change? {
    let facts = model[node]
    switch change.kind {
    case .created: return .created
    case .deleted: return .deleted(old: nil)
    case .set:
      if facts.isKey { return nil }
      if facts.flags.contains(.empty) { return .created }
      guard let bytes = change.new else { return nil }
      return .valueSet(old: try oldValue(change), new: try value(bytes))
    case .unset:
      if facts.flags.contains(.empty) { return .deleted(old: nil) }
      let old = try oldValue(change)
      return model.defaultBytes(node) == nil ? .deleted(old: old) : .valueSet(old: old, new: .defaultInEffect)
    case .moved(let after):
      guard let after else { return .movedAfter([]) }
      var entry = change.path.withoutEntryKey
      entry.appendEntryKey(after)
      return .movedAfter(try keys(of: node, at: entry.bytes))
    case .attribute(let number):
      guard options.contains(.attributes), !facts.isKey else { return nil }
      return .attributeSet(
        AttributeNumber(rawValue: number), try change.new.map { (bytes) throws(NSOError) in try value(bytes) })
    }
  }

  /// MODIFIED for each entry on the way that has no item yet.
  private mutating func addParents(of path: TreePath, from start: Int) throws(NSOError) {
    told.removeAll { !path.bytes.starts(with: $0) }
    for step in model.layout.steps(of: path) {
      let end = step.entryEnd ?? step.nodeEnd
      guard end < path.bytes.count, end >= start else { continue }
      let isEntry = step.entryEnd != nil
      guard isEntry || (options.contains(.presenceContainers) && model[step.node].flags.contains(.presence)) else { continue }
      let prefix = Array(path.bytes[..<end])
      guard !told.contains(prefix) else { continue }
      append(.modified, prefix, try keypath(prefix))
    }
  }

  private mutating func append(_ change: DataDifference.Change, _ key: [UInt8], _ path: Keypath) {
    switch change {
    case .valueSet, .attributeSet: break
    default: told.append(key)
    }
    let steps = model.layout.path(key).map(model.layout.steps(of:)) ?? []
    let parentEnd = steps.dropLast().last.map { $0.entryEnd ?? $0.nodeEnd } ?? 0
    differences.append(DataDifference(path: path, change: change, key: key, parentKey: Array(key[..<parentEnd])))
  }

  private func keypath(_ key: [UInt8]) throws(NSOError) -> Keypath {
    guard let path = model.layout.path(key) else { return .root }
    var result = Keypath()
    var module: ModuleID?
    for step in model.layout.steps(of: path) {
      let node = model.schema[step.node]
      result.elements.append(.tag(node.module == module ? Tag(node.name.name) : Tag(node.name)))
      module = node.module
      if let end = step.entryEnd { result.elements.append(.keys(try keys(of: step.node, at: Array(key[..<end])))) }
    }
    return result
  }

  /// The keys of an entry that is there, or was.
  private func keys(of list: NodeID, at key: [UInt8]) throws(NSOError) -> [Value] {
    guard let path = model.layout.path(key) else { return [] }
    let isList = model[list].kind == .list
    let read = { (record: UnsafeRawBufferPointer) -> Result<[Value], TermError> in
      do throws(TermError) {
        var reader = TermReader(record)
        return .success(isList ? try ValueCoding.readKeys(&reader) : [try ValueCoding.read(&reader)])
      } catch {
        return .failure(error)
      }
    }
    do {
      guard let found = try new.get(path, read) ?? old.get(path, read) ?? entries?.get(path, read) else { return [] }
      return try found.get()
    } catch let error as StoreError {
      throw NSOError(store: error)
    } catch {
      throw NSOError(.internal, "a list entry of the database is damaged: \(error)")
    }
  }

  private func oldValue(_ change: TreeChange) throws(NSOError) -> Value? {
    guard options.contains(.oldValues), let bytes = change.old else { return nil }
    return try value(bytes)
  }

  private func value(_ bytes: UnsafeRawBufferPointer) throws(NSOError) -> Value {
    do throws(TermError) {
      var reader = TermReader(bytes)
      return try ValueCoding.read(&reader)
    } catch {
      throw NSOError(.internal, "a record of the transaction is damaged: \(error)")
    }
  }
}
