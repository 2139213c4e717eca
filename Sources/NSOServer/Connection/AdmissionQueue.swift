import DequeModule
import NIOCore

/// Bounds how many connections are between accept and the end of the hello, so that peers which connect and say nothing cannot keep
/// others out: when there are more than the limit, the oldest has to go. One that came a moment ago is spared: many clients may come at
/// once, and each needs the time of a round trip. Sparing has a limit of its own.
struct AdmissionQueue: Sendable {
  let limit: Int
  /// How long a client has that does its part.
  static let grace = TimeAmount.seconds(1)
  /// So many times the limit are taken for the time of the grace.
  static let burst = 8

  private var unfinished: Set<UInt64> = []
  /// In order of arrival; numbers that have finished are dropped when they come to the front.
  private var order: Deque<(id: UInt64, since: NIODeadline)> = []

  init(limit: Int) { self.limit = max(1, limit) }

  var count: Int { unfinished.count }

  /// `id` has connected. Returns who must go for it.
  mutating func admit(_ id: UInt64, now: NIODeadline) -> UInt64? {
    unfinished.insert(id)
    order.append((id, now))
    trim()
    guard unfinished.count > limit, let oldest = order.first else { return nil }
    guard now - oldest.since >= Self.grace || unfinished.count > limit * Self.burst else { return nil }
    finish(oldest.id)
    return oldest.id
  }

  /// `id` has finished connecting, or is gone.
  mutating func finish(_ id: UInt64) {
    guard unfinished.remove(id) != nil else { return }
    trim()
  }

  private mutating func trim() {
    while let first = order.first, !unfinished.contains(first.id) { order.removeFirst() }
    // Those that finished behind a slow one: keep the queue no longer than twice its use.
    if order.count > 2 * limit * Self.burst + 16 { order.removeAll { !unfinished.contains($0.id) } }
  }
}
