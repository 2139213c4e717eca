import NSOModel
import NSOTerms
import Synchronization

@testable import NSOEngine

/// A subscriber without a socket: events come out of `next`, in order.
final class FakeSubscriber: SubscriberPort {
  private let stream: AsyncStream<SubscriptionNotice>
  private let continuation: AsyncStream<SubscriptionNotice>.Continuation
  private let reasons = Mutex<[String]>([])
  private let identity = Mutex<SubscriberID>(0)
  let registry: SubscriptionRegistry
  private let model: DataModel

  init(_ engine: Engine, _ name: String, process: ClientProcess? = nil) {
    (stream, continuation) = AsyncStream.makeStream(of: SubscriptionNotice.self)
    registry = engine.subscriptions
    model = engine.model
    let id = registry.register(name, process: process, self)
    identity.withLock { $0 = id }
  }

  var id: SubscriberID { identity.withLock { $0 } }
  var expelled: [String] { reasons.withLock { $0 } }

  func deliver(_ notice: SubscriptionNotice) { continuation.yield(notice) }

  func expel(_ reason: String) {
    reasons.withLock { $0.append(reason) }
    continuation.finish()
  }

  /// The next event; nil when it was expelled.
  func next() async -> SubscriptionNotice? {
    var iterator = stream.makeAsyncIterator()
    return await iterator.next(isolation: nil)
  }

  func answer(_ answer: SubscriptionAnswer) throws { try registry.answer(id, answer) }

  func leave() {
    registry.remove(id)
    continuation.finish()
  }

  /// Subscribes to paths and says that this was all.
  @discardableResult
  func subscribe(
    _ paths: String..., kind: SubscriptionRegistry.PointKind = .running, priority: Int32 = 0, abortOnAbort: Bool = false
  ) throws -> [Int32] {
    let numbers = try paths.map { path in
      try registry.subscribe(
        id,
        SubscriptionRegistry.Request(
          MatchPath(path), kind: kind, priority: priority, wantsAbortOnAbort: abortOnAbort), model)
    }
    registry.activate(id)
    return numbers
  }
}

/// What happened, in order.
final class Journal: Sendable {
  private let lines = Mutex<[String]>([])
  func add(_ line: String) { lines.withLock { $0.append(line) } }
  var all: [String] { lines.withLock { $0 } }
}
