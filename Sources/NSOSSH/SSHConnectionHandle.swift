import NSOModel
import Synchronization

/// A connection as others see it: what is known of it, and how to end it. The connection itself lives on its thread.
final class SSHConnectionHandle: Sendable {
  let id: UInt64
  let listener: SSHSettings.Listener
  let address: IPAddress
  let port: UInt16
  let since: ContinuousClock.Instant
  private let waker: Waker

  private struct State {
    var user: String?
    var method = ""
    var channels: [String] = []
    var ending: String?
  }

  private let state = Mutex(State())

  init(_ id: UInt64, _ listener: SSHSettings.Listener, _ address: IPAddress, _ port: UInt16) throws(SSHError) {
    self.id = id
    self.listener = listener
    self.address = address
    self.port = port
    since = ContinuousClock.now
    waker = try Waker()
  }

  var wakeDescriptor: Int32 { waker.reading }
  func wake() { waker.wake() }
  func drain() { waker.drain() }

  /// Ends the connection, soon; the first reason counts.
  func end(because reason: String) {
    state.withLock { if $0.ending == nil { $0.ending = reason } }
    waker.wake()
  }

  /// Why it is to end; nil: it is not.
  var ending: String? { state.withLock { $0.ending } }

  var isLoggedIn: Bool { state.withLock { $0.user != nil } }

  func loggedIn(_ user: String, _ method: String) {
    state.withLock { state in
      state.user = user
      state.method = method
    }
  }

  func show(_ channels: [String]) { state.withLock { $0.channels = channels } }

  /// For `ncs --status`.
  var line: String {
    let state = state.withLock { $0 }
    let age = (ContinuousClock.now - since).components.seconds
    let who = state.user.map { "\($0) by \(state.method)" } ?? "not logged in"
    let what = state.channels.isEmpty ? "no channel" : state.channels.joined(separator: ", ")
    return "\(listener.service) \(id): \(who), from \(address):\(port), since \(age) s, \(what)"
  }
}
