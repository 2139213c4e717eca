public import NSOModel
import NSOStore

/// Events that clients ask for (protocol part 03, section 7.9), and what subscribers may see meanwhile.
extension Engine {
  /// Who asks, for texts and to find circles.
  public struct Caller: Sendable {
    public var description: String
    /// The process it runs in.
    public var process: ClientProcess?
    /// Its own subscriptions.
    public var subscriber: SubscriberID?

    public init(_ description: String, process: ClientProcess? = nil, subscriber: SubscriberID? = nil) {
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
    let what = "trigger subscriptions"
    guard !(try points(numbers, caller, what)).isEmpty else { return }
    let owner = try await takeGate(Waiting("\(caller.description), triggering subscriptions", caller.process, startedAt: now))
    defer { gate.release(owner) }
    // The schema, and who is there, may be others than before the wait.
    let points = try points(numbers, caller, what)
    gate.admitReaders(owner)
    let view = try currentView()
    try await run(
      SubscriptionDelivery(subscriptions, points, SubscriptionChanges(everythingIn: view), origin: nil, flags: .trigger), view)
  }

  /// The points that a client means, checked.
  func points(
    _ numbers: [Int32], _ caller: Caller, _ what: String, operational: Bool = false
  ) throws(NSOError) -> [SubscriptionRegistry.Point] {
    let points = try subscriptions.points(named: numbers, model, operational: operational)
    if !points.isEmpty { try refuseCircle(caller, points, what) }
    return points
  }

  /// - Parameter view: running before what is told.
  func run(_ delivery: SubscriptionDelivery, _ view: TreeView) async throws(NSOError) {
    guard !delivery.isEmpty else { return }
    try await subscriptionParticipant.withWindow(view) { () async throws(NSOError) in
      try await delivery.prepare(nil)
      await delivery.commit()
    }
  }
}
