import Dispatch
import NSOModel
import NSOWire
import Synchronization

/// One notification stream: what comes is kept in its store and told to its subscribers, in one order. All of that happens on
/// a queue of its own, where nothing but its disk is waited for; between the end of a replay and the live feed nothing can come in.
///
/// Unchecked, since it is the serial queue that keeps threads apart.
final class NotificationFeed: @unchecked Sendable {
  // Everything that changes and is behind no lock is touched only on `queue`.

  /// What `ncs --status` shows.
  struct Facts: Sendable {
    var received: UInt64 = 0
    var refused: UInt64 = 0
    var latest: Int64?
    var live = 0
    var replaying = 0
    var extent: (files: Int, bytes: Int)?
    var created: Int64?
    var aged: Int64?
  }

  /// Who fed the stream.
  private struct Feeders {
    var last: Int32?
    /// Those that fed it when they ended. Only the last ones.
    var departed: [Int32] = []
  }

  /// A replay by a provider.
  struct ReplayKey: Hashable {
    var number: Int32
    var instance: Int32
  }

  let settings: NotificationStreamSettings
  let context: NotificationStreams.Context
  let queue: DispatchQueue
  private var store: ReplayStore?
  private(set) var subscriptions: [NotificationSubscription] = []
  /// The last live notifications, where replays come from the provider.
  private(set) var recent: [NotificationDigest] = []
  /// Replays that were asked for last: what their providers still send is no error of theirs.
  var asked: [ReplayKey] = []
  /// The last message of a replay that nobody asked for.
  var stray: ReplayKey?
  private let known = Mutex(Facts())
  private let feeders = Mutex(Feeders())

  init(_ settings: NotificationStreamSettings, _ context: NotificationStreams.Context) throws(ReplayStoreError) {
    self.settings = settings
    self.context = context
    queue = DispatchQueue(label: "stream \(settings.name)")
    if settings.offersReplay, let place = settings.store {
      store = try ReplayStore.open(place, name: settings.name, now: context.now()) { text in
        context.journal.record(.daemon, .replayStoreFailure, "stream \(settings.name): \(text)")
      }
    }
    noteFacts()
  }

  var facts: Facts { known.withLock { $0 } }

  /// Nothing is kept any more. Returns when all that was received before is.
  func close() {
    queue.sync {
      for subscription in subscriptions { end(subscription) }
      store = nil
    }
  }

  private func noteFacts() {
    let live = subscriptions.filter { if case .live = $0.stage { true } else { false } }.count
    let replaying = subscriptions.count - live
    let store = store
    known.withLock { facts in
      facts.live = live
      facts.replaying = replaying
      // Without a store they are those of the provider's log.
      guard let store else { return }
      facts.extent = store.extent
      facts.created = store.created
      facts.aged = store.aged
    }
  }

  func noteTimes(_ created: DateTime, _ aged: DateTime?) {
    known.withLock { facts in
      facts.created = created.microsecondsSince1970
      facts.aged = aged?.microsecondsSince1970
    }
  }

  // MARK: Who feeds it

  func noteFeeder(_ instance: Int32) { feeders.withLock { $0.last = instance } }

  func noteEnd(of instance: Int32) {
    feeders.withLock { feeders in
      guard feeders.last == instance, !feeders.departed.contains(instance) else { return }
      feeders.departed.append(instance)
      if feeders.departed.count > 16 { feeders.departed.removeFirst() }
    }
  }

  /// Whether what comes from there was sent by who fed the stream then: the last who registered, or who fed it to its own end.
  func wasFeeder(_ instance: Int32) -> Bool {
    feeders.withLock { $0.last == instance || $0.departed.contains(instance) }
  }

  // MARK: What comes

  /// Takes a notification that was checked. Returns when it is in the store and on its way to the subscribers.
  func take(_ record: NotificationRecord) async {
    await onQueue { self.happened(record) }
  }

