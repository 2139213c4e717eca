import Logging
import NSOModel
import Synchronization

/// One change of the configuration on its way to its subscribers: in the order of priorities, all of one priority at the same
/// time, the next when they are done (protocol part 03, section 7.4).
final class SubscriptionDelivery: Sendable {
  struct Member: Sendable {
    var subscriber: SubscriberID
    var points: [Int32]
    /// Those that are told of an abort that they made themselves.
    var abortOnAbort: [Int32]
  }

  /// One priority.
  struct Group: Sendable {
    var priority: Int32
    var members: [Member]
  }

  private struct State {
    /// Want to hear no more of this transaction.
    var silenced: Set<SubscriberID> = []
    var isOver = false
    /// Who was told to prepare, in order.
    var prepared: [Member] = []
  }

  let changes: SubscriptionChanges
  private let registry: SubscriptionRegistry
  private let origin: SubscriptionNotice.Origin?
  private let flags: SubscriptionNotice.Flags
  private let prepareGroups: [Group]
  private let commitGroups: [Group]
  private let patterns: [Int32: SubscriptionPattern]
  private let state = Mutex(State())

  init(
    _ registry: SubscriptionRegistry, _ points: [SubscriptionRegistry.Point], _ changes: SubscriptionChanges,
    origin: SubscriptionNotice.Origin?, flags: SubscriptionNotice.Flags
  ) {
    self.registry = registry
    self.changes = changes
    self.origin = origin
    self.flags = flags
    patterns = points.patterns
    prepareGroups = Self.groups(points.filter { $0.request.kind == .twoPhase })
    commitGroups = Self.groups(points.filter { $0.request.kind != .operational })
  }

  private static func groups(_ points: [SubscriptionRegistry.Point]) -> [Group] {
    Dictionary(grouping: points, by: \.request.priority).sorted { $0.key < $1.key }.map { priority, points in
      let members = Dictionary(grouping: points, by: \.subscriber).sorted { $0.key < $1.key }.map { subscriber, points in
        Member(
          subscriber: subscriber, points: points.map(\.number).sorted(),
          abortOnAbort: points.filter(\.request.wantsAbortOnAbort).map(\.number).sorted())
      }
      return Group(priority: priority, members: members)
    }
  }

  var isEmpty: Bool { commitGroups.isEmpty }
  var hasPrepare: Bool { !prepareGroups.isEmpty }

  private func notice(_ kind: SubscriptionNotice.Kind, _ points: [Int32], isLast: Bool) -> SubscriptionNotice {
    var own: [Int32: SubscriptionPattern] = [:]
    own.reserveCapacity(points.count)
    for point in points { own[point] = patterns[point] }
    return SubscriptionNotice(
      kind: kind, flags: isLast ? flags.union(.isLast) : flags, points: points, patterns: own, changes: changes, origin: origin)
  }

  /// Tells two-phase subscribers.
  /// - Throws: what a subscriber refuses with, after those before it were told of the abort; ABORTED when the transaction was finished
  ///   meanwhile; EXTERNAL when a mandatory subscriber went away.
  func prepare(_ transaction: Transaction?) async throws(NSOError) {
    for (index, group) in prepareGroups.enumerated() {
      let later = Set(prepareGroups[(index + 1)...].flatMap { $0.members.map(\.subscriber) })
      state.withLock { $0.prepared += group.members }
      let outcomes = await registry.deliver(
        group.members.map { ($0.subscriber, notice(.prepare, $0.points, isLast: !later.contains($0.subscriber))) },
        while: transaction)
      var refusal: NSOError?
      var refusers: Set<SubscriberID> = []
      for (subscriber, outcome) in outcomes.sorted(by: { $0.key < $1.key }) {
        guard case .answered(.abort(let error)) = outcome else { continue }
        if flags.contains(.revert) {
          registry.log.warning("CDB: a subscriber refuses a revert, which cannot be refused; it goes on: \(error)")
          continue
        }
        refusers.insert(subscriber)
        refusal = refusal ?? error
      }
      if refusal == nil, let transaction, transaction.phase == .finished {
        refusal = NSOError(.aborted, "\(transaction.summary) was finished while its subscribers prepared")
      }
      if refusal == nil { refusal = registry.mandatoryFailure }
      guard let refusal else { continue }
      await abort(except: refusers)
      throw refusal
    }
  }

  /// Tells all subscribers that the changes are there.
  func commit() async {
    for (index, group) in commitGroups.enumerated() {
      let (silenced, isOver) = state.withLock { ($0.silenced, $0.isOver) }
      if isOver { return }
      let members = group.members.filter { !silenced.contains($0.subscriber) }
      guard !members.isEmpty else { continue }
      let later = Set(commitGroups[(index + 1)...].flatMap { $0.members.map(\.subscriber) })
      let outcomes = await registry.deliver(
        members.map { ($0.subscriber, notice(.commit, $0.points, isLast: !later.contains($0.subscriber))) })
      state.withLock { state in
        for (subscriber, outcome) in outcomes {
          switch outcome {
          case .answered(.doneSubscriber): state.silenced.insert(subscriber)
          case .answered(.doneTransaction): state.isOver = true
          default: break
          }
        }
      }
    }
  }

  /// Tells those that prepared that nothing comes of it, the last one first, one after the other.
  /// - Parameter refusers: who made it so; they are told only where they asked for that.
  func abort(except refusers: Set<SubscriberID> = []) async {
    let prepared = state.withLock { state in
      defer { state.prepared = [] }
      return state.prepared
    }
    var told = prepared.map { member -> Member in
      guard refusers.contains(member.subscriber) else { return member }
      var left = member
      left.points = member.abortOnAbort
      return left
    }
    told = told.filter { !$0.points.isEmpty }.reversed()
    for (index, member) in told.enumerated() {
      let isLast = !told[(index + 1)...].contains { $0.subscriber == member.subscriber }
      _ = await registry.deliver([(member.subscriber, notice(.abort, member.points, isLast: isLast))])
    }
  }
}

extension SubscriptionRegistry {
  /// The error for commits while a mandatory subscriber is missing.
  var mandatoryFailure: NSOError? {
    let missing = missingMandatory
    guard !missing.isEmpty else { return nil }
    return NSOError(
      .external,
      "the mandatory CDB subscriber\(missing.count == 1 ? "" : "s") \(missing.joined(separator: ", ")) \(missing.count == 1 ? "is" : "are") not connected: nothing can be committed before \(missing.count == 1 ? "it has" : "they have") subscribed again, or the daemon was restarted"
    )
  }
}

extension Sequence<SubscriptionRegistry.Point> {
  /// What the points cover, by number.
  var patterns: [Int32: SubscriptionPattern] {
    Dictionary(map { ($0.number, $0.pattern) }, uniquingKeysWith: { first, _ in first })
  }
}
