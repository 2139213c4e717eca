public import NSOModel
public import NSOWire
import Synchronization

/// The notification streams of a daemon (protocol part 05, section 13, and part 06, section 5.15): those that `ncs.conf` names. Data
/// providers feed them, event subscribers follow them.
public final class NotificationStreams: Sendable {
  /// What feeds share.
  struct Context: Sendable {
    let journal: Journal
    let providers: ProviderRegistry
    /// Microseconds since 1970-01-01 UTC.
    let now: @Sendable () -> Int64
    let nextReplay: @Sendable () -> Int32
    let model: @Sendable () -> DataModel
  }

  /// What ``unsubscribe(_:)`` takes.
  public struct Subscription: Sendable {
    fileprivate let feed: NotificationFeed
    fileprivate let subscription: NotificationSubscription
  }

  /// A subscription that can be served.
  public struct Order: Sendable {
    fileprivate let feed: NotificationFeed
    fileprivate let filter: NotificationFilter?
    fileprivate let start: Int64?
    fileprivate let stop: Int64?
  }

  private let feeds = Mutex<[String: NotificationFeed]>([:])
  private let lastReplay = Mutex<Int32>(0)
  private let journal: Journal
  private let providers: ProviderRegistry
  private let clock: @Sendable () -> (seconds: Int64, microseconds: Int64)
  private let model: Mutex<DataModel>
  /// Bytes that clients had sent before their end and that have not been dealt with.
  private let leftBytes = Mutex<Int>(0)
  private static let leftLimit = 64 << 20

  init(
    _ journal: Journal, _ providers: ProviderRegistry, _ model: DataModel,
    clock: @escaping @Sendable () -> (seconds: Int64, microseconds: Int64)
  ) {
    self.journal = journal
    self.providers = providers
    self.clock = clock
    self.model = Mutex(model)
    providers.onChange { [weak self] instance, isThere in
      guard let self else { return }
      if isThere { self.came(instance) } else { self.left(instance) }
    }
  }

  func replaceModel(_ model: DataModel) { self.model.withLock { $0 = model } }

  // MARK: Which there are

  /// Makes streams, and opens their replay stores. Once, before anybody subscribes.
  /// - Throws: for a replay store that cannot be opened; no stream is made then.
  public func open(_ settings: [NotificationStreamSettings]) throws(ReplayStoreError) {
    let context = Context(
      journal: journal, providers: providers,
      now: { [clock] in
        let now = clock()
        return now.seconds * 1_000_000 + now.microseconds
      },
      nextReplay: { [weak self] in self?.nextReplay() ?? 1 },
      model: { [weak self, first = model.withLock { $0 }] in self?.model.withLock { $0 } ?? first })
    var made: [String: NotificationFeed] = [:]
    for stream in settings { made[stream.name] = try NotificationFeed(stream, context) }
    feeds.withLock { $0 = made }
  }

  /// The daemon stops: what was received is kept, nothing more is.
  public func close() {
    providers.forgetDeparted()
    for feed in all { feed.close() }
  }

  private var all: [NotificationFeed] { feeds.withLock { $0.values.sorted { $0.settings.name < $1.settings.name } } }

  private func feed(_ name: String) -> NotificationFeed? { feeds.withLock { $0[name] } }

  private func nextReplay() -> Int32 {
    lastReplay.withLock { last in
      last = last == .max ? 1 : last + 1
      return last
    }
  }

  private func came(_ instance: ProviderInstance) {
    for item in instance.registrations where item.registration.kind == .stream {
      let name = item.registration.name
      if let feed = feed(name) {
        if let feeder = providers.served(.stream, name)?.instance.id { feed.noteFeeder(feeder) }
        continue
      }
      journal.developer(
        .developerProvider, .error,
        "\(instance.summary) registers notification stream \(name), which ncs.conf does not have below notifications/event-streams: nobody can subscribe to it"
      )
    }
  }

  // MARK: Subscribers

  /// Checks a subscription before it is answered (part 06, section 2).
  /// - Parameter hasSession: whether there is a user session of that number.
  /// - Throws: NOEXISTS for an unknown stream, XPATH for a filter that does not compile, NOSESSION.
  public func order(
    _ wish: EventSubscription.Stream, hasSession: (Int32) -> Bool
  ) throws(NSOError) -> Order {
    guard let feed = feed(wish.name) else {
      let names = all.map(\.settings.name)
      throw NSOError(
        .noExists,
        "there is no stream \(wish.name): "
          + (names.isEmpty
            ? "ncs.conf names none below notifications/event-streams" : "ncs.conf has \(names.joined(separator: ", "))"))
    }
    let filter = try wish.filter.map { text throws(NSOError) in try NotificationFilter(text, model.withLock { $0 }) }
    if wish.session != 0, !hasSession(wish.session) {
      throw NSOError(.noSession, "there is no user session \(wish.session): name one that exists, or 0 for no access control")
    }
    return Order(
      feed: feed, filter: filter, start: wish.start?.microsecondsSince1970, stop: wish.stop?.microsecondsSince1970)
  }

  /// Begins: whatever the stream has for the subscriber goes into its buffer from now on.
  public func subscribe(_ subscriber: EventSubscriber, _ order: Order) -> Subscription {
    let subscription = NotificationSubscription(subscriber, order.filter, start: order.start, stop: order.stop)
    order.feed.add(subscription)
    return Subscription(feed: order.feed, subscription: subscription)
  }

  public func unsubscribe(_ subscription: Subscription) { subscription.feed.remove(subscription.subscription) }

