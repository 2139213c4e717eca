public import NSOModel
import NSOStore
import Synchronization

/// Writes of operational data that are to make events (protocol part 03, sections 6.2 and 7.4).
extension Engine {
  /// How a write that makes events takes the subscription lock.
  public struct EventfulWrite: Sendable {
    public var caller: Caller
    /// Wait for the lock instead of failing.
    public var waits: Bool
    /// Lock only what is at and below this place.
    public var place: Location

    public init(caller: Caller, waits: Bool, place: Location = .root) {
      self.caller = caller
      self.waits = waits
      self.place = place
    }
  }

  /// As ``writeOperational(_:completion:)``; subscribers are told of what it changes. `completion` is called when it is written;
  /// the subscription lock is held until the last subscriber is done.
  /// - Returns: what to give to ``cancel(_:)`` when the caller goes away before `completion`; nil: nothing waits.
  @discardableResult
  public func writeOperational(
    _ edit: @escaping @Sendable (inout TreeEditor) throws(NSOError) -> Void, _ events: EventfulWrite,
    completion: @escaping @Sendable (Result<Void, NSOError>) -> Void
  ) -> SubscriptionLock.Ticket? {
    guard events.waits else {
      do throws(NSOError) {
        write(edit, try subscriptionLock.take(events.caller.description, events.place), completion)
      } catch {
        completion(.failure(error))
      }
      return nil
    }
    return waitForSubscriptionLock(events.caller.description, events.caller.process, events.place) { [weak self] result in
      do throws(NSOError) {
        let ticket = try result.get()
        guard let self else { throw NSOError(.aborted, "the daemon is stopping") }
        self.write(edit, ticket, completion)
      } catch {
        completion(.failure(error))
      }
    }
  }

  /// Who holds the subscription lock, or parts of it: text and since when.
  public var subscriptionLockHolders: [(String, Int64)] { subscriptionLock.holders }

  /// Who waits for it.
  public var subscriptionLockWaiters: [(String, Int64)] { subscriptionLock.waiters }

  /// Stops waiting for the subscription lock. A write that has begun is not disturbed.
  public func cancel(_ ticket: SubscriptionLock.Ticket) { subscriptionLock.giveUp(ticket) }

  private func write(
    _ edit: @escaping @Sendable (inout TreeEditor) throws(NSOError) -> Void, _ ticket: SubscriptionLock.Ticket,
    _ completion: @escaping @Sendable (Result<Void, NSOError>) -> Void
  ) {
    let model = model
    let points = subscriptions.hasOperationalPoints ? subscriptions.points(model) { $0 == .operational } : []
    guard !points.isEmpty else {
      return operationalWriter.submit(edit) { [subscriptionLock] result in
        subscriptionLock.release(ticket)
        completion(result)
      }
    }
    operationalWriter.submit(edit, observing: points.map(\.pattern), model) { [subscriptions, subscriptionLock, model] result in
      let told: [(SubscriberID, SubscriptionNotice)] =
        switch result {
        case .failure: []
        case .success(let observed):
          subscriptions.notices(
            zip(points, observed.matches).filter(\.1).map(\.0), SubscriptionChanges(collected: observed.differences, model),
            flags: [], ticket)
        }
      completion(result.map { _ in })
      guard !told.isEmpty else { return subscriptionLock.release(ticket) }
      // Ends with the last answer; the lock says so to others.
      Task {
        _ = await subscriptions.deliver(told)
        subscriptionLock.release(ticket)
      }
    }
  }

  /// A wait for the subscription lock, in the hands of whoever may have to give it up.
  public final class LockWait: Sendable {
    private let state = Mutex<(ticket: SubscriptionLock.Ticket?, isGivenUp: Bool)>((nil, false))

    public init() {}

    /// False: it was given up already.
    fileprivate func begin(_ ticket: SubscriptionLock.Ticket) -> Bool {
      state.withLock { state in
        state.ticket = ticket
        return !state.isGivenUp
      }
    }

    fileprivate func giveUp() -> SubscriptionLock.Ticket? {
      state.withLock { state in
        state.isGivenUp = true
        return state.ticket
      }
    }
  }

  /// Stops waiting for the subscription lock: whoever asked is gone.
  public func cancel(_ wait: LockWait) {
    if let ticket = wait.giveUp() { cancel(ticket) }
  }

  /// Tells operational subscribers of all operational data as if it had just been made; returns when the last one is done.
  /// - Parameter wait: nil: do not wait for the subscription lock.
  /// - Throws: PROTOUSAGE for an unknown point, LOCKED when the subscription lock is taken and not to be waited for, INUSE for circles.
  public func triggerOperationalSubscriptions(
    _ numbers: [Int32], _ wait: LockWait?, _ caller: Caller
  ) async throws(NSOError) {
    let what = "trigger operational subscriptions"
    guard !(try points(numbers, caller, what, operational: true)).isEmpty else { return }
    let text = "\(caller.description), triggering operational subscriptions"
    let ticket: SubscriptionLock.Ticket
    if let wait {
      let result = await withCheckedContinuation { continuation in
        let ticket = waitForSubscriptionLock(text, caller.process) { continuation.resume(returning: $0) }
        if !wait.begin(ticket) { cancel(ticket) }
      }
      ticket = try result.get()
    } else {
      ticket = try subscriptionLock.take(text)
    }
    defer { subscriptionLock.release(ticket) }
    // The schema, and who is there, may be others than before the wait.
    let points = try points(numbers, caller, what, operational: true)
    let changes = SubscriptionChanges(everythingOperationalIn: try currentView())
    _ = await subscriptions.deliver(subscriptions.notices(points, changes, flags: .trigger, ticket))
  }
}

extension SubscriptionRegistry {
  /// One event for each subscriber with a point among these. They have no priorities.
  func notices(
    _ points: [Point], _ changes: SubscriptionChanges, flags: SubscriptionNotice.Flags, _ lock: SubscriptionLock.Ticket
  ) -> [(SubscriberID, SubscriptionNotice)] {
    Dictionary(grouping: points, by: \.subscriber).sorted { $0.key < $1.key }.map { subscriber, points in
      (
        subscriber,
        SubscriptionNotice(
          kind: .operational, flags: flags.union(.isLast), points: points.map(\.number).sorted(),
          patterns: points.patterns, changes: changes, origin: nil, lock: lock)
      )
    }
  }
}
