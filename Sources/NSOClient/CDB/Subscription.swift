import NIOCore
public import NSOModel
public import NSOWire
import Synchronization

extension NSOClient {
  /// Subscribes while `body` runs (protocol part 03, section 7). Events come one at a time: the daemon, and whoever commits, waits until
  /// each is answered, so nothing piles up here.
  ///
  /// ```swift
  /// try await client.withSubscription(name: "agent", to: [.running("/p:plant/site")]) { subscription in
  ///   for try await event in subscription {
  ///     for change in try await event.changes() { apply(change) }
  ///   }
  /// }
  /// ```
  ///
  /// Do not commit from inside an event and wait for it: nothing else is committed until the event is answered. The daemon refuses it
  /// with `inUse` where it can see that.
  /// - Parameters:
  ///   - name: how the daemon names the client in its status and logs.
  ///   - mandatoryName: no transaction is committed any more while no subscriber of this name is connected; two-phase points only.
  /// - Throws: `badPath` for a path that the schema does not have, and what ``withCDB(name:_:)`` throws.
  public nonisolated(nonsending) func withSubscription<Result>(
    name: String, to points: [SubscriptionPoint], mandatoryName: String? = nil,
    _ body: nonisolated(nonsending) (Subscription) async throws -> Result
  ) async throws -> Result {
    try await withCDB(name: name) { cdb in
      try await cdb.connection.withExchange { exchange in
        let dialogue = SubscriptionDialogue(cdb.connection, exchange)
        if let mandatoryName { try await dialogue.done(.mandatorySubscriber(mandatoryName)) }
        var numbers: [Int32] = []
        for point in points { numbers.append(try await dialogue.narrow(dialogue.integer(point.request))) }
        try await dialogue.done(.subscribeDone)
        return try await body(Subscription(dialogue: dialogue, points: numbers))
      }
    }
  }
}

/// The events of a subscription, in order; ends with an error when the connection does, and when its task is cancelled. One
/// loop at a time may go through it.
public struct Subscription: AsyncSequence, Sendable {
  let dialogue: SubscriptionDialogue
  /// The numbers of the points, in the order in which they were given.
  public let points: [Int32]

  public func makeAsyncIterator() -> Iterator { Iterator(dialogue: dialogue) }

  public struct Iterator: AsyncIteratorProtocol {
    let dialogue: SubscriptionDialogue

    /// The next event. The one before counts as dealt with, unless it was answered.
    public mutating func next() async throws -> SubscriptionNotification? {
      SubscriptionNotification(event: try await dialogue.nextEvent(), dialogue: dialogue)
    }
  }

  /// Deals with events until the connection ends or the task is cancelled.
  /// - Parameters:
  ///   - prepare: may refuse the transaction by throwing; an `NSOError` gives code and text.
  ///   - commit: the change is there. What it throws ends the subscription.
  ///   - abort: what was prepared does not take place.
  public nonisolated(nonsending) func run(
    prepare: nonisolated(nonsending) (SubscriptionNotification) async throws -> Void = { _ in },
    commit: nonisolated(nonsending) (SubscriptionNotification) async throws -> Void = { _ in },
    abort: nonisolated(nonsending) (SubscriptionNotification) async throws -> Void = { _ in },
    operational: nonisolated(nonsending) (SubscriptionNotification) async throws -> Void = { _ in }
  ) async throws {
    var iterator = makeAsyncIterator()
    while let event = try await iterator.next() {
      switch event.kind {
      case .prepare:
        do {
          try await prepare(event)
        } catch let error as CancellationError {
          throw error
        } catch let error as NSOError {
          try await event.refuse(SubscriptionAbort.Reason(error))
        } catch {
          try await event.refuse(.init(.application, "\(error)"))
        }
      case .commit: try await commit(event)
      case .abort: try await abort(event)
      case .operational: try await operational(event)
      }
      try await event.done()
    }
  }
}

extension SubscriptionAbort.Reason {
  /// A refusal with the code that is nearest.
  init(_ error: NSOError) {
    let code = SubscriptionAbort.Code.allCases.first { $0.errorCode == error.code } ?? .application
    self.init(code, error.message, appTag: error.appTag)
  }
}

/// One event of a subscription. Ask about it before the next one is asked for.
public struct SubscriptionNotification: Sendable {
  let event: SubscriptionEvent
  let dialogue: SubscriptionDialogue

  public var kind: SubscriptionEvent.Kind { event.kind }
  public var flags: SubscriptionEventFlags { event.flags }
  /// The points that are concerned.
  public var points: [Int32] { event.points }

  // MARK: What changed (protocol part 03, section 8)

