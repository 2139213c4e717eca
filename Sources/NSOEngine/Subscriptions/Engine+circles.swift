import Dispatch
public import NSOModel
import Synchronization

/// Who waits for himself would wait for ever: a subscriber that, before it answers its event, wants what others give back only after
/// that answer.
extension Engine {
  /// Who waits for what, and where it runs.
  struct Waiting: Sendable {
    enum Goal: Sendable {
      /// The right to change running, or to read it under a lock.
      case running
      /// The subscription lock.
      case subscriptionLock(SubscriptionLock.Ticket)
    }

    var text: String
    var process: ClientProcess?
    var goal: Goal
    /// Since when it has been at it, in seconds since 1970-01-01 UTC: what was begun before the event is another matter.
    var startedAt: Int64
    let asked = ContinuousClock.now

    init(_ text: String, _ process: ClientProcess?, _ goal: Goal = .running, startedAt: Int64) {
      self.text = text
      self.process = process
      self.goal = goal
      self.startedAt = startedAt
    }
  }

  /// - Throws: INUSE for a subscriber that asks for events on the connection where it has to answer them.
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

  // MARK: Waiting

  /// Waits, bounded, for a place in the order of commits.
  /// - Throws: INUSE: at once where it would be in vain, after the time that commits wait else.
  func takeGate(
    _ waiting: Waiting, _ want: CommitGate.Want = .write, _ what: String = "commit to running"
  ) async throws(NSOError) -> CommitGate.Owner {
    let owner = gate.owner(waiting.text, since: now)
    guard gate.tryTake(owner, want) != nil else { return owner }
    let gate = gate
    let limit = configuration.commitWait
    let watch = CircleWatch()
    var timer: Task<Void, any Error>?
    let taken = await withCheckedContinuation { continuation in
      gate.take(owner, want) { continuation.resume(returning: $0) }
      // Not before it waits: a wait that is given up before it begins would have no end.
      timer = Task {
        try await watch.run(self, waiting, until: waiting.asked + .seconds(limit))
        gate.giveUp(owner)
      }
    }
    timer?.cancel()
    if taken { return owner }
    if let circle = watch.found { throw circle }
    let blocker = gate.blocker(of: want)
    let cause = (subscriptions.waitingText ?? events.waitingText).map { " (\($0))" } ?? ""
    throw blocked(
      waiting.text, what, after: Int64(limit), by: blocker, cause: cause, "try again, or end that session")
  }

  /// As ``waitForReading(_:of:_:)``, for a client that could be the one who holds the lock up.
  /// - Parameter body: called once: with ABORTED when ``cancel(_:)`` gave up the wait, with INUSE where it would be in vain.
  public func waitForReading(
    _ caller: Caller, of database: DatabaseName, _ body: @escaping @Sendable (Result<ReadLock, NSOError>) -> Void
  ) -> ReadLock {
    let watch = CircleWatch()
    let lock = waitForReading(caller.description, of: database) { lock in
      watch.stop()
      if let lock { return body(.success(lock)) }
      body(.failure(watch.found ?? NSOError(.aborted, "\(caller.description) gave up waiting for the read lock")))
    }
    if database == .running {
      watch.start(self, Waiting(caller.description, caller.process, startedAt: now)) { [weak self] in self?.cancel(lock) }
    }
    return lock
  }

  /// Waits for the subscription lock.
  /// - Parameter body: called once: with ABORTED when ``cancel(_:)`` gave up the wait, with INUSE where it would be in vain.
  func waitForSubscriptionLock(
    _ text: String, _ process: ClientProcess?, _ place: Location = .root,
    _ body: @escaping @Sendable (Result<SubscriptionLock.Ticket, NSOError>) -> Void
  ) -> SubscriptionLock.Ticket {
    let watch = CircleWatch()
    let lock = subscriptionLock
    let ticket = lock.wait(text, place) { ticket, isTaken in
      watch.stop()
      if isTaken { return body(.success(ticket)) }
      body(.failure(watch.found ?? NSOError(.aborted, "\(text): the wait for the subscription lock was given up")))
    }
    watch.start(self, Waiting(text, process, .subscriptionLock(ticket), startedAt: now)) { lock.giveUp(ticket) }
    return ticket
  }

  // MARK: Looking

