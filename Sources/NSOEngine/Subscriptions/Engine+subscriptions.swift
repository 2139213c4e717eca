public import NSOModel
import NSOStore

/// Events that clients ask for (protocol part 03, sections 7.9 to 7.11), and what subscribers may see meanwhile.
extension Engine {
  /// Who asks, for texts and to find circles.
  public struct Caller: Sendable {
    public var description: String
    /// The process it runs in, if known.
    public var process: Int32?
    /// Its own subscriptions.
    public var subscriber: SubscriberID?

    public init(_ description: String, process: Int32? = nil, subscriber: SubscriberID? = nil) {
      self.description = description
      self.process = process
      self.subscriber = subscriber
    }
  }

  /// What a session on running without any lock sees: what is being prepared, while it is; else what is there.
  public func unlockedView() throws(NSOError) -> TreeView {
    if let prepared = subscriptionParticipant.window?.prepared { return prepared }
    return try currentView()
  }

  /// Running as it was before the change that subscribers are being told of.
  /// - Throws: NOEXISTS when there is none.
  public func preCommitView() throws(NSOError) -> TreeView {
    guard let window = subscriptionParticipant.window else {
      throw NSOError(.noExists, "pre-commit-running exists only while subscribers are told of a change of the configuration")
    }
    return window.before
  }

  /// Tells subscribers of all configuration as if it had just been made; returns when the last one is done.
  /// - Parameter numbers: points; none: all.
  /// - Throws: PROTOUSAGE for an unknown point, INUSE for circles and when commits are in the way for too long, what a two-phase
  ///   subscriber refuses with.
  public func triggerSubscriptions(_ numbers: [Int32], _ caller: Caller) async throws(NSOError) {
    let points = try subscriptions.points(named: numbers, model, operational: false)
    guard !points.isEmpty else { return }
    try refuseCircle(caller, points, "trigger subscriptions")
    let owner = try await takeGate("\(caller.description), triggering subscriptions", startedAt: now, caller.process)
    defer { gate.release(owner) }
    gate.admitReaders(owner)
    let view = try currentView()
    let delivery = SubscriptionDelivery(
      subscriptions, points, SubscriptionChanges(everythingIn: view), origin: nil, flags: .trigger)
    try await run(delivery, view)
  }

  private func run(_ delivery: SubscriptionDelivery, _ view: TreeView) async throws(NSOError) {
    try await subscriptionParticipant.withWindow(view) { () async throws(NSOError) in
      try await delivery.prepare(nil)
      await delivery.commit()
    }
  }

  /// The transactions that can be delivered again, the latest first.
  public var replayTransactions: [TransactionID] {
    let ids = replay.entries.map(\.id)
    return ids.first == lastTransactionID ? ids : [lastTransactionID]
  }

  /// Delivers the transactions after `id` again, the oldest first.
  /// - Throws: NOEXISTS when they are not kept; as ``triggerSubscriptions(_:_:)``.
  public func replaySubscriptions(after id: TransactionID, _ numbers: [Int32], _ caller: Caller) async throws(NSOError) {
    let points = try subscriptions.points(named: numbers, model, operational: false)
    guard id != lastTransactionID else { return }
    let entries = replay.entries
    guard let index = entries.firstIndex(where: { $0.id == id }) ?? replay.firstAfter(id, entries) else {
      let hint = replay.isEnabled ? "it is not kept any more" : "replay is off (cdb/subscription-replay/enabled in ncs.conf)"
      throw NSOError(
        .noExists, "what came after transaction \(id) cannot be delivered again: \(hint); read the configuration anew")
    }
    guard entries[..<index].allSatisfy({ $0.changes.model === model }) else {
      throw NSOError(
        .noExists, "what came after transaction \(id) was in another schema, before an upgrade; read the configuration anew")
    }
    guard !points.isEmpty else { return }
    try refuseCircle(caller, points, "replay events")
    let owner = try await takeGate("\(caller.description), replaying subscriptions", startedAt: now, caller.process)
    defer { gate.release(owner) }
    gate.admitReaders(owner)
    for entry in entries[..<index].reversed() {
      var concerned: [SubscriptionRegistry.Point] = []
      for point in points where try !entry.changes.items(of: point.pattern, .ancestorDelete).isEmpty { concerned.append(point) }
      guard !concerned.isEmpty else { continue }
      try await run(
        SubscriptionDelivery(subscriptions, concerned, entry.changes, origin: nil, flags: .trigger), try currentView())
    }
  }

