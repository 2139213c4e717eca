import Synchronization

/// Messages that wait for their turn, few and of bounded size together, from one task for another.
final class MessageQueue: Sendable {
  private struct State {
    var messages: [[UInt8]] = []
    var size = 0
    var isOver = false
    var taker: CheckedContinuation<[UInt8]?, Never>?
    var giver: CheckedContinuation<Void, Never>?
  }

  private let limit: Int
  private let state = Mutex(State())

  /// - Parameter limit: bytes that may wait before whoever gives more has to.
  init(limit: Int) { self.limit = limit }

  /// Returns when there is room for another one.
  func give(_ message: [UInt8]) async {
    let taker: CheckedContinuation<[UInt8]?, Never>? = state.withLock { state in
      guard !state.isOver else { return nil }
      if let taker = state.taker {
        state.taker = nil
        return taker
      }
      state.messages.append(message)
      state.size += message.count
      return nil
    }
    taker?.resume(returning: message)
    await withCheckedContinuation { continuation in
      let hasRoom = state.withLock { state in
        guard !state.isOver, state.size > limit || state.messages.count > 64 else { return true }
        state.giver = continuation
        return false
      }
      if hasRoom { continuation.resume() }
    }
  }

  /// The next message; nil when it is over.
  func take() async -> [UInt8]? {
    await withCheckedContinuation { continuation in
      let (message, giver): ([UInt8]??, CheckedContinuation<Void, Never>?) = state.withLock { state in
        guard !state.isOver else { return (.some(nil), nil) }
        guard !state.messages.isEmpty else {
          state.taker = continuation
          return (nil, nil)
        }
        let message = state.messages.removeFirst()
        state.size -= message.count
        defer { state.giver = nil }
        return (message, state.giver)
      }
      giver?.resume()
      if let message { continuation.resume(returning: message) }
    }
  }

  /// What waits is dropped.
  func end() {
    let (taker, giver) = state.withLock { state in
      state.isOver = true
      state.messages = []
      state.size = 0
      defer {
        state.taker = nil
        state.giver = nil
      }
      return (state.taker, state.giver)
    }
    taker?.resume(returning: nil)
    giver?.resume()
  }
}
