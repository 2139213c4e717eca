import NSOModel
import NSOStore
import NSOWire
import Synchronization

/// How much work may keep a thread waiting for one provider; what is more waits without a thread, in its order.
final class ProviderLane: Sendable {
  /// So much at a time.
  static let width = 4

  private struct State {
    var running = 0
    var order: [UInt64] = []
    var waiters: [UInt64: CheckedContinuation<Bool, Never>] = [:]
    var next: UInt64 = 0
  }

  private let state = Mutex(State())

  /// Waits for a place; whoever got one gives it back with ``leave()``.
  /// - Throws: ABORTED when the task is cancelled meanwhile.
  func enter() async throws(NSOError) {
    let id = state.withLock { state in
      state.next &+= 1
      return state.next
    }
    let isIn = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
        let now: Bool? = state.withLock { state in
          if Task.isCancelled { return false }
          if state.running < Self.width {
            state.running += 1
            return true
          }
          state.order.append(id)
          state.waiters[id] = continuation
          return nil
        }
        if let now { continuation.resume(returning: now) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.order.removeAll { $0 == id }
        return state.waiters.removeValue(forKey: id)
      }
      waiter?.resume(returning: false)
    }
    guard isIn else { throw ProviderWait.Patience.error }
  }

  func leave() {
    let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
      guard !state.order.isEmpty, let next = state.waiters.removeValue(forKey: state.order.removeFirst()) else {
        state.running -= 1
        return nil
      }
      return next
    }
    next?.resume(returning: true)
  }

  /// How much work has one.
  var running: Int { state.withLock { $0.running } }

  /// How much work waits for a place.
  var waiting: Int { state.withLock { $0.waiters.count } }
}

extension ProviderTree {
  /// Of whoever has to be asked for something first; nil when there is nobody.
  func lane(_ want: ProviderWant) -> ProviderLane? {
    let bytes: [UInt8]
    switch want {
    case .record(let place), .values(let place), .count(let place), .choice(_, let place), .attributes(let place): bytes = place
    case .next(let walk, _): bytes = walk.list
    }
    guard let node = model.layout.path(bytes)?.node, let point = model.callpoint(of: node) else { return nil }
    return (registry.served(.data, point.name) ?? registry.ranges(.data, point.name).first)?.instance.lane
  }
}
