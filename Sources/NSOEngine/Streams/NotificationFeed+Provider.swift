import Dispatch
import NSOModel
import NSOWire

/// The past, from the data provider. All of it on the queue, but for what waits for the provider.
extension NotificationFeed {
  func beginReplay(_ subscription: NotificationSubscription, by served: ProviderRegistry.Served) {
    let replay = ProviderReplay(
      number: context.nextReplay(), instance: served.instance.id, worker: served.registration.index,
      provider: served.instance.summary, before: recent)
    subscription.stage = .provider(replay)
    asked.append(ReplayKey(number: replay.number, instance: replay.instance))
    if asked.count > 256 { asked.removeFirst() }
    watch(subscription)
    askProvider(served, subscription, replay.number)
  }

  private func askProvider(_ served: ProviderRegistry.Served, _ subscription: NotificationSubscription, _ number: Int32) {
    let name = settings.name
    let index = served.registration.index
    let start = DateTime(microsecondsSince1970: subscription.start ?? 0)
    let stop = subscription.stop.map { DateTime(microsecondsSince1970: $0) }
    let timesWanted = StreamCallbacks(rawValue: served.registration.mask).contains(.logTimes)
    Task { [weak self] in
      do throws(NSOError) {
        // What it answers on its control socket is worth nothing without the worker that it sends on.
        try await served.instance.waitFor(worker: index)
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
        await self?.noteAnswer(number, of: served.instance)
      } catch {
        await self?.failReplay(ReplayKey(number: number, instance: served.instance.id), error.message)
      }
    }
  }

  /// The provider will send; if its worker was closed meanwhile, nobody else may have noticed.
  private func noteAnswer(_ number: Int32, of instance: ProviderInstance) async {
    await onQueue { [self] in
      guard let (subscription, replay) = replay(ReplayKey(number: number, instance: instance.id)) else { return }
      replay.lastHeard = .now
      if !instance.isUnread(worker: replay.worker) { fail(subscription, lostText(instance, worker: replay.worker)) }
    }
  }

  private func failReplay(_ key: ReplayKey, _ reason: String) async {
    await onQueue { [self] in if let (subscription, _) = replay(key) { fail(subscription, reason) } }
  }

  private func lostText(_ instance: ProviderInstance, worker: Int32?) -> String {
    "\(instance.summary) \(worker == nil ? "was lost" : "closed its stream worker") before the replay was complete"
  }

  private func replay(_ key: ReplayKey) -> (NotificationSubscription, ProviderReplay)? {
    for subscription in subscriptions {
      if case .provider(let replay) = subscription.stage, replay.number == key.number, replay.instance == key.instance {
        return (subscription, replay)
      }
    }
    return nil
  }

  // MARK: One that goes on no more

  private func watch(_ subscription: NotificationSubscription) {
    let limit = context.providers.limits.query
    subscription.watch = Task { [weak self, weak subscription] in
      while let self, let subscription, let left = await self.left(subscription, of: limit) {
        do { try await Task.sleep(for: left) } catch { return }
      }
    }
  }

  /// How long a replay may still say nothing; nil: it is over, or it has said nothing for too long and is now.
  private func left(_ subscription: NotificationSubscription, of limit: Duration) async -> Duration? {
    await onQueue { [self] in
      guard case .provider(let replay) = subscription.stage else { return nil }
      let left = replay.lastHeard + limit - .now
      if left > .zero { return left }
      fail(subscription, "\(replay.provider) sent nothing of it for \(limit.seconds) s, nor that it is complete")
      return nil
    }
  }

  // MARK: What comes

  /// Takes a notification of the past. Returns when it is on its way to its subscriber.
  func takeReplayed(_ record: NotificationRecord, _ number: Int32, from instance: ProviderInstance) async {
    await onQueue { [self] in
      let key = ReplayKey(number: number, instance: instance.id)
      guard let (subscription, replay) = replay(key) else { return noteStray(key, instance) }
      replay.replay(record)
      tell(Event(record, context), to: subscription)
    }
  }

  /// The provider has sent everything, or cannot.
  func endReplay(_ number: Int32, from instance: ProviderInstance, failure: String?) {
    queue.async { [self] in
      let key = ReplayKey(number: number, instance: instance.id)
      guard let (subscription, replay) = replay(key) else { return noteStray(key, instance) }
      if let failure { return fail(subscription, failure) }
      let held = replay.takeHeld()
      subscription.watch?.cancel()
      subscription.watch = nil
      subscription.replay = replay.isForgotten ? nil : replay
      goLive(subscription, held)
    }
  }

  /// A subscriber may go before its replay is complete; anything else is an error of who sends.
  private func noteStray(_ key: ReplayKey, _ instance: ProviderInstance) {
    guard !asked.contains(key) else { return }
    noteRefusal()
    guard stray != key else { return }
    stray = key
    context.journal.developer(
      .developerProvider, .error,
      "\(instance.summary) sends replay \(key.number) of stream \(settings.name), which it was not asked for")
  }

  // MARK: Providers that go

  /// A data provider is gone, and with it the replays that cannot come to their end any more.
  func lost(_ instance: ProviderInstance) {
    queue.async { [self] in
      // What it had sent before may still be there to be read.
      endReplays(by: instance, lostText(instance, worker: nil)) { !instance.isUnread(worker: $0) }
    }
  }

  /// One of its workers is gone; all that came on it has been dealt with.
  func lost(_ instance: ProviderInstance, worker: Int32) {
    queue.async { [self] in
      endReplays(by: instance, lostText(instance, worker: instance.isGone ? nil : worker)) { $0 == worker }
    }
  }

  private func endReplays(by instance: ProviderInstance, _ reason: String, _ isLost: (Int32) -> Bool) {
    for subscription in subscriptions {
      guard case .provider(let replay) = subscription.stage, replay.instance == instance.id, isLost(replay.worker) else {
        continue
      }
      fail(subscription, reason)
    }
  }
}
