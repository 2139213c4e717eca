import NSOModel
import NSOStore
import Synchronization

/// The subscription lock (protocol part 03, section 6.2): exclusive among those who want their writes of operational data to
/// make events, until all events of a write are dealt with. Hinders nobody else. Parts of the tree can be locked by themselves.
public final class SubscriptionLock: Sendable {
  public struct Ticket: Sendable, Hashable {
    let number: UInt64
  }

  private struct Holder {
    var ticket: Ticket
    /// What is locked; all for the root.
    var place: [UInt8]
    var text: String
    var since: Int64
  }

  private struct Waiter {
    var holder: Holder
    var resume: @Sendable (Ticket, Bool) -> Void
  }

  private struct State {
    var holders: [Holder] = []
    var waiters: [Waiter] = []
    var last: UInt64 = 0
  }

  private let state = Mutex(State())
  private let clock: @Sendable () -> Int64

  init(clock: @escaping @Sendable () -> Int64) { self.clock = clock }

  /// - Parameter place: the subtree; the root for all.
  /// - Throws: LOCKED, naming the holder.
  func take(_ text: String, _ place: Location = .root) throws(NSOError) -> Ticket {
    let now = clock()
    let outcome: Result<Ticket, NSOError> = state.withLock { state in
      let holder = Self.holder(text, place, now, &state)
      if let other = Self.blocker(of: holder, state) {
        return .failure(
          NSOError(
            .locked,
            "\(text): the subscription lock is held by \(other.text) since \(now - other.since) s; try again, or ask with LOCK_WAIT"
          ))
      }
      // Nobody overtakes those who wait for it.
      if let waiter = Self.waiter(before: holder, state) {
        return .failure(
          NSOError(
            .locked,
            "\(text): \(waiter.text) waits for the subscription lock since \(now - waiter.since) s; try again, or ask with LOCK_WAIT"
          ))
      }
      state.holders.append(holder)
      return .success(holder.ticket)
    }
    return try outcome.get()
  }

  /// Calls `body` once: with true when the lock is taken, with false when ``giveUp(_:)`` ended the wait.
  @discardableResult
  func wait(_ text: String, _ place: Location = .root, _ body: @escaping @Sendable (Ticket, Bool) -> Void) -> Ticket {
    let now = clock()
    let (ticket, isTaken) = state.withLock { state -> (Ticket, Bool) in
      let holder = Self.holder(text, place, now, &state)
      guard Self.blocker(of: holder, state) == nil, Self.waiter(before: holder, state) == nil else {
        state.waiters.append(Waiter(holder: holder, resume: body))
        return (holder.ticket, false)
      }
      state.holders.append(holder)
      return (holder.ticket, true)
    }
    if isTaken { body(ticket, true) }
    return ticket
  }

  /// Stops waiting. Nothing happens when the lock was taken already: whoever has it lets go of it.
  func giveUp(_ ticket: Ticket) {
    let gone = state.withLock { state -> Waiter? in
      guard let index = state.waiters.firstIndex(where: { $0.holder.ticket == ticket }) else { return nil }
      return state.waiters.remove(at: index)
    }
    gone?.resume(ticket, false)
    if gone != nil { wake() }
  }

  func release(_ ticket: Ticket) {
    state.withLock { state in state.holders.removeAll { $0.ticket == ticket } }
    wake()
  }

  private func wake() {
    let now = clock()
    let due = state.withLock { state -> [Waiter] in
      var due: [Waiter] = []
      var rest: [Waiter] = []
      for var waiter in state.waiters {
        // In order of arrival: nobody overtakes one that waits for the same place.
        let isBlocked =
          Self.blocker(of: waiter.holder, state) != nil || rest.contains { Self.overlap($0.holder, waiter.holder) }
        guard !isBlocked else {
          rest.append(waiter)
          continue
        }
        waiter.holder.since = now
        state.holders.append(waiter.holder)
        due.append(waiter)
      }
      state.waiters = rest
      return due
    }
    for waiter in due { waiter.resume(waiter.holder.ticket, true) }
  }

  /// Whether a holder has something of what a waiter wants.
  func isInTheWay(_ held: Ticket, of wanted: Ticket) -> Bool {
    state.withLock { state in
      guard let holder = state.holders.first(where: { $0.ticket == held }),
        let waiter = state.waiters.first(where: { $0.holder.ticket == wanted })
      else { return false }
      return Self.overlap(holder, waiter.holder)
    }
  }

  func text(of held: Ticket) -> String? { state.withLock { $0.holders.first { $0.ticket == held }?.text } }

  /// Who holds it: text and since when.
  public var holders: [(String, Int64)] { state.withLock { $0.holders.map { ($0.text, $0.since) } } }

  /// Who waits for it, the first one first.
  public var waiters: [(String, Int64)] { state.withLock { $0.waiters.map { ($0.holder.text, $0.holder.since) } } }

  private static func holder(_ text: String, _ place: Location, _ now: Int64, _ state: inout State) -> Holder {
    state.last &+= 1
    return Holder(ticket: Ticket(number: state.last), place: place.path.bytes, text: text, since: now)
  }

  private static func blocker(of holder: Holder, _ state: State) -> Holder? { state.holders.first { overlap($0, holder) } }

  /// Who has waited longer for what this one wants.
  private static func waiter(before holder: Holder, _ state: State) -> Holder? {
    state.waiters.first { overlap($0.holder, holder) }?.holder
  }

  private static func overlap(_ a: Holder, _ b: Holder) -> Bool {
    a.place.starts(with: b.place) || b.place.starts(with: a.place)
  }
}
