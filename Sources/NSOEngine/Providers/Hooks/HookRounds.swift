import NSOModel
import NSOSchema
import NSOStore
import NSOWire
import Synchronization

/// Asks hooks and transforms about what was written, and about what they write themselves: in rounds through all of them, in the
/// order of the schema. A hook is asked once; a transform whenever there is something for it, in as many rounds as there are points.
struct HookRounds: Sendable {
  /// By the number of a point what it has to be told.
  typealias Plan = [Int: [ProviderWrite]]

  private let transaction: Transaction
  private let registry: ProviderRegistry
  private let watched: WatchedPoints
  /// Makes the requests: the transaction is the one that was written to, also where its data is seen through another one.
  private let tree: ProviderTree

  init(_ transaction: Transaction, _ registry: ProviderRegistry, _ watched: WatchedPoints) {
    self.transaction = transaction
    self.registry = registry
    self.watched = watched
    tree = ProviderTree(transaction.model, registry, of: transaction)
  }

  /// What there is to tell. May take time.
  static func plan(_ watched: WatchedPoints, _ editor: TreeEditor) async throws(NSOError) -> Plan {
    let (ours, theirs, model) = (editor.configuration, editor.provider, editor.model)
    return try await ProviderWait.retrying { () throws(NSOError) in
      var plan = try watched.writes(of: ours, isTheirs: false, model)
      if let theirs, !theirs.isEmpty {
        for (number, writes) in try watched.writes(of: theirs, isTheirs: true, model) { plan[number, default: []] += writes }
      }
      return plan
    }
  }

  /// - Parameter first: what there is to tell at the beginning.
  func run(_ first: Plan) async throws(NSOError) {
    var plan = first
    var seen = try writeCount
    var asked: Set<Int> = []
    for _ in 0...watched.points.count {
      var isQuiet = true
      for number in watched.points.indices {
        let point = watched.points[number]
        if !point.isTransform, asked.contains(number) { continue }
        let count = try writeCount
        if count != seen {
          plan = try await Self.plan(watched, try editor)
          seen = count
        }
        guard let writes = plan.removeValue(forKey: number), !writes.isEmpty else { continue }
        isQuiet = false
        asked.insert(number)
        if point.isTransform {
          try await transform(point, writes, seen)
        } else {
          try await call(point, writes)
        }
      }
      if isQuiet { return }
    }
    for number in try await Self.plan(watched, try editor).keys.sorted() where watched.points[number].isTransform {
      let point = watched.points[number]
      throw NSOError(
        .external,
        "callpoint \(point.name) of \(transaction.model.schema.path(of: point.node)): hooks and transforms go on writing what it is a transform for, after all of them were asked; such circles are not followed"
      )
    }
  }

  private var editor: TreeEditor {
    get throws(NSOError) {
      try transaction.state.withLock { state throws(NSOError) in
        try transaction.requireGoingOn(state)
        return state.editor
      }
    }
  }

  /// How much was written so far.
  private var writeCount: UInt64 {
    get throws(NSOError) {
      try transaction.state.withLock { state throws(NSOError) in
        try transaction.requireGoingOn(state)
        return state.editor.written.count
      }
    }
  }

  private func name(_ point: CallPoint, _ kind: String, _ instance: ProviderInstance) {
    let who = "\(kind) \(point.name) of \(instance.summary)"
    transaction.state.withLock { $0.hooks?.who = who }
  }

  // MARK: Hooks

  private func call(_ point: CallPoint, _ writes: [ProviderWrite]) async throws(NSOError) {
    let path = transaction.model.schema.path(of: point.node)
    let kind = point.setHook == nil ? "transaction hook" : "set hook"
    if isCalledOnce(point) {
      let served = try registry.require(.data, point.name, for: "the \(kind) of \(path)")
      guard served.registration.dataCallbacks.contains(.writeAll) else {
        throw NSOError(
          .external,
          "\(served.instance.summary) registered no write_all for callpoint \(point.name), a \(kind) that is called once a transaction (tailf:invocation-mode): \(path) cannot be written"
        )
      }
      name(point, kind, served.instance)
      _ = try await part(of: served.instance).call(served, point.point, .writeAll) { path }
      return
    }
    for write in writes {
      _ = try writeCount
      guard let (place, call) = try tree.request(write, at: point) else { continue }
      name(point, kind, place.served.instance)
      try await ask(place, call)
    }
  }

  /// Where the model does not say how a transaction hook is called, its client does, by what it has registered.
  private func isCalledOnce(_ point: CallPoint) -> Bool {
    guard point.setHook == nil else { return false }
    switch point.invocation {
    case .perTransaction: return true
    case .perObject: return false
    case nil:
      guard let served = registry.served(.data, point.name) else { return false }
      let callbacks = served.registration.dataCallbacks
      return callbacks.contains(.writeAll) && callbacks.isDisjoint(with: .hookWrites)
    }
  }

  private func ask(_ place: ProviderPlace, _ call: CallbackCall) async throws(NSOError) {
    let path = place.keypath
    let part = try part(of: place.served.instance)
    guard case .ok = try await part.call(place.served, place.point.point, call, at: { "\(path)" }) else {
      throw tree.wrongAnswer(place)
    }
  }

  private func part(of instance: ProviderInstance) throws(NSOError) -> ProviderTransaction {
    try registry.parts(in: transaction).part(of: instance)
  }

  // MARK: Transforms

  /// What was written is carried out by the provider, by writing something else: it is no change of the transaction.
  /// - Parameter count: how much was written when `writes` was found; when there is more now, it is done in the next round.
  private func transform(_ point: CallPoint, _ writes: [ProviderWrite], _ count: UInt64) async throws(NSOError) {
    let model = transaction.model
    var tops: [TreePath] = []
    for write in writes {
      let top = model.layout.lineage(of: write.path).first { $0.node == point.node }?.withoutEntryKey ?? write.path
      if tops.last != top { tops.append(top) }
    }
    let isDue = try transaction.state.withLock { [tops] state throws(NSOError) in
      try transaction.requireGoingOn(state)
      guard state.editor.written.count == count, var changes = state.editor.provider else { return false }
      state.editor.provider = nil
      for top in tops { changes.revert(top) }
      state.editor.provider = changes
      transaction.noteWrite(&state)
      return true
    }
    guard isDue else { return }
    let all = try await ProviderWait.retrying { [tree] () throws(NSOError) in try tree.withDefaults(writes) }
    for write in all {
      _ = try writeCount
      guard let (place, call) = try tree.request(write) else { continue }
      name(point, "transform", place.served.instance)
      try await ask(place, call)
    }
    // What it is made of may have changed without us.
    transaction.state.withLock { transaction.noteWrite(&$0) }
  }
}

extension DataCallbacks {
  /// What a hook is told of single writes.
  static var hookWrites: Self { [.setElem, .create, .remove, .setCase, .setAttribute, .moveAfter] }
}
