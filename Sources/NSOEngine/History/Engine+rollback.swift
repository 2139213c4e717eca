import Logging
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

/// What a rollback left out because it has no place any more: a later commit has removed what it is in; or because it is not kept here,
/// but at a data provider.
public struct RollbackOmissions: Sendable, Hashable {
  /// The first ones, as paths.
  public private(set) var paths: [String] = []
  /// All of them.
  public private(set) var count = 0

  private static let limit = 20

  public var isEmpty: Bool { count == 0 }

  /// What the commit changed at data providers.
  mutating func note(providers: [String], of revision: UInt64) {
    for name in providers {
      note("what data provider \(name) stores, which commit \(revision) changed there: it keeps no history")
    }
  }

  mutating func note(_ path: @autoclosure () -> String) {
    count += 1
    if paths.count < Self.limit { paths.append(path()) }
  }

  /// One path a line; empty when nothing was left out.
  public var text: String {
    let more = count > paths.count ? ["and \(count - paths.count) more"] : []
    return (paths + more).map { $0 + "\n" }.joined()
  }
}

extension Engine {
  /// Writes into a transaction what takes commits back (protocol part 04, LOAD_ROLLBACK): all from the latest that the transaction knows
  /// to the numbered one, or only that one. Nothing is committed yet.
  /// - Parameters:
  ///   - selective: take back this commit alone; what later commits made of the same places stays where it is in the way.
  ///   - place: only what is at and below it.
  /// - Returns: what was left out, which is in the log, too.
  /// - Throws: NOEXISTS for an entry that is not kept, or when rollbacks are not enabled; NOT_WRITABLE, BADSTATE.
  @discardableResult
  public func rollBack(
    _ number: RollbackEntryNumber, in transaction: Transaction, selective: Bool = false, below place: Location = .root,
    as writer: TransactionWriter = .owner
  ) throws(NSOError) -> RollbackOmissions {
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
    let omissions = try transaction.writeAtLength(as: writer) { (editor) throws(NSOError) in
      try editor.judgedAsWhole { (editor) throws(NSOError) in
        var omissions = RollbackOmissions()
        editor.written.noteAll()
        if selective || !place.path.isRoot {
          let changes = try changes(from: selective ? revision : last, to: revision - 1, snapshot)
          omissions = try editor.carryOut(changes, below: place)
        } else {
          try history.requireUnderstood(from: last, backTo: revision - 1, model, snapshot)
          try storeErrors { () throws(StoreError) in
            try History.goBack(from: last, to: revision - 1, &editor.configuration, snapshot)
          }
        }
        // A commit of somebody else that touches the same places makes a rollback meaningless.
        for range in editor.configuration.touched { transaction.recorder?.note(range) }
        if place.path.isRoot {
          for commit in (selective ? revision...revision : revision...max(revision, last)).reversed() {
            let providers = try storeErrors { () throws(StoreError) in try HistoryRecords.providers(of: commit, snapshot) }
            omissions.note(providers: providers, of: commit)
          }
        }
        return omissions
      }
    }
    if !omissions.isEmpty {
      log.notice(
        "rollback entry \(number) in \(transaction.summary): \(omissions.count) changes were left out, since later commits have removed what they are in or they are not kept here: \(omissions.paths.joined(separator: ", "))\(omissions.count > omissions.paths.count ? ", ..." : "")"
      )
    }
    return omissions
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
  fileprivate mutating func carryOut(_ changes: Overlay, below place: Location) throws(NSOError) -> RollbackOmissions {
    var failure: StoreError?
    var omissions = RollbackOmissions()
    var source = view
    source.configuration = changes.untracked
    let model = model
    var target = configuration
    do throws(StoreError) {
      try TreeDiff(changes, layout: model.layout).forEach(below: place.path, includingDeletedContents: false) { change in
        do throws(StoreError) {
          if try !Self.carryOut(change, model, &target) {
            omissions.note((try? source.keypath(change.path)).map(model.schema.text(of:)) ?? "data")
          }
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
    return omissions
  }

  /// - Returns: false when there is no place for it.
  private static func carryOut(
    _ change: TreeChange, _ model: DataModel, _ target: inout Overlay
  ) throws(StoreError) -> Bool {
    let path = change.path
    switch change.kind {
    case .deleted, .unset:
      try target.delete(path)
      return true
    case .moved(let after):
      guard try target.exists(path) else { return false }
      return try target.moveEntry(path, to: after.map { .after($0) } ?? .first)
    case .attribute:
      // An attribute goes with its node.
      if let node = path.node, model[node].isAnchor || path.isTerminal, try !target.exists(path) { return change.new == nil }
    case .created, .set: break
    }
    // What it is in may be gone by now.
    for above in model.layout.lineage(of: path).dropLast() {
      guard let node = above.node, model[node].isAnchor, try !target.exists(above) else { continue }
      return false
    }
    let record = change.new.map { Array($0) }
    switch change.kind {
    case .attribute(let number):
      try target.setAttributeRecord(path.attributeKey(AttributeNumber(rawValue: number)), record)
    case .created where path.isEntry: try target.createEntry(path, record ?? [])
    default: target.set(path, record ?? [])
    }
    return true
  }
}
