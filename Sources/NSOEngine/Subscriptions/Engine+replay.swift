public import NSOModel
import NSOStore

/// Commits of the past, delivered again (protocol part 03, section 7.11).
extension Engine {
  /// Whether that is possible (`cdb/subscription-replay/enabled`).
  public var replaysSubscriptions: Bool {
    get { replay.start != nil }
    set {
      guard newValue else { return replay.disable() }
      replay.enable(model, now: ReplayRecord.Start(revision: history.revision, id: lastTransactionID))
    }
  }

  /// After which transactions can be delivered again what came after them, the latest first.
  public func replayTransactions() throws(NSOError) -> [TransactionID] {
    let last = lastTransactionID
    guard let start = replay.start else { return [last] }
    let entries = try history.entries().filter { $0.revision > start.revision }
    var ids = entries.map(\.id)
    // What came after it is all there.
    if history.revisions.lowerBound <= start.revision { ids.append(start.id) }
    return ids.first == last ? ids : [last]
  }

  /// Delivers the transactions after `id` again, the oldest first.
  /// - Throws: NOEXISTS when they are not kept; as ``triggerSubscriptions(_:_:)``.
  public func replaySubscriptions(after id: TransactionID, _ numbers: [Int32], _ caller: Caller) async throws(NSOError) {
    let what = "replay events"
    let (isConcerned, isLater) = (!(try points(numbers, caller, what)).isEmpty, !(try commits(after: id)).isEmpty)
    guard isConcerned, isLater else { return }
    let owner = try await takeGate(Waiting("\(caller.description), replaying subscriptions", caller.process, startedAt: now))
    defer { gate.release(owner) }
    // While this one waited there may have been more of them, or an upgrade.
    let points = try points(numbers, caller, what)
    let commits = try commits(after: id)
    gate.admitReaders(owner)
    for entry in commits {
      let commit = try pastCommit(entry)
      let matches = try SubscriptionMatcher.matches(points.map(\.pattern), commit.changes, commit.before.model)
      try await run(
        SubscriptionDelivery(
          subscriptions, zip(points, matches).filter(\.1).map(\.0), SubscriptionChanges(commit), origin: nil, flags: .trigger),
        commit.before)
    }
  }

  /// The commits after one of the past, the oldest first.
  /// - Throws: NOEXISTS when there is a gap.
  private func commits(after id: TransactionID) throws(NSOError) -> [HistoryEntry] {
    guard id != lastTransactionID else { return [] }
    func refusal(_ why: String) -> NSOError {
      NSOError(
        .noExists, "what came after transaction \(id.text) cannot be delivered again: \(why); read the configuration anew")
    }
    guard let start = replay.start else { throw refusal("replay is off (cdb/subscription-replay/enabled in ncs.conf)") }
    guard id <= lastTransactionID else { throw refusal("there is no such transaction") }
    guard id >= start.id else {
      throw refusal("replay goes back to transaction \(start.id.text), when it was enabled or the schema became another one")
    }
    let entries = try history.entries()
    let known = id == start.id ? start.revision : entries.first { $0.id == id }?.revision
    guard let known, known >= history.revisions.lowerBound else {
      throw refusal(
        "it is not kept, the history has the latest \(history.limits.kept) commits (settings rollback/history-size and datastores/history/size)"
      )
    }
    return entries.filter { $0.revision > known }.reversed()
  }
}
