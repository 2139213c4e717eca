import Logging
import NSOModel
import NSOStore
import Synchronization

/// The part that CDB's subscribers have in commits to running: two-phase ones may refuse, all are told in the order of their
/// priorities, and whoever commits gets its result when the last one is done (protocol part 03, section 7.4).
final class SubscriptionParticipant: CommitParticipant {
  /// What subscribers may read besides running while they are told (protocol part 03, section 6.2).
  struct Window: Sendable {
    var transaction: Int32
    /// Running as it was.
    var before: TreeView
    /// Running as it will be; nil once it is so.
    var prepared: TreeView?
  }

  private let registry: SubscriptionRegistry
  private let replay: ReplayRecord
  private let deliveries = Mutex<[Int32: SubscriptionDelivery]>([:])
  private let open = Mutex<Window?>(nil)

  init(_ registry: SubscriptionRegistry, _ replay: ReplayRecord) {
    self.registry = registry
    self.replay = replay
  }

  var name: String { "CDB subscribers" }

  /// The change that subscribers are being told of.
  var window: Window? { open.withLock { $0 } }

  /// Whether there are subscribers of configuration.
  var isAnybodyConcerned: Bool { registry.isConcerned }

  func prepare(_ attempt: CommitAttempt) async throws(NSOError) {
    guard registry.isConcerned else { return }
    if let error = registry.mandatoryFailure { throw error }
    let transaction = attempt.transaction
    guard !transaction.skipsSubscribers else { return }
    let delivery = try registry.delivery(of: attempt)
    guard !delivery.isEmpty else { return }
    deliveries.withLock { $0[transaction.handle] = delivery }
    guard delivery.hasPrepare else { return }
    open.withLock { $0 = Window(transaction: transaction.handle, before: attempt.before, prepared: attempt.after) }
    do throws(NSOError) {
      try await delivery.prepare(transaction)
    } catch {
      _ = end(transaction)
      throw error
    }
  }

  func addRecords(of attempt: CommitAttempt, _ id: TransactionID, to batch: inout WriteBatch) throws(NSOError) {
    replay.addRecords(to: &batch)
  }

  func becameDurable(_ attempt: CommitAttempt, _ result: CommitResult) { replay.didCommit() }

  func commit(_ attempt: CommitAttempt, _ result: CommitResult) async {
    let transaction = attempt.transaction
    guard let delivery = deliveries.withLock({ $0[transaction.handle] }) else { return }
    open.withLock { $0 = Window(transaction: transaction.handle, before: attempt.before) }
    await delivery.commit()
    _ = end(transaction)
  }

  func abort(_ attempt: CommitAttempt, _ cause: NSOError) async {
    guard let delivery = deliveries.withLock({ $0[attempt.transaction.handle] }) else { return }
    await delivery.abort()
    _ = end(attempt.transaction)
  }

  private func end(_ transaction: Transaction) -> SubscriptionDelivery? {
    open.withLock { if $0?.transaction == transaction.handle { $0 = nil } }
    return deliveries.withLock { $0.removeValue(forKey: transaction.handle) }
  }

  /// For changes that no transaction makes: subscribers may look at running as it was.
  func withWindow(_ view: TreeView, _ body: () async throws(NSOError) -> Void) async throws(NSOError) {
    open.withLock { $0 = Window(transaction: 0, before: view) }
    defer { open.withLock { if $0?.transaction == 0 { $0 = nil } } }
    try await body()
  }
}

extension SubscriptionRegistry {
  /// The points of one kind that are in use, for one model.
  func points(_ model: DataModel, where condition: (PointKind) -> Bool) -> [Point] {
    let found = state.withLock { state in
      state.points.values.filter { condition($0.request.kind) && state.subscribers[$0.subscriber]?.isActive ?? false }
    }.sorted { $0.number < $1.number }
    guard found.contains(where: { $0.model !== model }) else { return found }
    return found.compactMap { point in
      guard point.model !== model else { return point }
      var point = point
      do throws(NSOError) {
        point.pattern = try SubscriptionPattern(point.request.path, namespace: point.request.namespace, model)
        point.model = model
        let renewed = point
        state.withLock { if $0.points[renewed.number] != nil { $0.points[renewed.number] = renewed } }
        return point
      } catch {
        log.warning("CDB: subscription point \(point.number) (\(point.pattern.text)) is not in the present schema: \(error)")
        return nil
      }
    }
  }

  /// Who has to be told of a commit.
  func delivery(of attempt: CommitAttempt) throws(NSOError) -> SubscriptionDelivery {
    let model = attempt.model
    let points = points(model) { $0 != .operational }
    let matches = try SubscriptionMatcher.matches(points.map(\.pattern), attempt.changes, model)
    let transaction = attempt.transaction
    return SubscriptionDelivery(
      self, zip(points, matches).filter(\.1).map(\.0), SubscriptionChanges(attempt),
      origin: SubscriptionNotice.Origin(session: transaction.session.id, transaction: transaction.handle),
      flags: transaction.state.withLock { $0.isRevert } ? .revert : [])
  }

  /// The points that a client names; all of the kind for none.
  /// - Throws: PROTOUSAGE for an unknown one, or one of the other kind.
  func points(
    named numbers: [Int32], _ model: DataModel, operational: Bool
  ) throws(NSOError) -> [Point] {
    let all = points(model) { ($0 == .operational) == operational }
    guard !numbers.isEmpty else { return all }
    let known = Set(all.map(\.number))
    if let stranger = numbers.first(where: { !known.contains($0) }) {
      throw NSOError(
        .protocolUsage,
        "\(stranger) is no \(operational ? "operational " : "")subscription point in use on this daemon; nothing was triggered")
    }
    let wanted = Set(numbers)
    return all.filter { wanted.contains($0.number) }
  }
}
