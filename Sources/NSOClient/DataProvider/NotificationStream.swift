public import NSOModel
import NSOWire
import Synchronization

/// A notification stream that this program feeds (protocol part 05, section 13). Register it with ``DataProvider/stream(_:)``
/// and send; while there is no connection to the daemon, sending fails.
public final class NotificationStream: Sendable {
  /// Notifications that were logged, for subscribers that ask for the past.
  public protocol Log: Sendable {
    /// Since when there is a log, and the time of the last notification that was dropped from it.
    func times() async throws -> (created: DateTime, aged: DateTime?)

    /// Sends what was logged later than `start` and not later than `stop`, oldest first.
    func replay(after start: DateTime, until stop: DateTime?, _ send: (LoggedNotification) async throws -> Void) async throws
  }

  public let name: String
  /// Nil: no replay from here. The daemon may have a replay store of its own.
  public let log: (any Log)?

  private let sender = Mutex<(@Sendable (StreamMessage) async throws -> Void)?>(nil)

  public init(_ name: String, log: (any Log)? = nil) {
    self.name = name
    self.log = log
  }

  func connect(_ send: (@Sendable (StreamMessage) async throws -> Void)?) { sender.withLock { $0 = send } }

  /// Sends a notification to all subscribers.
  /// - Parameters:
  ///   - values: its element as start and stop with the namespace, around its content in schema order.
  ///   - path: for a notification inside the data: the node that holds it.
  /// - Throws: ``CallbackError`` while there is no connection, `ConnectionError`.
  public func send(_ values: [TaggedValue], at time: DateTime, path: Keypath = .root) async throws {
    guard let send = sender.withLock({ $0 }) else {
      throw CallbackError(.resourceDenied, "stream \(name): there is no connection to the daemon at the moment")
    }
    try await send(.notification(StreamNotification(stream: name, time: time, values: values, path: path)))
  }

  /// Serves one replay, to its end or failure.
  func replay(_ request: StreamReplay) async {
    guard let log, let send = sender.withLock({ $0 }) else { return }
    let name = name
    do {
      try await log.replay(after: request.start, until: request.stop) { logged in
        try await send(
          .notification(
            StreamNotification(
              stream: name, subscription: request.subscription, time: logged.time, values: logged.values, path: logged.path)))
      }
      try await send(.replayComplete(stream: name, subscription: request.subscription))
    } catch {
      let text = CallbackError(error).text ?? "the replay failed"
      // When this fails too, the connection is gone and the replay with it.
      try? await send(.replayFailed(stream: name, subscription: request.subscription, reason: text))
    }
  }
}

/// A notification of the past.
public struct LoggedNotification: Hashable, Sendable {
  public var time: DateTime
  public var values: [TaggedValue]
  public var path: Keypath

  public init(_ values: [TaggedValue], at time: DateTime, path: Keypath = .root) {
    self.time = time
    self.values = values
    self.path = path
  }
}
