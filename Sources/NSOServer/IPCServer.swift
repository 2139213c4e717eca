import Logging
public import NIOCore
import NIOPosix
import NSOModel
public import NSOWire
import Synchronization

/// The daemon's IPC server: listens, lets clients connect, and serves their APIs by calling the engine.
public final class IPCServer: Sendable {
  private struct State {
    var listeners: [Listener] = []
    var isStarted = false
  }

  private let core: ServerCore
  private let group: any EventLoopGroup
  private let state = Mutex(State())

  init(core: ServerCore, group: any EventLoopGroup) {
    self.core = core
    self.group = group
  }

  /// Listens on every address of the configuration, or on none: when one fails, those before it are closed again.
  public func start() async throws(ListenError) {
    let isFirst = state.withLock { state in
      defer { state.isStarted = true }
      return !state.isStarted
    }
    guard isFirst else { return }
    var opened: [Listener] = []
    for address in core.configuration.listeners {
      do throws(ListenError) {
        opened.append(try await Listener.open(address, core: core, group: group))
      } catch {
        for listener in opened { await listener.close() }
        throw error
      }
    }
    for listener in opened {
      core.logger.info(
        "IPC: listening on \(listener.address), \(listener.protection)\(Self.checkWord(core.admission.accessSecret != nil))",
        metadata: ["symbol": .stringConvertible(LogSymbol.listener)])
    }
    state.withLock { $0.listeners = opened }
  }

  /// Stops accepting at once, lets requests that are under way finish for at most `limit`, then closes every connection but
  /// those of clients that wait for the end of the daemon: see ``release()``.
  public func stop(within limit: TimeAmount = .seconds(5)) async {
    let listeners = state.withLock { state in
      defer { state.listeners = [] }
      return state.listeners
    }
    for listener in listeners { await listener.close() }
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      core.registry.stop { done.resume() }
      let core = core
      for connection in core.registry.all {
        connection.eventLoop.execute { connection.value.quiesce() }
      }
      group.any().scheduleTask(in: limit) {
        for connection in core.registry.leaving {
          connection.eventLoop.execute { connection.value.closeNow(.stopping) }
        }
      }
    }
  }

  /// Closes what ``stop(within:)`` has left open: tells clients that the daemon is gone. Called when everything that others
  /// could wait for is released.
  public func release() {
    for connection in core.registry.all {
      connection.eventLoop.execute { connection.value.closeNow() }
    }
  }

  /// What a client has to do to be admitted: the part of the configuration that can change while the server runs.
  public struct AdmissionRules: Sendable {
    /// The shared secret of the access check; nil: no check.
    public var accessSecret: AccessSecret?
    /// How long the answer to the access check may take.
    public var accessCheckTimeLimit: TimeAmount
    /// How long the hello may take.
    public var helloTimeLimit: TimeAmount

    public init(accessSecret: AccessSecret?, accessCheckTimeLimit: TimeAmount, helloTimeLimit: TimeAmount) {
      self.accessSecret = accessSecret
      self.accessCheckTimeLimit = accessCheckTimeLimit
      self.helloTimeLimit = helloTimeLimit
    }

    init(_ configuration: IPCServerConfiguration) {
      self.init(
        accessSecret: configuration.accessSecret, accessCheckTimeLimit: configuration.accessCheckTimeLimit,
        helloTimeLimit: configuration.helloTimeLimit)
    }
  }

  /// Changes the rules for connections that are made from now on. Those that stand keep what they were admitted by.
  public func update(_ rules: AdmissionRules) { core.admission = rules }

  /// What listens and who is connected.
  public func status() async -> IPCServerStatus {
    var connections: [IPCServerStatus.Connection] = []
    for connection in core.registry.all {
      if let one = try? await connection.eventLoop.submit({ connection.value.status }).get() { connections.append(one) }
    }
    let counts = core.registry.counts
    let listeners = state.withLock(\.listeners)
    let hasCheck = core.admission.accessSecret != nil
    return IPCServerStatus(
      listeners: listeners.map {
        IPCServerStatus.Listener(
          address: $0.address, accessCheck: hasCheck, protection: $0.protection + Self.checkWord(hasCheck),
          isUnprotected: isUnprotected($0.address))
      },
      connections: connections.sorted { $0.id < $1.id }, accepted: counts.accepted, refused: counts.refused)
  }

  private static func checkWord(_ hasCheck: Bool) -> String { hasCheck ? "access check" : "no access check" }

  private func isUnprotected(_ address: ListenAddress) -> Bool {
    core.admission.accessSecret == nil && address.isExposed
  }
}
