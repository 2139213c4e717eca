import Logging
import NIOCore
public import NSOModel
import NSOWire

/// What happens in the daemon, as it happens (protocol part 06, sections 1 to 7). Made by ``NSOClient/withEvents(_:_:)``.
///
/// Events that wait to be taken are bounded: beyond that reading from the socket stops, and a daemon whose events are not read
/// for some seconds closes the connection. Kinds whose shape is not determined are left out.
///
/// The sequence ends only by an error: `ConnectionError` when the daemon goes away or has given up this subscriber.
public struct EventStream: AsyncSequence, Sendable {
  public typealias Element = DaemonEvent

  let exchange: Connection.Exchange
  let connection: Connection

  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  public struct Iterator: AsyncIteratorProtocol {
    let stream: EventStream

    /// Never nil; see ``EventStream``.
    public mutating func next() async throws -> DaemonEvent? { try await stream.next() }
  }

  /// The next event.
  public func next() async throws -> DaemonEvent {
    while true {
      if let event = try decode(try await exchange.next()) { return event }
    }
  }

  /// The next event, or nil when none has come within `limit`; the subscription goes on then.
  public func next(within limit: Duration) async throws -> DaemonEvent? {
    let end = ContinuousClock.now + limit
    while true {
      let rest = end - ContinuousClock.now
      do {
        if let event = try decode(try await exchange.next(within: rest < .zero ? .zero : rest)) { return event }
      } catch is ReceiveTimeout {
        return nil
      }
    }
  }

  /// Tells the daemon that an event was dealt with for which somebody waits: a `commitDiff` always, an `audit` when the mask has
  /// `auditSync`, a network audit and an HA event likewise. Others need no acknowledgement, and nothing is sent.
  public func acknowledge(_ event: DaemonEvent) async throws {
    let acknowledgement: EventAcknowledgement
    switch event {
    case .commitDiff(let notice): acknowledgement = .commitDiff(transaction: notice.transaction)
    case .audit(let record): acknowledgement = .audit(session: record.session)
    case .auditNetwork(let audit): acknowledgement = .auditNetwork(session: audit.session)
    case .ha: acknowledgement = .ha
    default: return
    }
    var frame = ByteBuffer()
    frame.writeFrame { acknowledgement.write(into: &$0) }
    try await exchange.send(frame)
  }

  private func decode(_ frame: ByteBuffer?) throws -> DaemonEvent? {
    guard let frame else { throw connection.closedByDaemon }
    let event: EventFrame
    do throws(DecodeError) {
      event = try EventFrame(frame)
    } catch {
      connection.abandon(connection.violation("\(error)"))
      throw error
    }
    switch event {
    case .event(let event): return event
    case .failure(let error): throw connection.violation("an error in place of an event: \(error)")
    case .undetermined(let kind, let term):
      connection.logger.debug("an event of kind \(kind) is left out", metadata: ["term": "\(term)"])
      return nil
    }
  }
}

extension NSOClient {
  /// Subscribes to events for the duration of `body`.
  ///
  /// - Throws: `NSOError` when the daemon refuses the subscription: `noExists` for an unknown stream, `xpath` for a filter that does not
  ///   compile, `noSession` for an unknown user session; `protocolUsage` for a subscription that makes no sense.
  public nonisolated(nonsending) func withEvents<Result>(
    _ subscription: EventSubscription, _ body: nonisolated(nonsending) (EventStream) async throws -> Result
  ) async throws -> Result {
    try subscription.check()
    return try await withConnection(.events) { connection in
      try await connection.withExchange { exchange in
        var frame = ByteBuffer()
        frame.writeFrame { subscription.write(into: &$0) }
        try await exchange.send(frame)
        guard let reply = try await exchange.next() else { throw connection.closedByDaemon }
        switch try HAReply(reply) {
        case .ok: return try await body(EventStream(exchange: exchange, connection: connection))
        case .failure(let error): throw error
        case .status: throw connection.violation("a status in answer to a subscription")
        }
      }
    }
  }
}

extension EventSubscription {
  /// What the reference client fails on before it connects (protocol part 06, section 2).
  fileprivate func check() throws(NSOError) {
    if mask.contains(.heartbeat), heartbeatInterval <= 0 {
      throw NSOError(.protocolUsage, "HEARTBEAT is subscribed to without an interval: set heartbeatInterval, in milliseconds")
    }
    if mask.contains(.healthCheck), healthCheckInterval <= 0 {
      throw NSOError(
        .protocolUsage, "HEALTH_CHECK is subscribed to without an interval: set healthCheckInterval, in milliseconds")
    }
    guard mask.contains(.streamEvent) == (stream != nil) else {
      throw NSOError(.protocolUsage, "STREAM_EVENT and the name of a stream go together: set both, or none")
    }
    if let stream, stream.stop != nil, stream.start == nil {
      throw NSOError(.protocolUsage, "stream \(stream.name) has a stop time without a start time: set both")
    }
  }
}
