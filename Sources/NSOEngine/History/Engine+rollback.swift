public import NSOModel
import NSOSchema
import NSOStore

/// Which rollback entry.
public enum RollbackEntryNumber: Hashable, Sendable, CustomStringConvertible {
  /// 0 is the latest.
  case relative(Int64)
  /// The number that never changes.
  case fixed(Int64)

  public var description: String {
    switch self {
    case .relative(let number): "\(number)"
    case .fixed(let number): "\(number) (fixed)"
    }
  }
}

extension Engine {
  /// Writes into a transaction what takes commits back (protocol part 04, LOAD_ROLLBACK): all from the latest that the transaction knows
  /// to the numbered one, or only that one. Nothing is committed yet.
  /// - Parameters:
  ///   - selective: take back this commit alone; what later commits made of the same places stays where it is in the way.
  ///   - place: only what is at and below it.
  /// - Throws: NOEXISTS for an entry that is not kept, or when rollbacks are not enabled; NOT_WRITABLE, BADSTATE.
  public func rollBack(
    _ number: RollbackEntryNumber, in transaction: Transaction, selective: Bool = false, below place: Location = .root
  ) throws(NSOError) {
    guard transaction.database == .running || transaction.database == .candidate else {
      throw NSOError(
        .notWritable,
        "\(transaction.summary): rollback entries are about running; load them into a transaction on running or candidate")
    }
    guard transaction.model === model else {
      throw NSOError(
        .noExists, "\(transaction.summary) has another schema than the commits that are kept: nothing can be rolled back in it")
    }
    let snapshot = transaction.snapshot
    let last = try storeErrors { () throws(StoreError) in try HistoryRecords.revision(snapshot) }
    let revision = try entry(number, last, snapshot)
    // The way back may be long: whoever asks something of the transaction meanwhile is not held up.
    try transaction.writeAtLength { (editor) throws(NSOError) in
      if selective || !place.path.isRoot {
        let changes = try changes(from: selective ? revision : last, to: revision - 1, snapshot)
        try editor.carryOut(changes, below: place)
      } else {
        try storeErrors { () throws(StoreError) in
          try History.goBack(from: last, to: revision - 1, &editor.configuration, snapshot)
        }
      }
      // A commit of somebody else that touches the same places makes a rollback meaningless.
      for range in editor.configuration.touched { transaction.recorder?.note(range) }
    }
  }

  /// The revision that an entry belongs to.
  private func entry(_ number: RollbackEntryNumber, _ last: UInt64, _ snapshot: Snapshot) throws(NSOError) -> UInt64 {
    let count = history.limits.rollbackEntries
    guard count > 0 else {
      throw NSOError(.noExists, "rollback entries are not enabled: set rollback/enabled to true in ncs.conf")
    }
    let revision: UInt64? =
      switch number {
      case .relative(let number): UInt64(exactly: number).flatMap { $0 < last ? last - $0 : nil }
      case .fixed(let number): UInt64(exactly: number)
      }
    guard let revision, revision > 0, revision <= last, last - revision < UInt64(count),
      try history.revisions(snapshot).contains(revision - 1)
    else {
      throw NSOError(
        .noExists,
        "there is no rollback entry \(number): the latest \(count) commits (setting rollback/history-size), not beyond an upgrade of the schema, can be rolled back"
      )
    }
    return revision
  }
}

extension TreeEditor {
  /// Carries out changes that were made to other data, node by node; those that have no place here are left out.
  fileprivate mutating func carryOut(_ changes: Overlay, below place: Location) throws(NSOError) {
    var failure: StoreError?
    let model = model
    var target = configuration
    do throws(StoreError) {
      try TreeDiff(changes, layout: model.layout).forEach(below: place.path, includingDeletedContents: false) { change in
        do throws(StoreError) {
          try Self.carryOut(change, model, &target)
          return .goOn
        } catch {
          failure = error
          return .stop
        }
      }
      if let failure { throw failure }
    } catch {
      throw NSOError(store: error)
    }
    configuration = target
  }

  private static func carryOut(
    _ change: TreeChange, _ model: DataModel, _ target: inout Overlay
  ) throws(StoreError) {
    let path = change.path
    switch change.kind {
    case .deleted, .unset: return try target.delete(path)
    case .moved(let after):
      guard try target.exists(path) else { return }
      _ = try target.moveEntry(path, to: after.map { .after($0) } ?? .first)
      return
    case .created, .set, .attribute: break
    }
    // What it is in may be gone by now.
    for above in model.layout.lineage(of: path).dropLast() {
      guard let node = above.node, model[node].isAnchor, try !target.exists(above) else { continue }
      return
    }
    let record = change.new.map { Array($0) }
    switch change.kind {
    case .attribute(let number):
      try target.setAttributeRecord(path.attributeKey(AttributeNumber(rawValue: number)), record)
    case .created where path.isEntry: try target.createEntry(path, record ?? [])
    default: target.set(path, record ?? [])
    }
  }
}