  /// The changes at and below a point, the first concerned one if none is named.
  /// - Parameter flags: `.wantPrevious` for old values, `.wantReverse` for what takes the changes back, and others.
  public func changes(of point: Int32? = nil, flags: IterationFlags = []) async throws -> [DataChange] {
    var changes: [DataChange] = []
    try await iterate(point, flags: flags) { change in
      changes.append(change)
      return .recurse
    }
    return changes
  }

  /// As ``changes(of:flags:)``, one at a time; the closure says how to go on.
  public func iterate(
    _ point: Int32? = nil, flags: IterationFlags = [], _ body: (DataChange) throws -> IterationAnswer
  ) async throws {
    try await dialogue.iterate(.subscriptionIterate(point: UInt32(bitPattern: try named(point)), flags)) { item in
      guard case .change(let path, let kind) = item else { return nil }
      return try body(DataChange(path: path, kind: kind))
    }
  }

  /// The changes as tagged values, relative to the point (protocol part 03, section 8.4).
  public func modifications(
    of point: Int32? = nil, flags: ModificationFlags = .includeLists, below path: (any PathConvertible)? = nil
  ) async throws -> [TaggedValue] {
    try await dialogue.tagged(
      .getModifications(point: try named(point), flags, path?.wirePath ?? Keypath.root.wirePath))
  }

  private func named(_ point: Int32?) throws -> Int32 {
    guard let point = point ?? event.points.first else { throw NSOError(.noExists, "the event has no points") }
    return point
  }

  // MARK: About the transaction

  /// The user session of whoever commits.
  /// - Throws: `noExists` for events that were triggered.
  public func userSession() async throws -> UserSessionID { try await dialogue.narrow(dialogue.integer(.getUserSession)) }

  /// Tells whoever waits for the commit how far it is.
  public func reportProgress(_ text: String) async throws { try await dialogue.done(.subscriptionProgress(text)) }

  /// Gives all subscribers of this priority so much time from now on, in seconds.
  public func setTimeLimit(seconds: Int64) async throws { try await dialogue.done(.setTimeout(seconds: seconds)) }

  // MARK: Answers. Only the first one counts.

  /// Dealt with.
  public func done() async throws {
    try await dialogue.answer(event.kind == .operational ? .doneOperational : .donePriority, event)
  }

  /// Dealt with, and nothing more of this transaction, please. Only of a commit.
  public func doneWithTransaction() async throws { try await dialogue.answer(.doneSocket, event) }

  /// Dealt with, for everybody: no other subscriber is told any more. Only of a commit.
  public func doneForAll() async throws { try await dialogue.answer(.doneTransaction, event) }

  /// Refuses the transaction. Only while it is being prepared.
  public func refuse(_ reason: SubscriptionAbort.Reason) async throws {
    try await dialogue.answer(.abort(.reason(reason)), event)
  }

  /// Refuses the transaction with a text for whoever commits.
  public func refuse(_ text: String) async throws { try await refuse(.init(.application, text)) }
}

/// The conversation of a subscriber: requests and their replies, and in between the events.
final class SubscriptionDialogue: Caller {
  private let connection: Connection
  private let exchange: Connection.Exchange
  private let outstanding = Mutex<SubscriptionEvent?>(nil)

  init(_ connection: Connection, _ exchange: Connection.Exchange) {
    self.connection = connection
    self.exchange = exchange
  }

  func reply(to request: CDBRequest) async throws -> Reply {
    guard let operation = request.operation else { throw NSOError(.notImplemented, "operation \(request.op) has no name") }
    var frame = ByteBuffer()
    frame.writeFrame { CDBCall(request).write(into: &$0) }
    try await exchange.send(frame)
    guard let answer = try await exchange.next() else { throw connection.closedByDaemon }
    return try connection.reply(to: operation, answer)
  }

  func nextEvent() async throws -> SubscriptionEvent {
    if let event = outstanding.withLock({ $0 }) {
      try await answer(event.kind == .operational ? .doneOperational : .donePriority, event)
    }
    guard let frame = try await exchange.next() else { throw connection.closedByDaemon }
    let event = try SubscriptionEvent(frame)
    outstanding.withLock { $0 = event }
    return event
  }

  func answer(_ answer: SyncSubscription, _ event: SubscriptionEvent) async throws {
    guard outstanding.withLock({ $0 }) == event else { return }
    try await done(.syncSubscription(answer))
    outstanding.withLock { $0 = nil }
  }

  func iterate(_ request: CDBRequest, _ body: (IterationItem) throws -> IterationAnswer?) async throws {
    var frame = ByteBuffer()
    frame.writeFrame { CDBCall(request).write(into: &$0) }
    try await exchange.iterate(frame, connection, body).get()
  }
}
