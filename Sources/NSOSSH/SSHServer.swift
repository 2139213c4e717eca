public import Logging
public import NSOEngine
import NSOModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The SSH server of a daemon: its listening sockets, and its connections. Off until ``install(_:)``.
public final class SSHServer: Sendable {
  /// Sockets and settings that are ready to be put in force.
  public struct Prepared: Sendable {
    let settings: SSHSettings
    /// The sockets that were not open before.
    let opened: [ListeningSocket]

    /// They are not wanted after all.
    public func drop() { for socket in opened { socket.close() } }
  }

  private struct State {
    var settings = SSHSettings()
    var sockets: [ListeningSocket] = []
    var connections: [UInt64: SSHConnectionHandle] = [:]
    var last: UInt64 = 0
    var isAccepting = false
    var isStopping = false
    var whenEmpty: [CheckedContinuation<Void, Never>] = []
  }

  private let engine: Engine
  private let services: [String: any SSHService]
  private let log: Logger
  private let gate = SSHLoginGate()
  private let waker: Waker
  private let state = Mutex(State())

  /// - Parameter services: what is served, by the name that listeners say.
  public init(_ engine: Engine, _ services: [String: any SSHService], _ log: Logger) throws(SSHError) {
    self.engine = engine
    self.services = services
    self.log = log
    waker = try Waker()
  }

  // MARK: Settings

  /// Opens what is not open yet, and checks the rest. Nothing has changed when it fails.
  public func prepare(_ settings: SSHSettings) throws(SSHError) -> Prepared {
    guard !settings.listeners.isEmpty else { return Prepared(settings: settings, opened: []) }
    try SSHConnection.check(settings)
    let open = state.withLock { $0.sockets.map(\.listener.place) }
    var opened: [ListeningSocket] = []
    do throws(SSHError) {
      for listener in settings.listeners where !open.contains(listener.place) {
        opened.append(try ListeningSocket(listener))
      }
    } catch {
      for socket in opened { socket.close() }
      throw error
    }
    return Prepared(settings: settings, opened: opened)
  }

  /// From now on, for new connections; those that are there go on as they began.
  public func install(_ prepared: Prepared) {
    let wanted = prepared.settings.listeners
    let (gone, starts): ([ListeningSocket], Bool) = state.withLock { state in
      guard !state.isStopping else { return (prepared.opened, false) }
      state.settings = prepared.settings
      let kept = state.sockets.filter { socket in wanted.contains { $0.place == socket.listener.place } }
      let gone = state.sockets.filter { socket in !wanted.contains { $0.place == socket.listener.place } }
      // The same place may serve something else now.
      state.sockets = (kept + prepared.opened).compactMap { socket in
        wanted.first { $0.place == socket.listener.place }.map { socket.serving($0) }
      }
      defer { state.isAccepting = state.isAccepting || !state.sockets.isEmpty }
      return (gone, !state.isAccepting && !state.sockets.isEmpty)
    }
    waker.wake()
    for socket in gone { socket.close() }
    guard starts else { return }
    do throws(SSHError) {
      try SSHThread.start { [self] in accept() }
    } catch {
      state.withLock { $0.isAccepting = false }
      log.error("SSH: connections cannot be accepted: \(error)")
    }
  }

  /// What is listened at, with the ports that the system chose.
  public var listeners: [SSHSettings.Listener] {
    state.withLock { state in
      state.sockets.map { socket in
        var listener = socket.listener
        listener.port = socket.port
        return listener
      }
    }
  }

  /// For `ncs --status`: listeners, connections.
  public var status: (listeners: [String], connections: [String]) {
    let connections = state.withLock { $0.connections.values.sorted { $0.id < $1.id } }
    return (listeners.map { "\($0.service): \($0)" }, connections.map(\.line))
  }