  /// When the wait is in vain because of an event; nil: never because of this one.
  fileprivate func due(_ event: SubscriptionRegistry.Dealing, _ waiting: Waiting) -> (
    due: ContinuousClock.Instant, process: Int32
  )? {
    guard let own = waiting.process, let process = event.process else { return nil }
    switch waiting.goal {
    case .running: guard event.notice.kind != .operational else { return nil }
    case .subscriptionLock(let ticket):
      guard let held = event.notice.lock, subscriptionLock.isInTheWay(held, of: ticket) else { return nil }
    }
    guard let number = own.shared(with: process, max(event.start, waiting.asked)) else { return nil }
    if own.threadCount(number) == 1 {
      // Asked for from inside of the event; or the event came later, and is not answered because the process waits.
      return (event.start <= waiting.asked ? waiting.asked : event.start + .seconds(2), number)
    }
    // Another thread may be about to answer. Who asks to wait for the subscription lock is left to do so, if not for ever.
    guard waiting.startedAt >= event.since else { return nil }
    let patience: Duration = if case .running = waiting.goal { .milliseconds(200) } else { .seconds(configuration.commitWait) }
    return (waiting.asked + patience, number)
  }

  fileprivate func circle(
    _ waiting: Waiting, _ event: SubscriptionRegistry.Dealing, _ process: Int32
  ) -> NSOError {
    let cause: String?
    let rule: String
    switch waiting.goal {
    case .running:
      cause = gate.blocker(of: .write)?.text
      rule = "no other change can begin, and no read lock be taken, before that event is answered"
    case .subscriptionLock:
      cause = event.notice.lock.flatMap { subscriptionLock.text(of: $0) }
      rule = "the subscription lock is held until that event is answered"
    }
    return journal.refusal(
      Explanation(
        .lock, .inUse, actor: waiting.text, action: "go on",
        rule:
          "it would wait for itself: its process \(process) is dealing with the \(event.notice.kind.rawValue) event of \(event.description), subscribed to \(subscriptions.texts(of: event.notice.points)), \(cause.map { "about \($0)" } ?? "about a change"); \(rule)",
        remedy: "answer the event first (SYNC_SUB), and do this afterwards"))
  }
}

/// Looks for a circle while somebody waits.
private final class CircleWatch: Sendable {
  private struct State {
    var found: NSOError?
    var isOver = false
    var task: Task<Void, any Error>?
  }

  private let state = Mutex(State())

  var found: NSOError? { state.withLock { $0.found } }

  /// - Parameter giveUp: ends the wait; ``found`` says why.
  func start(_ engine: Engine, _ waiting: Engine.Waiting, _ giveUp: @escaping @Sendable () -> Void) {
    guard waiting.process != nil, !state.withLock(\.isOver) else { return }
    let task = Task { [weak engine] in
      guard let engine else { return }
      try await self.run(engine, waiting, until: nil)
      giveUp()
    }
    let isOver = state.withLock { state in
      if !state.isOver { state.task = task }
      return state.isOver
    }
    if isOver { task.cancel() }
  }

  /// The wait is over.
  func stop() {
    state.withLock { state -> Task<Void, any Error>? in
      defer { state.task = nil }
      state.isOver = true
      return state.task
    }?.cancel()
  }

  /// Returns when the wait has to end: with a circle in ``found``, or when its time is over.
  func run(_ engine: Engine, _ waiting: Engine.Waiting, until limit: ContinuousClock.Instant?) async throws {
    typealias Known = (due: ContinuousClock.Instant, process: Int32)?
    var known: [SubscriptionRegistry.Dealing.ID: Known] = [:]
    while true {
      var seen: [SubscriptionRegistry.Dealing.ID: Known] = [:]
      let now = ContinuousClock.now
      if let limit, now >= limit { return }
      // An event may come while it waits.
      var next = min(limit ?? now + .seconds(1), now + .milliseconds(500))
      let events = waiting.process == nil ? [] : engine.subscriptions.dealing
      for event in events {
        let answer: Known
        if let looked = known[event.id] { answer = looked } else { answer = await Self.look(engine, event, waiting) }
        seen[event.id] = .some(answer)
        guard let answer else { continue }
        if answer.due <= .now, engine.subscriptions.isOutstanding(event) {
          state.withLock { $0.found = engine.circle(waiting, event, answer.process) }
          return
        }
        next = min(next, max(answer.due, now))
      }
      known = seen
      try await Task.sleep(until: next)
    }
  }

  /// Away from the threads that tasks run on: the system's tables may be long.
  private static func look(
    _ engine: Engine, _ event: SubscriptionRegistry.Dealing, _ waiting: Engine.Waiting
  ) async -> (due: ContinuousClock.Instant, process: Int32)? {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(returning: engine.due(event, waiting)) }
    }
  }
}
