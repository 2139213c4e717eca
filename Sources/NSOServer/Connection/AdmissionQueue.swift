import DequeModule

/// Bounds how many connections are between accept and the end of the hello: when one too many comes, the oldest has to
/// go, so that peers which connect and say nothing cannot keep others out.
struct AdmissionQueue: Sendable {
  let limit: Int
  private var unfinished: Set<UInt64> = []
  /// In order of arrival; numbers that have finished are dropped when they come to the front.
  private var order: Deque<UInt64> = []

  init(limit: Int) { self.limit = max(1, limit) }

  var count: Int { unfinished.count }

  /// `id` has connected. Returns who must go for it.
  mutating func admit(_ id: UInt64) -> UInt64? {
    unfinished.insert(id)
    order.append(id)
    trim()
    guard unfinished.count > limit, let oldest = order.first else { return nil }
    finish(oldest)
    return oldest
  }

  /// `id` has finished connecting, or is gone.
  mutating func finish(_ id: UInt64) {
    guard unfinished.remove(id) != nil else { return }
    trim()
  }

  private mutating func trim() {
    while let first = order.first, !unfinished.contains(first) { order.removeFirst() }
    // Those that finished behind a slow one: keep the queue no longer than twice its use.
    if order.count > 2 * limit + 16 { order.removeAll { !unfinished.contains($0) } }
  }
}