  // MARK: Circles

  /// A subscriber that waits for itself would wait for ever.
  func refuseCircle(
    _ caller: Caller, _ points: [SubscriptionRegistry.Point], _ what: String
  ) throws(NSOError) {
    if let own = caller.subscriber, subscriptions.isDealing(own) {
      throw NSOError(
        .inUse, "\(caller.description) wants to \(what) while it has an event to answer: answer that first (SYNC_SUB)")
    }
    if let own = caller.subscriber, points.contains(where: { $0.subscriber == own }) {
      throw NSOError(
        .inUse,
        "\(caller.description) wants to \(what) of its own on the connection that has to answer them: ask on another connection"
      )
    }
  }

  /// The error for a client whose own process is dealing with a change of the configuration: it would wait for itself.
  /// - Parameter start: since when it has been at what it wants to do: what was begun before the event is another matter.
  func circle(_ who: String, startedAt start: Int64, _ process: Int32?) -> NSOError? {
    guard let process, let inside = subscriptions.subscriber(in: process), start >= inside.since else { return nil }
    return Explanation(
      .lock, .inUse, actor: who, action: "go on",
      rule:
        "it would wait for itself: its process \(process) is dealing with an event of \(inside.description), and no other change can begin before that event is answered",
      remedy: "answer the event first (SYNC_SUB), and make the change afterwards"
    ).error
  }

  /// The error for a client that wants to wait for a read lock which its own process holds up, by preparing for a commit.
  public func readLockCircle(_ caller: Caller) -> NSOError? {
    guard subscriptionParticipant.window?.prepared != nil else { return nil }
    return circle(caller.description, startedAt: now, caller.process)
  }

  /// Waits, bounded, for a place in the order of commits. A process that holds it up itself is told so soon.
  func takeGate(_ text: String, startedAt start: Int64, _ process: Int32?) async throws(NSOError) -> CommitGate.Owner {
    let owner = gate.owner(text, since: now)
    guard gate.tryTake(owner, .write) != nil else { return owner }
    let isCircle = circle(text, startedAt: start, process) != nil
    let gate = gate
    // Another thread of that process may be about to answer.
    let limit: Duration = isCircle ? .milliseconds(200) : .seconds(configuration.commitWait)
    let timer = Task {
      try await Task.sleep(for: limit)
      gate.giveUp(owner)
    }
    let taken = await withCheckedContinuation { continuation in
      gate.take(owner, .write) { continuation.resume(returning: $0) }
    }
    timer.cancel()
    if taken { return owner }
    if isCircle, let circle = circle(text, startedAt: start, process) { throw circle }
    let blocker = gate.blocker(of: .write)
    let cause = subscriptions.waitingText.map { " (\($0))" } ?? ""
    throw blocked(
      text, "commit to running", after: limit.components.seconds, by: blocker, cause: cause, "try again, or end that session")
  }
}

extension ReplayRecord {
  /// The entry count from which everything after `id` is kept: `id` came right before the oldest entry.
  func firstAfter(_ id: TransactionID, _ entries: [Entry]) -> Int? {
    guard let oldest = entries.last, oldest.previous == id else { return nil }
    return entries.count
  }
}

extension Engine {
  /// Whether the changes of commits are kept, to be delivered again (`cdb/subscription-replay/enabled`).
  public var replaysSubscriptions: Bool {
    get { replay.isEnabled }
    set { replay.isEnabled = newValue }
  }
}
