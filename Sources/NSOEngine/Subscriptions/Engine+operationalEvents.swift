public import NSOModel
import NSOStore

/// Writes of operational data that are to make events (protocol part 03, sections 6.2 and 7.4).
extension Engine {
  /// How a write that makes events takes the subscription lock.
  public struct EventfulWrite: Sendable {
    /// For texts.
    public var caller: String
    /// Wait for the lock instead of failing.
    public var waits: Bool
    /// Lock only what is at and below this place.
    public var place: Location

    public init(caller: String, waits: Bool, place: Location = .root) {
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
        write(edit, try subscriptionLock.take(events.caller, events.place), completion)
      } catch {
        completion(.failure(error))
      }
      return nil
    }
    let lock = subscriptionLock
    return lock.wait(events.caller, events.place) { [weak self] ticket, isTaken in
      guard isTaken, let self else {
        return completion(.failure(NSOError(.aborted, "\(events.caller) gave up waiting for the subscription lock")))
      }
      self.write(edit, ticket, completion)
    }
  }

  /// Who holds the subscription lock, or parts of it: text and since when.
  public var subscriptionLockHolders: [(String, Int64)] { subscriptionLock.holders }

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
            flags: [])
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

  /// Tells operational subscribers of all operational data as if it had just been made; returns when the last one is done.
  /// - Throws: PROTOUSAGE for an unknown point, LOCKED when the subscription lock is taken and `waits` is false, INUSE for circles.
  public func triggerOperationalSubscriptions(_ numbers: [Int32], waits: Bool, _ caller: Caller) async throws(NSOError) {
    let points = try subscriptions.points(named: numbers, model, operational: true)
    guard !points.isEmpty else { return }
    try refuseCircle(caller, points, "trigger operational subscriptions")
    let text = "\(caller.description), triggering operational subscriptions"
    let lock = subscriptionLock
    let ticket: SubscriptionLock.Ticket
    if waits {
      let taken = await withCheckedContinuation { (continuation: CheckedContinuation<SubscriptionLock.Ticket?, Never>) in
        lock.wait(text) { ticket, isTaken in continuation.resume(returning: isTaken ? ticket : nil) }
      }
      guard let taken else { throw NSOError(.aborted, "\(text): the wait for the subscription lock was given up") }
      ticket = taken
    } else {
      ticket = try lock.take(text)
    }
    defer { lock.release(ticket) }
    let changes = SubscriptionChanges(everythingOperationalIn: try currentView())
    _ = await subscriptions.deliver(subscriptions.notices(points, changes, flags: .trigger))
  }
}

extension SubscriptionRegistry {
  /// One event for each subscriber with a point among these. They have no priorities.
  func notices(
    _ points: [Point], _ changes: SubscriptionChanges, flags: SubscriptionNotice.Flags
  ) -> [(SubscriberID, SubscriptionNotice)] {
    Dictionary(grouping: points, by: \.subscriber).sorted { $0.key < $1.key }.map { subscriber, points in
      (
        subscriber,
        SubscriptionNotice(
          kind: .operational, flags: flags.union(.isLast), points: points.map(\.number).sorted(),
          patterns: points.patterns, changes: changes, origin: nil)
      )
    }
  }
}