  /// Performs `body` on the queue and waits for it.
  func onQueue<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in queue.async { continuation.resume(returning: body()) } }
  }

  /// One that was not taken.
  func noteRefusal() { known.withLock { $0.refused += 1 } }

  private func happened(_ record: NotificationRecord) {
    if let store {
      do throws(ReplayStoreError) {
        try store.append(record.stored)
      } catch {
        context.journal.record(.daemon, .replayStoreFailure, "stream \(settings.name): \(error)")
        // They would miss it: it is told live only.
        for subscription in subscriptions {
          if case .reading = subscription.stage { fail(subscription, "a notification could not be stored: \(error)") }
        }
      }
    }
    known.withLock { facts in
      facts.received += 1
      facts.latest = record.instant
      guard let store else { return }
      facts.extent = store.extent
      facts.aged = store.aged
    }
    // Where the past comes from the provider, what it sends twice is told once.
    let digest = store == nil && settings.offersReplay ? NotificationDigest(record) : nil
    if let digest {
      recent.append(digest)
      if recent.count > 256 { recent.removeFirst() }
    }
    let event = Event(record, context)
    for subscription in subscriptions {
      switch subscription.stage {
      case .live:
        if let replay = subscription.replay, let digest {
          let isTold = replay.wasReplayedBeforeTheEnd(digest)
          if replay.isForgotten { subscription.replay = nil }
          if isTold { continue }
        }
        tell(event, to: subscription)
      case .provider(let replay):
        guard let digest, !replay.wasReplayed(digest), !replay.hold(record, digest) else { continue }
        fail(subscription, "more than \(ProviderReplay.limitText) came while the replay went on")
      case .reading, .over: break
      }
    }
  }

  /// A notification as an event, made when the first subscriber takes it.
  final class Event {
    let record: NotificationRecord
    let model: DataModel
    private let context: NotificationStreams.Context
    private lazy var made: DaemonEvent? = {
      do throws(NSOError) { return try record.event(in: model) } catch {
        context.journal.developer(.developerProvider, .error, "a notification cannot be told: \(error.message)")
        return nil
      }
    }()

    init(_ record: NotificationRecord, _ context: NotificationStreams.Context) {
      self.record = record
      self.context = context
      model = context.model()
    }

    var event: DaemonEvent? { made }
  }

  func tell(_ event: Event, to subscription: NotificationSubscription) {
    guard subscription.covers(event.record.instant) else { return }
    if let filter = subscription.filter {
      do throws(NotificationFilter.Failure) {
        guard try filter.accepts(event.record, event.model) else { return }
      } catch {
        switch error {
        case .tooLong(let steps):
          fail(subscription, "its filter takes more than \(steps) steps for one notification: ask for less in it")
        case .broken(let error):
          context.journal.developer(
            .developerProvider, .error,
            "the filter of \(subscription.subscriber.name) on stream \(settings.name) fails, the notification is left out: \(error.message)"
          )
        }
        return
      }
    }
    if let event = event.event { context.journal.events.emit(event, to: subscription.subscriber) }
  }

  // MARK: Subscribers

  /// A subscriber begins: with the past, if it asked for it, then with what happens from now on.
  func add(_ subscription: NotificationSubscription) {
    queue.async { [self] in
      guard !subscription.isOver else { return }
      subscriptions.append(subscription)
      armTimer(subscription)
      if subscription.start != nil { beginReplay(subscription) }
      noteFacts()
    }
  }

  /// The subscriber is gone.
  func remove(_ subscription: NotificationSubscription) { queue.async { self.end(subscription) } }

  private func end(_ subscription: NotificationSubscription) {
    subscription.stage = .over
    subscription.timer?.cancel()
    subscription.timer = nil
    subscription.watch?.cancel()
    subscription.watch = nil
    subscription.replay = nil
    subscription.subscriber.whenTaken(nil)
    subscriptions.removeAll { $0 === subscription }
    noteFacts()
  }

  private func finish(_ subscription: NotificationSubscription, _ notice: StreamNotice) {
    end(subscription)
    context.journal.events.emit(.stream(notice), to: subscription.subscriber)
  }

  func fail(_ subscription: NotificationSubscription, _ reason: String) {
    let what = if case .live = subscription.stage { "stream" } else { "replay of stream" }
    context.journal.developer(
      .developerProvider, .error, "\(what) \(settings.name) for \(subscription.subscriber.name) failed: \(reason)")
    finish(subscription, .replayFailed(reason))
  }

  /// Ends the subscription at its stop time; a replay that is under way is sent to its end before.
  private func armTimer(_ subscription: NotificationSubscription) {
    guard let stop = subscription.stop else { return }
    let now = context.now
    subscription.timer = Task { [weak self] in
      while true {
        let (left, isPast) = stop.subtractingReportingOverflow(now())
        guard !isPast, left > 0 else { break }
        // The clock may be set meanwhile, so it is looked at from time to time.
        do { try await Task.sleep(for: .microseconds(min(left, 60_000_000))) } catch { return }
      }
      self?.stopTimePassed(subscription)
    }
  }

  private func stopTimePassed(_ subscription: NotificationSubscription) {
    queue.async { if case .live = subscription.stage { self.finish(subscription, .notificationComplete) } }
  }

  // MARK: The past

  private func beginReplay(_ subscription: NotificationSubscription) {
    let start = subscription.start ?? .min
    if let store {
      subscription.stage = .reading(store.position(after: start))
      subscription.subscriber.whenTaken { [weak self, weak subscription] in
        guard let self, let subscription else { return }
        self.queue.async { if subscription.waitsForRoom { self.read(subscription) } }
      }
      read(subscription)
    } else if settings.offersReplay, let served = context.providers.served(.stream, settings.name),
      StreamCallbacks(rawValue: served.registration.mask).contains(.replay)
    {
      beginReplay(subscription, by: served)
    } else {
      let who = context.providers.served(.stream, settings.name)
      fail(
        subscription,
        !settings.offersReplay
          ? "stream \(settings.name) offers no replay (replay-support in ncs.conf)"
          : who == nil
            ? "stream \(settings.name) has no replay store, and no data provider is registered for it"
            : "stream \(settings.name) has no replay store, and its data provider keeps no log")
    }
  }

  /// Sends the next part of what is stored.
  private func read(_ subscription: NotificationSubscription) {
    subscription.waitsForRoom = false
    guard case .reading(let position) = subscription.stage else { return }
    guard let store else { return fail(subscription, "the daemon is stopping") }
    let room = subscription.subscriber.room
    guard room > 0 else {
      subscription.waitsForRoom = true
      return
    }
    let batch: ReplayStore.Batch
    do throws(ReplayStoreError) {
      // Little at a time, and less where each costs more: what happens meanwhile, and whoever sends it, waits.
      batch = try store.read(from: position, limit: 16 << 10, records: min(room, subscription.filter == nil ? 64 : 8))
    } catch {
      return fail(subscription, "\(error)")
    }
    if let damage = batch.damage {
      context.journal.record(
        .daemon, .replayStoreFailure, "stream \(settings.name): \(damage); what follows in that file is left out")
    }
    for stored in batch.records where subscription.covers(stored.time) && !subscription.isOver {
      do throws(DecodeError) {
        tell(Event(try NotificationRecord(stored), context), to: subscription)
      } catch {
        context.journal.record(.daemon, .replayStoreFailure, "stream \(settings.name): a record is left out: \(error)")
      }
    }
    guard !subscription.isOver else { return }
    subscription.stage = .reading(batch.next)
    // Others have their turn in between.
    guard batch.isAtEnd else { return queue.async { self.read(subscription) } }
    subscription.subscriber.whenTaken(nil)
    goLive(subscription)
  }

  /// - Parameter held: what happened during the replay and was not in it.
  func goLive(_ subscription: NotificationSubscription, _ held: [NotificationRecord] = []) {
    context.journal.events.emit(.stream(.replayComplete), to: subscription.subscriber)
    subscription.stage = .live
    for record in held where !subscription.isOver { tell(Event(record, context), to: subscription) }
    noteFacts()
    guard !subscription.isOver else { return }
    if let stop = subscription.stop, stop <= context.now() { finish(subscription, .notificationComplete) }
  }
}