  /// Closes everything; returns when no connection is left, or after some seconds.
  public func stop() async {
    let (sockets, connections) = state.withLock { state in
      state.isStopping = true
      defer { state.sockets = [] }
      return (state.sockets, Array(state.connections.values))
    }
    waker.wake()
    for socket in sockets { socket.close() }
    for connection in connections { connection.end(because: "the daemon is stopping") }
    let limit = Task { [self] in
      try? await Task.sleep(for: .seconds(5))
      releaseWaiting()
    }
    await withCheckedContinuation { continuation in
      let isEmpty = state.withLock { state in
        if !state.connections.isEmpty { state.whenEmpty.append(continuation) }
        return state.connections.isEmpty
      }
      if isEmpty { continuation.resume() }
    }
    limit.cancel()
  }

  private func releaseWaiting() {
    let waiting = state.withLock { state in
      defer { state.whenEmpty = [] }
      return state.whenEmpty
    }
    for continuation in waiting { continuation.resume() }
  }

  // MARK: Accepting

  /// The thread that accepts: until nothing is listened at any more.
  private func accept() {
    while true {
      let sockets: [ListeningSocket]? = state.withLock { state in
        guard !state.isStopping, !state.sockets.isEmpty else {
          state.isAccepting = false
          return nil
        }
        return state.sockets
      }
      guard let sockets else { return }
      var entries = [pollfd(fd: waker.reading, events: Int16(POLLIN), revents: 0)]
      entries += sockets.map { pollfd(fd: $0.descriptor.value, events: Int16(POLLIN), revents: 0) }
      _ = poll(&entries, nfds_t(entries.count), -1)
      waker.drain()
      for (socket, entry) in zip(sockets, entries.dropFirst()) where entry.revents != 0 {
        accept(from: socket)
      }
    }
  }

  private func accept(from socket: ListeningSocket) {
    // A few at a time: others wait as well.
    for _ in 0..<16 {
      let accepted: ListeningSocket.Accepted?
      do throws(SSHError) { accepted = try socket.accept() } catch {
        log.warning("SSH: \(error)")
        // Mostly there are no descriptors left: it gets better when somebody goes.
        waker.wait(milliseconds: 200)
        return
      }
      guard let accepted else { return }
      serve(accepted, socket.listener)
    }
  }

  private func serve(_ accepted: ListeningSocket.Accepted, _ listener: SSHSettings.Listener) {
    do throws(SSHError) {
      guard let service = services[listener.service] else {
        throw SSHError(.system, "\(listener.service) is not served")
      }
      let (handle, settings) = try enter(accepted, listener)
      let context = SSHConnection.Context(engine: engine, service: service, settings: settings, gate: gate)
      do throws(SSHError) {
        try SSHThread.start { [self] in
          SSHConnection.run(accepted.descriptor, handle, context)
          leave(handle)
        }
      } catch {
        leave(handle)
        throw error
      }
    } catch {
      closeDescriptor(accepted.descriptor)
      log.warning("SSH: the connection from \(accepted.address):\(accepted.port) was refused: \(error)")
    }
  }

  private func enter(
    _ accepted: ListeningSocket.Accepted, _ listener: SSHSettings.Listener
  ) throws(SSHError) -> (SSHConnectionHandle, SSHSettings) {
    let id = state.withLock { state in
      state.last += 1
      return state.last
    }
    let handle = try SSHConnectionHandle(id, listener, accepted.address, accepted.port)
    let outcome: (settings: SSHSettings?, oldest: SSHConnectionHandle?) = state.withLock { state in
      let limit = state.settings.connectionLimit
      guard !state.isStopping, state.connections.count < limit else { return (nil, nil) }
      let strangers = state.connections.values.filter { !$0.isLoggedIn && $0.ending == nil }
      state.connections[id] = handle
      // Those who only connect do not keep others out.
      let oldest = strangers.count >= max(1, limit / 2) ? strangers.min { $0.id < $1.id } : nil
      return (state.settings, oldest)
    }
    outcome.oldest?.end(because: "too many connections wait for a login, and this is the oldest")
    guard let settings = outcome.settings else {
      throw SSHError(.system, "there are \(state.withLock(\.connections).count) connections already")
    }
    return (handle, settings)
  }

  private func leave(_ handle: SSHConnectionHandle) {
    let isEmpty = state.withLock { state in
      state.connections[handle.id] = nil
      return state.connections.isEmpty && state.isStopping
    }
    if isEmpty { releaseWaiting() }
  }
}
