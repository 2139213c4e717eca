import ExternalTerm
import NIOCore
import NIOPosix
import NSOEngine
import NSOModel
import NSOWire

/// A connection of an event subscriber (protocol part 06, sections 1 to 7): one request, then events as they happen, and
/// acknowledgements in return.
final class EventConnection: APIConnection {
  private unowned let connection: IPCConnection
  private let services: Services
  private var subscriber: EventSubscriber?
  private var stream: NotificationStreams.Subscription?
  /// Taken from the subscriber's buffer, not written yet.
  private var inHand: ArraySlice<DaemonEvent> = []
  private var firstFrameTimer: Scheduled<Void>?
  private var stallTimer: Scheduled<Void>?
  private var timers: [Scheduled<Void>] = []

  private var engine: Engine { services.engine }

  var clientName: String? { subscriber.map { "subscribed to \($0.subscription.mask)" } }

  init(_ connection: IPCConnection, _ services: Services) {
    self.connection = connection
    self.services = services
    let limit = TimeAmount(services.engine.events.settings.connectTimeout)
    firstFrameTimer = connection.eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in
      guard let self, self.subscriber == nil else { return }
      self.connection.closeNow(.firstFrameLate("the event subscriber did not say in time what it wants"))
    }
  }

  func receive(_ frame: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    if let subscriber {
      // Whatever is no acknowledgement is ignored (section 6).
      if let acknowledgement = EventAcknowledgement(frame) {
        engine.events.acknowledge(acknowledgement, by: subscriber)
      } else if subscriber.subscription.mask.contains(.haInfoSync) {
        engine.events.acknowledge(.ha, by: subscriber)
      }
      return .done
    }
    firstFrameTimer?.cancel()
    firstFrameTimer = nil
    let subscription: EventSubscription
    do throws(DecodeError) {
      subscription = try EventSubscription(frame)
    } catch {
      out.writeFrame { $0.writeBareError(error.reply) }
      return .close(.badFrame("\(error)"))
    }
    let order: NotificationStreams.Order?
    do throws(NSOError) {
      order = try check(subscription)
    } catch {
      out.writeFrame { $0.writeBareError(error) }
      return .close(.notServed(error.message))
    }
    out.writeFrame { HAReply.ok.write(into: &$0) }
    begin(subscription, order)
    return .done
  }

  /// What has to be right before the answer (section 2).
  private func check(_ subscription: EventSubscription) throws(NSOError) -> NotificationStreams.Order? {
    guard subscription.mask.contains(.streamEvent) else { return nil }
    guard let stream = subscription.stream else {
      throw NSOError(.protocolUsage, "STREAM_EVENT is in the mask, but no stream is named: say which")
    }
    let sessions = engine.sessions
    return try engine.streams.order(stream) { (try? sessions.session($0)) != nil }
  }

  /// From here on events come. They are written after the answer, which is on its way.
  private func begin(_ subscription: EventSubscription, _ order: NotificationStreams.Order?) {
    let loop = NIOLoopBound(self, eventLoop: connection.eventLoop)
    let subscriber = engine.events.subscribe(
      subscription, name: "event subscriber on connection \(connection.id) from \(connection.peer)",
      wake: { loop.eventLoop.execute { loop.value.drain() } },
      dropped: { _ in
        loop.eventLoop.execute {
          // Nil once it is closed: the connection is no more then.
          guard loop.value.subscriber != nil else { return }
          loop.value.connection.closeNow()
        }
      })
    self.subscriber = subscriber
    stream = order.map { engine.streams.subscribe(subscriber, $0) }
    if subscription.mask.contains(.heartbeat) {
      repeatTask(milliseconds: subscription.heartbeatInterval, 0) { api in api.tell(.heartbeat) }
    }
    if subscription.mask.contains(.healthCheck) {
      repeatTask(milliseconds: subscription.healthCheckInterval, 1) { api in api.checkHealth() }
    }
  }

  // MARK: Timers

  /// - Parameter slot: which timer.
  private func repeatTask(milliseconds: Int, _ slot: Int, _ body: @escaping (EventConnection) -> Void) {
    // Section 2: at least a second. More than a day is taken as a day.
    let period = TimeAmount.milliseconds(Int64(min(max(milliseconds, 1000), 86_400_000)))
    let timer = connection.eventLoop.assumeIsolated().scheduleTask(in: period) { [weak self] in
      guard let self, self.subscriber != nil else { return }
      body(self)
      self.repeatTask(milliseconds: milliseconds, slot, body)
    }
    if timers.indices.contains(slot) { timers[slot] = timer } else { timers.append(timer) }
  }

  private func tell(_ event: DaemonEvent) {
    if let subscriber { engine.events.emit(event, to: subscriber) }
  }

  /// The databases answer, and the daemon is not on its way out; that this runs shows that the event loops live.
  private func checkHealth() {
    let engine = engine
    let loop = NIOLoopBound(self, eventLoop: connection.eventLoop)
    services.pool.submit { state in
      guard case .active = state, engine.phases.phase != .stopping, (try? engine.currentView()) != nil else { return }
      loop.eventLoop.execute { loop.value.tell(.healthCheck) }
    }
  }

  // MARK: Sending

  func becameWritable() {
    stallTimer?.cancel()
    stallTimer = nil
    drain()
  }

  private func drain() {
    guard let subscriber else { return }
    while true {
      if inHand.isEmpty { inHand = subscriber.take()[...] }
      guard !inHand.isEmpty else { return }
      let isTaken = connection.push { out in
        while let event = inHand.first, out.readableBytes < 64 << 10 {
          out.writeFrame { event.write(into: &$0) }
          inHand.removeFirst()
        }
      }
      guard isTaken else { return waitForReader(subscriber) }
    }
  }

  private func waitForReader(_ subscriber: EventSubscriber) {
    guard stallTimer == nil else { return }
    let limit = TimeAmount(engine.events.settings.stallTimeout)
    stallTimer = connection.eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in
      self?.engine.events.drop(subscriber, .stalled)
    }
  }

  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer) {
    out.writeFrame { $0.writeBareError(NSOError(.protocolUsage, "\(refusal)")) }
  }

  func closed() {
    for timer in [firstFrameTimer, stallTimer] + timers { timer?.cancel() }
    timers = []
    inHand = []
    if let stream { engine.streams.unsubscribe(stream) }
    stream = nil
    if let subscriber { engine.events.unsubscribe(subscriber) }
    subscriber = nil
  }
}
