import NIOCore
import Synchronization

/// All connections of the server, wherever their event loop runs.
final class ConnectionRegistry: Sendable {
  private struct State {
    var connections: [UInt64: NIOLoopBound<IPCConnection>] = [:]
    var admissions: AdmissionQueue
    var last: UInt64 = 0
    var accepted: UInt64 = 0
    var refused: UInt64 = 0
    var isStopping = false
    /// Connections that stay open until the daemon is gone: its end is what their clients wait for.
    var staying: Set<UInt64> = []
    var whenEmpty: [@Sendable () -> Void] = []

    /// What to call, if only connections that stay are left.
    mutating func takeWhenEmpty() -> [@Sendable () -> Void] {
      guard connections.count == staying.count else { return [] }
      defer { whenEmpty = [] }
      return whenEmpty
    }
  }

  private let state: Mutex<State>

  init(unfinishedLimit: Int) {
    state = Mutex(State(admissions: AdmissionQueue(limit: unfinishedLimit)))
  }

  func nextID() -> UInt64 {
    state.withLock { state in
      state.last &+= 1
      return state.last
    }
  }

  /// A connection has been accepted and begins to connect. False: the server is stopping.
  func add(_ connection: NIOLoopBound<IPCConnection>, id: UInt64, now: NIODeadline = .now()) -> Bool {
    let outcome: (isOpen: Bool, displaced: NIOLoopBound<IPCConnection>?) = state.withLock { state in
      guard !state.isStopping else { return (false, nil) }
      state.accepted &+= 1
      state.connections[id] = connection
      guard let oldest = state.admissions.admit(id, now: now) else { return (true, nil) }
      return (true, state.connections[oldest])
    }
    if let displaced = outcome.displaced {
      displaced.eventLoop.execute { displaced.value.displaced() }
    }
    return outcome.isOpen
  }

  func finishedConnecting(_ id: UInt64) { state.withLock { $0.admissions.finish(id) } }

  func countRefused() { state.withLock { $0.refused &+= 1 } }

  func remove(_ id: UInt64) {
    let due = state.withLock { state -> [@Sendable () -> Void] in
      state.connections[id] = nil
      state.staying.remove(id)
      state.admissions.finish(id)
      return state.takeWhenEmpty()
    }
    for body in due { body() }
  }

  /// The connection stays open to the very end.
  func stays(_ id: UInt64) {
    let due = state.withLock { state -> [@Sendable () -> Void] in
      guard state.connections[id] != nil else { return [] }
      state.staying.insert(id)
      return state.takeWhenEmpty()
    }
    for body in due { body() }
  }

  /// Takes no more connections from now on, and calls `body` once when none is left but those that stay.
  func stop(whenEmpty body: @escaping @Sendable () -> Void) {
    let due = state.withLock { state in
      state.isStopping = true
      state.whenEmpty.append(body)
      return state.takeWhenEmpty()
    }
    for body in due { body() }
  }

  /// Those that do not stay to the very end.
  var leaving: [NIOLoopBound<IPCConnection>] {
    state.withLock { state in state.connections.filter { !state.staying.contains($0.key) }.map(\.value) }
  }

  func others(than id: UInt64) -> [NIOLoopBound<IPCConnection>] {
    state.withLock { state in state.connections.filter { $0.key != id }.map(\.value) }
  }

  var all: [NIOLoopBound<IPCConnection>] { state.withLock { Array($0.connections.values) } }

  var counts: (accepted: UInt64, refused: UInt64, open: Int, unfinished: Int) {
    state.withLock { ($0.accepted, $0.refused, $0.connections.count, $0.admissions.count) }
  }
}