  // MARK: Data providers

  /// Takes what a client sends on its stream worker; returns when it has been dealt with, which is when the next one may come.
  /// What is wrong with it is in the developer log only: there is no answer.
  /// - Parameter check: whether a notification fits the schema.
  func received(
    _ message: StreamMessage, from instance: ProviderInstance,
    check: (StreamNotification) throws(NSOError) -> NotificationRecord
  ) async {
    let name = message.stream
    guard let feed = feed(name) else {
      return refuse("\(instance.summary) sends to stream \(name), which ncs.conf does not have")
    }
    switch message {
    case .notification(let notification):
      let served = providers.served(.stream, name)?.instance
      // Who is gone had sent it before, and may have a successor already.
      if notification.subscription == nil, served !== instance, !feed.wasFeeder(instance.id) {
        feed.noteRefusal()
        return refuse(
          "\(instance.summary) sends to stream \(name), which \(served.map { "\($0.summary) has taken over" } ?? "it has not registered")"
        )
      }
      do throws(NSOError) {
        let record = try check(notification)
        if let number = notification.subscription {
          await feed.takeReplayed(record, number, from: instance)
        } else {
          await feed.take(record)
        }
      } catch {
        feed.noteRefusal()
        refuse("\(instance.summary): a notification of stream \(name) is refused: \(error.message)")
      }
    case .replayComplete(_, let number): feed.endReplay(number, from: instance, failure: nil)
    case .replayFailed(_, let number, let reason):
      feed.endReplay(number, from: instance, failure: reason.isEmpty ? "the data provider could not replay it" : reason)
    }
  }

  private func refuse(_ text: String) { journal.developer(.developerProvider, .error, text) }

  private func left(_ instance: ProviderInstance) {
    for feed in all {
      feed.noteEnd(of: instance.id)
      feed.lost(instance)
    }
  }

  func lost(_ instance: ProviderInstance, worker: Int32) { for feed in all { feed.lost(instance, worker: worker) } }

  /// What a client had sent before its end waits to be dealt with.
  /// - Returns: false when too much waits already; it is lost then.
  public func admit(left bytes: Int, of instance: ProviderInstance) -> Bool {
    let isAdmitted = leftBytes.withLock { left in
      guard bytes <= Self.leftLimit - left else { return false }
      left += bytes
      return true
    }
    if !isAdmitted {
      refuse(
        "\(bytes) bytes that \(instance.summary) sent before its end are dropped: \(Self.leftLimit >> 20) MiB of others wait")
    }
    return isAdmitted
  }

  /// It has been dealt with.
  public func release(left bytes: Int) { leftBytes.withLock { $0 -= bytes } }

  // MARK: Status

  /// The streams for `ncs --status`: who feeds them, where their past is, who listens.
  public var lines: [String] {
    var lines: [String] = []
    for feed in all {
      let settings = feed.settings
      let facts = feed.facts
      let served = providers.served(.stream, settings.name)
      var line = "\(settings.name): "
      line += served.map { "instance \($0.instance.id) \($0.instance.name)" } ?? "not registered"
      line += ", \(facts.received) notifications" + (facts.refused > 0 ? ", \(facts.refused) refused" : "")
      if let latest = facts.latest { line += ", the latest of \(utcText(latest / 1_000_000))" }
      line += ", \(facts.live + facts.replaying) subscribers"
      if facts.replaying > 0 { line += ", \(facts.replaying) of them in a replay" }
      lines.append(line)
      lines.append("  \(Self.replayText(settings, facts, served))")
    }
    let names = Set(all.map(\.settings.name))
    for served in providers.points where served.registration.kind == .stream && !names.contains(served.registration.name) {
      lines.append(
        "\(served.registration.name): instance \(served.instance.id) \(served.instance.name), NOT IN ncs.conf: nobody can subscribe"
      )
    }
    return lines
  }

  private static func replayText(
    _ settings: NotificationStreamSettings, _ facts: NotificationFeed.Facts, _ served: ProviderRegistry.Served?
  ) -> String {
    guard settings.offersReplay else { return "no replay" }
    var text: String
    if let store = settings.store {
      text = "replay from \(store.directory)"
      if let extent = facts.extent {
        text += ", \(extent.files) files of at most \(store.maximumFiles), \(extent.bytes / 1024) KiB"
      }
    } else {
      let keeps = served.map { StreamCallbacks(rawValue: $0.registration.mask).contains(.replay) } ?? false
      text =
        keeps
        ? "replay from the data provider" : "replay is offered, but there is neither a store nor a data provider with a log"
    }
    if let created = facts.created { text += ", since \(utcText(created / 1_000_000))" }
    if let aged = facts.aged { text += ", dropped up to \(utcText(aged / 1_000_000))" }
    return text
  }
}

extension Engine {
  /// Takes what a client of the data provider API sends on its stream worker. Returns when the next message may come.
  public func received(_ message: StreamMessage, from instance: ProviderInstance) async {
    await streams.received(message, from: instance) { (notification) throws(NSOError) in try self.checked(notification) }
  }

  /// The connection of a worker was closed, and all that came on it has been dealt with.
  public func lostWorker(_ worker: Int32, of instance: ProviderInstance, connection: UInt64) {
    guard instance.finished(worker: worker, connection: connection) else { return }
    streams.lost(instance, worker: worker)
  }
}

extension StreamMessage {
  var stream: String {
    switch self {
    case .notification(let notification): notification.stream
    case .replayComplete(let stream, _), .replayFailed(let stream, _, _): stream
    }
  }
}
