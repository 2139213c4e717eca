import Logging
import NIOCore
import NIOPosix
import NSOWire
import Synchronization

/// One connection to the daemon, after the hello. Safe to use from many tasks: requests queue and are answered in order.
final class Connection: Sendable {
  let endpoint: Endpoint
  /// What the daemon said about itself.
  let daemon: HelloReply
  let logger: Logger
  private let channel: any Channel
  private let handler: NIOLoopBound<ConnectionHandler>
  private let nextTicket = Atomic<UInt64>(1)

  init(
    channel: any Channel, handler: NIOLoopBound<ConnectionHandler>, endpoint: Endpoint, daemon: HelloReply, logger: Logger
  ) {
    self.channel = channel
    self.handler = handler
    self.endpoint = endpoint
    self.daemon = daemon
    self.logger = logger
  }

  deinit { close() }

  /// Closes without waiting; safe to repeat.
  func close() {
    onLoop { [endpoint] in $0.close(ConnectionError(.closed, .conversation, endpoint, "this side closed the connection")) }
  }

  /// Closes because of what the daemon did.
  func abandon(_ error: ConnectionError) { onLoop { $0.close(error) } }

  /// After an error that is on its way to the caller already: tries to leave things in order, a second error is only logged. Runs
  /// also when the task is cancelled.
  nonisolated(nonsending) func cleanUp(_ what: String, _ work: @escaping @Sendable () async throws -> Void) async {
    guard isActive else { return }
    let logger = logger
    await Task {
      do {
        try await work()
      } catch {
        logger.debug("could not \(what) after an error", metadata: ["error": "\(error)"])
      }
    }.value
  }

  var closedByDaemon: ConnectionError {
    ConnectionError(.closed, .conversation, endpoint, "the daemon closed the connection")
  }

  /// What the daemon sent does not follow the protocol.
  func violation(_ what: String) -> ConnectionError {
    ConnectionError(.protocolViolation, .conversation, endpoint, "the daemon sent \(what)")
  }

  /// Done when the connection is closed, by whichever side.
  func closed() async {
    _ = try? await channel.closeFuture.get()
  }

  var isActive: Bool { channel.isActive }

  var eventLoop: any EventLoop { channel.eventLoop }

  private func onLoop(_ work: @escaping @Sendable (ConnectionHandler) -> Void) {
    if channel.eventLoop.inEventLoop {
      work(handler.value)
    } else {
      channel.eventLoop.execute { [handler] in work(handler.value) }
    }
  }

  private func newTicket() -> ConnectionHandler.TicketID {
    nextTicket.wrappingAdd(1, ordering: .relaxed).oldValue
  }

  /// Never at once: what the ticket is for may still wait for its turn on the loop, also when this is called on it.
  private func cancel(_ ticket: ConnectionHandler.TicketID) {
    channel.eventLoop.execute { [handler] in handler.value.cancel(ticket) }
  }

  /// A cancellation may reach the loop before the ticket that it is about; then it is repeated after it.
  private func cancelIfLate(_ ticket: ConnectionHandler.TicketID) {
    if Task.isCancelled { onLoop { $0.cancel(ticket) } }
  }

  /// Sends one frame, its length included, and waits for one in return.
  ///
  /// Cancelling the task while the answer is under way closes the connection, since an answer cannot be taken back.
  func request(_ frame: ByteBuffer) async throws -> ByteBuffer {
    let ticket = newTicket()
    return try await withTaskCancellationHandler {
      try Task.checkCancellation()
      return try await withCheckedThrowingContinuation { continuation in
        onLoop { $0.submit(ticket, frame, continuation) }
        cancelIfLate(ticket)
      }
    } onCancel: {
      cancel(ticket)
    }
  }

  /// Sends a frame that has no answer.
  func notify(_ frame: ByteBuffer) async throws {
    try await withExchange { exchange in try await exchange.send(frame) }
  }

  /// Has the connection to itself while `body` runs, for conversations that are more than a question and an answer. When
  /// `body` throws, the connection is closed: nobody knows what the daemon would still send.
  nonisolated(nonsending) func withExchange<Result>(
    _ body: nonisolated(nonsending) (Exchange) async throws -> Result
  ) async throws -> Result {
    let ticket = newTicket()
    try await withTaskCancellationHandler {
      try Task.checkCancellation()
      try await withCheckedThrowingContinuation { continuation in
        onLoop { $0.acquire(ticket, continuation) }
        cancelIfLate(ticket)
      }
    } onCancel: {
      cancel(ticket)
    }
    let exchange = Exchange(connection: self, ticket: ticket)
    do {
      let result = try await body(exchange)
      onLoop { $0.release(ticket) }
      return result
    } catch {
      close()
      throw error
    }
  }

  /// The turn on a connection.
  struct Exchange: Sendable {
    fileprivate let connection: Connection
    fileprivate let ticket: ConnectionHandler.TicketID

    /// The next frame; on a raw connection the next bytes, nil at their end.
    /// - Throws: `ReceiveTimeout` when nothing has come within `limit`; the exchange can go on then.
    func next(within limit: Duration? = nil) async throws -> ByteBuffer? {
      try await withTaskCancellationHandler {
        try Task.checkCancellation()
        return try await withCheckedThrowingContinuation { continuation in
          connection.onLoop { [ticket] in $0.next(ticket, within: limit.map { TimeAmount($0) }, continuation) }
          connection.cancelIfLate(ticket)
        }
      } onCancel: {
        connection.cancel(ticket)
      }
    }

    /// Sends bytes as they are and waits until the operating system has taken them, which is the back-pressure.
    func send(_ bytes: ByteBuffer) async throws {
      try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          connection.onLoop { $0.write(bytes, continuation) }
        }
      } onCancel: {
        connection.close()
      }
    }

    /// What to throw when the daemon breaks the protocol.
    func violation(_ what: String) -> ConnectionError {
      ConnectionError(.protocolViolation, .conversation, connection.endpoint, what)
    }

    /// How much has been received and not been taken, in bytes.
    func waitingBytes() async -> Int {
      await withCheckedContinuation { continuation in
        connection.onLoop { continuation.resume(returning: $0.receivedBytes) }
      }
    }

    /// No frames any more from here on.
    func switchToRaw() { connection.onLoop { $0.switchToRaw() } }
  }
}
