import NSOModel
import NSOWire

/// A replay that a data provider sends, and what happened meanwhile: what it logs while it sends comes live as well, in either
/// order, and the subscriber is told of it once. Touched only on the queue of its feed.
final class ProviderReplay {
  /// The number that the provider gives with each notification.
  let number: Int32
  let instance: Int32
  let worker: Int32
  /// The provider, for texts.
  let provider: String
  /// When the provider last showed that the replay goes on.
  var lastHeard = ContinuousClock.now
  /// Came live and not yet in the replay.
  private var held: [(digest: NotificationDigest, record: NotificationRecord)] = []
  private var heldBytes = 0
  /// Was live before the subscription began: how often. It may be in the replay, and does not come live again.
  private var before: [NotificationDigest: Int] = [:]
  /// Came in the replay and not yet live: how often. Only the last ones.
  private var replayed: [NotificationDigest: Int] = [:]
  private var order: [NotificationDigest] = []
  /// How many came live after the end of the replay.
  private var after = 0

  private static let remembered = 1024
  private static let rememberedAfter = 256
  private static let heldLimit = 4096
  private static let heldByteLimit = 8 << 20

  static var limitText: String { "\(heldLimit) notifications, or \(heldByteLimit >> 20) MiB of them," }

  init(number: Int32, instance: Int32, worker: Int32, provider: String, before: [NotificationDigest] = []) {
    self.number = number
    self.instance = instance
    self.worker = worker
    self.provider = provider
    for digest in before { self.before[digest, default: 0] += 1 }
  }

  /// Came in the replay: to be told.
  func replay(_ record: NotificationRecord) {
    lastHeard = .now
    let digest = NotificationDigest(record)
    if let count = before[digest] {
      before[digest] = count > 1 ? count - 1 : nil
      return
    }
    if let index = held.firstIndex(where: { $0.digest == digest }) {
      heldBytes -= held.remove(at: index).record.approximateSize
      return
    }
    replayed[digest, default: 0] += 1
    order.append(digest)
    if order.count > Self.remembered { forget(order.removeFirst()) }
  }

  /// Came live, while or after the replay.
  /// - Returns: whether it was in the replay, and so has been told.
  func wasReplayed(_ digest: NotificationDigest) -> Bool {
    guard replayed[digest] != nil else { return false }
    forget(digest)
    if let index = order.firstIndex(of: digest) { order.remove(at: index) }
    return true
  }

  /// As ``wasReplayed(_:)``, after the end of the replay.
  func wasReplayedBeforeTheEnd(_ digest: NotificationDigest) -> Bool {
    after += 1
    return wasReplayed(digest)
  }

  /// Nothing that was in the replay can come live any more.
  var isForgotten: Bool { replayed.isEmpty || after >= Self.rememberedAfter }

  /// Keeps what came live for the end of the replay.
  /// - Returns: false when it is too much.
  func hold(_ record: NotificationRecord, _ digest: NotificationDigest) -> Bool {
    let size = record.approximateSize
    guard held.count < Self.heldLimit, heldBytes + size <= Self.heldByteLimit else { return false }
    held.append((digest, record))
    heldBytes += size
    return true
  }

  private func forget(_ digest: NotificationDigest) {
    guard let count = replayed[digest] else { return }
    replayed[digest] = count > 1 ? count - 1 : nil
  }

  /// Takes what is to be told after the end of the replay.
  func takeHeld() -> [NotificationRecord] {
    defer {
      held = []
      heldBytes = 0
      before = [:]
    }
    return held.map(\.record)
  }
}

/// What tells notifications apart: when, where and what. The same instant is the same in every time zone.
struct NotificationDigest: Hashable, Sendable {
  private let instant: Int64
  private let first: Int
  private let second: Int

  init(_ record: NotificationRecord) {
    func hash(_ salt: UInt8) -> Int {
      var hasher = Hasher()
      hasher.combine(salt)
      hasher.combine(record.path)
      hasher.combine(record.values)
      return hasher.finalize()
    }
    instant = record.instant
    first = hash(0)
    second = hash(1)
  }
}

extension NotificationRecord {
  /// About how many bytes it holds; for bounds.
  var approximateSize: Int {
    DaemonEvent.stream(.notification(time: time, values)).approximateSize + 64 * path.elements.count
  }
}
