import Dispatch
import NSOModel
import NSOWire
import Synchronization

/// One notification stream: what comes is kept in its store and told to its subscribers, in one order. All of that happens on
/// a queue of its own, where nothing but its disk is waited for; between the end of a replay and the live feed nothing can come in.
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

  let settings: NotificationStreamSettings
  private let context: NotificationStreams.Context
  private let queue: DispatchQueue
  private var store: ReplayStore?
  private var subscriptions: [NotificationSubscription] = []
  private let known = Mutex(Facts())

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
      facts.extent = store?.extent
      facts.created = store?.created
      facts.aged = store?.aged
    }
  }

  // MARK: What comes

  /// Takes a notification that was checked. Returns when it is in the store and on its way to the subscribers.
  func take(_ record: NotificationRecord, replay number: Int32? = nil) async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      queue.async {
        if let number { self.replayed(record, number) } else { self.happened(record) }
        continuation.resume()
      }
    }
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
      facts.extent = store?.extent
      facts.aged = store?.aged
    }
    let event = Event(record, context)
    for subscription in subscriptions {
      switch subscription.stage {
      case .live:
        // The first that was not in a replay is followed by others that were not.
        if subscription.replay?.wasReplayed(record) == true { continue }
        subscription.replay = nil
        tell(event, to: subscription)
      case .provider(var replay):
        guard !replay.wasReplayed(record) else {
          subscription.stage = .provider(replay)
          continue
        }
        let isHeld = replay.hold(record)
        subscription.stage = .provider(replay)
        if !isHeld { fail(subscription, "more than \(ProviderReplay.heldLimit) notifications came while the replay went on") }
      case .reading, .over: break
      }
    }
  }

  /// A notification as an event, made when the first subscriber takes it.
  private final class Event {
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

  private func tell(_ event: Event, to subscription: NotificationSubscription) {
    guard subscription.covers(event.record.instant) else { return }
    if let filter = subscription.filter {
      do throws(NSOError) {
        guard try filter.accepts(event.record, event.model) else { return }
      } catch {
        context.journal.developer(
          .developerProvider, .error,
          "the filter of \(subscription.subscriber.name) on stream \(settings.name) fails, the notification is left out: \(error.message)"
        )
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
    subscription.subscriber.whenTaken(nil)
    subscriptions.removeAll { $0 === subscription }
    noteFacts()
  }

  private func finish(_ subscription: NotificationSubscription, _ notice: StreamNotice) {
    end(subscription)
    context.journal.events.emit(.stream(notice), to: subscription.subscriber)
  }

  private func fail(_ subscription: NotificationSubscription, _ reason: String) {
    context.journal.developer(
      .developerProvider, .error, "replay of stream \(settings.name) for \(subscription.subscriber.name) failed: \(reason)")
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
      let replay = ProviderReplay(
        number: context.nextReplay(), instance: served.instance.id, worker: served.registration.index)
      subscription.stage = .provider(replay)
      askProvider(served, subscription, replay.number)
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
      batch = try store.read(from: position, records: min(room, 1000))
    } catch {
      return fail(subscription, "\(error)")
    }
    if let damage = batch.damage {
      context.journal.record(
        .daemon, .replayStoreFailure, "stream \(settings.name): \(damage); what follows in that file is left out")
    }
    for stored in batch.records where subscription.covers(stored.time) {
      do throws(DecodeError) {
        tell(Event(try NotificationRecord(stored), context), to: subscription)
      } catch {
        context.journal.record(.daemon, .replayStoreFailure, "stream \(settings.name): a record is left out: \(error)")
      }
    }
    subscription.stage = .reading(batch.next)
    // Others have their turn in between.
    guard batch.isAtEnd else { return queue.async { self.read(subscription) } }
    subscription.subscriber.whenTaken(nil)
    goLive(subscription)
  }

  /// - Parameter held: what happened during the replay and was not in it.
  private func goLive(_ subscription: NotificationSubscription, _ held: [NotificationRecord] = []) {
    context.journal.events.emit(.stream(.replayComplete), to: subscription.subscriber)
    subscription.stage = .live
    for record in held { tell(Event(record, context), to: subscription) }
    noteFacts()
    if let stop = subscription.stop, stop <= context.now() { finish(subscription, .notificationComplete) }
  }

  // MARK: The past, from the data provider

  private func askProvider(_ served: ProviderRegistry.Served, _ subscription: NotificationSubscription, _ number: Int32) {
    let name = settings.name
    let index = served.registration.index
    let start = DateTime(microsecondsSince1970: subscription.start ?? 0)
    let stop = subscription.stop.map { DateTime(microsecondsSince1970: $0) }
    let timesWanted = StreamCallbacks(rawValue: served.registration.mask).contains(.logTimes)
    Task { [weak self] in
      do throws(NSOError) {
        if timesWanted {
          let about: @Sendable () -> String = { "log times of stream \(name)" }
          guard
            case .logTimes(let created, let aged) = try await served.instance.ask(
              .streamLogTimes(stream: name, index: index), about: about)
          else {
            throw NSOError(.external, "\(served.instance.summary) answered \(about()) with something that is no answer to it")
          }
          self?.noteTimes(created, aged)
        }
        _ = try await served.instance.ask(
          .streamReplay(StreamReplay(stream: name, index: index, subscription: number, start: start, stop: stop))
        ) { "replay of stream \(name)" }
      } catch {
        self?.endReplay(number, failure: error.message)
      }
    }
  }

  private func noteTimes(_ created: DateTime, _ aged: DateTime?) {
    known.withLock { facts in
      facts.created = created.microsecondsSince1970
      facts.aged = aged?.microsecondsSince1970
    }
  }

  private func subscription(replaying number: Int32) -> (NotificationSubscription, ProviderReplay)? {
    for subscription in subscriptions {
      if case .provider(let replay) = subscription.stage, replay.number == number { return (subscription, replay) }
    }
    return nil
  }

  private func replayed(_ record: NotificationRecord, _ number: Int32) {
    guard case (let subscription, var replay)? = subscription(replaying: number) else { return }
    replay.replay(record)
    subscription.stage = .provider(replay)
    tell(Event(record, context), to: subscription)
  }

  /// The provider has sent everything, or cannot.
  func endReplay(_ number: Int32, failure: String?) {
    queue.async { [self] in
      guard case (let subscription, var replay)? = subscription(replaying: number) else { return }
      if let failure { return fail(subscription, failure) }
      let held = replay.takeHeld()
      subscription.replay = replay
      goLive(subscription, held)
    }
  }

  /// A data provider or one of its workers is gone, and with it the replays on it.
  func lost(_ instance: ProviderInstance, worker: Int32?) {
    let reason = "\(instance.summary) \(worker == nil ? "was lost" : "closed its stream worker") before the replay was complete"
    queue.async { [self] in
      for subscription in subscriptions {
        guard case .provider(let replay) = subscription.stage, replay.instance == instance.id,
          worker == nil || worker == replay.worker
        else { continue }
        fail(subscription, reason)
      }
    }
  }
}
