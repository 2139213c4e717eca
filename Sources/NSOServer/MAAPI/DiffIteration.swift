import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire

/// One difference between a transaction and its datastore, as the protocol tells it.
struct TransactionChange: Sendable {
  var path: Keypath
  var change: IterationItem.Change
  /// The place in the order of all data: what begins with it lies below.
  var key: [UInt8]
  /// As `key`, of the node above.
  var parentKey: [UInt8]
}

/// Collects the changes of a transaction (protocol part 04, section 5.2; decisions in the protocol README): CREATED for an
/// entry and then what was set in it, MODIFIED for an entry with changes below, `default` for a leaf that falls back to it.
struct ChangeCollector {
  private let model: DataModel
  private let overlay: Overlay
  private let wantsPresenceContainers: Bool
  private(set) var changes: [TransactionChange] = []
  /// Entries that have an item already: the prefixes of keys that lead to the last change.
  private var told: [[UInt8]] = []

  /// All changes at and below a place. Takes time in proportion to their number.
  static func changes(
    of view: TreeView, below place: Location, _ flags: IterationFlags
  ) throws(NSOError) -> [TransactionChange] {
    var changes: [TransactionChange] = []
    for tree in [view.configuration, view.operational, view.persistentOperational] {
      guard let overlay = tree as? Overlay, !overlay.isEmpty else { continue }
      var collector = ChangeCollector(
        model: view.model, overlay: overlay, wantsPresenceContainers: flags.contains(.wantPresenceContainers))
      try collector.collect(below: place.path)
      changes += collector.changes
    }
    return changes
  }

  private init(model: DataModel, overlay: Overlay, wantsPresenceContainers: Bool) {
    self.model = model
    self.overlay = overlay
    self.wantsPresenceContainers = wantsPresenceContainers
  }

  private mutating func collect(below path: TreePath) throws(NSOError) {
    var failure: NSOError?
    do throws(StoreError) {
      try TreeDiff(overlay, layout: model.layout).forEach(below: path) { change in
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

  private func item(_ change: TreeChange, _ node: NodeID) throws(NSOError) -> IterationItem.Change? {
    let facts = model[node]
    switch change.kind {
    case .created: return .created
    case .deleted: return .deleted(old: nil)
    case .set:
      if facts.isKey { return nil }
      if facts.flags.contains(.empty) { return .created }
      guard let bytes = change.new else { return nil }
      return .valueSet(old: nil, new: try value(bytes))
    case .unset:
      if facts.flags.contains(.empty) { return .deleted(old: nil) }
      return model.defaultBytes(node) == nil ? .deleted(old: nil) : .valueSet(old: nil, new: .defaultInEffect)
    case .moved(let after):
      guard let after else { return .movedAfter([]) }
      var entry = change.path.withoutEntryKey
      entry.appendEntryKey(after)
      return .movedAfter(try keys(of: node, at: entry.bytes))
    case .attribute: return nil
    }
  }

  /// MODIFIED for each entry on the way that has no item yet.
  private mutating func addParents(of path: TreePath, from start: Int) throws(NSOError) {
    told.removeAll { !path.bytes.starts(with: $0) }
    for step in model.layout.steps(of: path) {
      let end = step.entryEnd ?? step.nodeEnd
      guard end < path.bytes.count, end >= start else { continue }
      let isEntry = step.entryEnd != nil
      guard isEntry || (wantsPresenceContainers && model[step.node].flags.contains(.presence)) else { continue }
      let prefix = Array(path.bytes[..<end])
      guard !told.contains(prefix) else { continue }
      append(.modified, prefix, try keypath(prefix))
    }
  }

  private mutating func append(_ change: IterationItem.Change, _ key: [UInt8], _ path: Keypath) {
    if case .valueSet = change {} else { told.append(key) }
    let steps = model.layout.path(key).map(model.layout.steps(of:)) ?? []
    let parentEnd = steps.dropLast().last.map { $0.entryEnd ?? $0.nodeEnd } ?? 0
    changes.append(TransactionChange(path: path, change: change, key: key, parentKey: Array(key[..<parentEnd])))
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
      guard let found = try overlay.untracked.get(path, read) ?? overlay.base.untracked.get(path, read) else { return [] }
      return try found.get()
    } catch let error as StoreError {
      throw NSOError(store: error)
    } catch {
      throw NSOError(.internal, "a list entry of the database is damaged: \(error)")
    }
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

/// DIFF_ITER and DIFF_IKP_ITER: tells changes that were collected, one at a time.
final class DiffIteration: Iteration {
  private var changes: ArraySlice<TransactionChange>
  private var last: TransactionChange?

  init(_ changes: [TransactionChange]) { self.changes = changes[...] }

  func next(after answer: IterationAnswer?) throws(NSOError) -> IterationItem? {
    if let last {
      switch answer {
      case .continue: skip { $0.key.count > last.key.count && $0.key.starts(with: last.key) }
      case .up: skip { $0.key.starts(with: last.parentKey) }
      default: break
      }
    }
    last = changes.popFirst()
    return last.map { .change($0.path, $0.change) }
  }

  private func skip(while condition: (TransactionChange) -> Bool) {
    changes = changes.drop(while: condition)
  }
}

extension MAAPIConnection {
  /// The changes of a transaction, collected elsewhere and then told in lock step.
  func beginDiff(
    _ call: MAAPICall, _ flags: IterationFlags, _ path: WireKeypath?, _ out: inout ByteBuffer
  ) -> FrameOutcome {
    let work: (view: TreeView, place: Location)
    do throws(NSOError) {
      let use = try use(call)
      work = (
        try use.transaction.view(), try path.map { (path) throws(NSOError) in try use.locate(path, call.isRelative) } ?? .root
      )
    } catch {
      out.writeFrame { IterationItem(error).write(into: &$0) }
      return .done
    }
    let later = connection.later { (result: Result<[TransactionChange], NSOError>, out) in
      self.begin({ () throws(NSOError) in DiffIteration(try result.get()) }, &out)
    }
    services.offload(to: later) { () throws(NSOError) in
      try ChangeCollector.changes(of: work.view, below: work.place, flags)
    }
    return .later
  }
}
