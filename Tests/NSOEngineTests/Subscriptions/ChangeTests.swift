import NSOModel
import NSOStore
import NSOTerms
import Synchronization
import TestSupport
import Testing

@testable import NSOEngine

/// What subscribers are told of random changes, against the difference of two dumps.
@Suite(.timeLimit(.minutes(10))) struct SubscriptionChangeTests {
  /// All that exists, with values, and the order of lists ordered by user.
  private struct Dump: Equatable {
    var nodes: [Keypath: Value] = [:]
    var orders: [Keypath: [[Value]]] = [:]

    mutating func apply(_ item: DataDifference) {
      var list = item.path
      var keys: [Value] = []
      if case .keys(let found)? = list.elements.last {
        list.elements.removeLast()
        keys = found
      }
      switch item.change {
      case .created:
        nodes[item.path] = .empty
        if !keys.isEmpty { orders[list, default: []].append(keys) }
      case .deleted:
        let depth = item.path.elements.count
        for path in nodes.keys where path.elements.prefix(depth) == item.path.elements[...] { nodes[path] = nil }
        orders = orders.filter { $0.key.elements.prefix(depth) != item.path.elements[...] }
        orders[list]?.removeAll { $0 == keys }
      case .modified, .attributeSet: break
      case .valueSet(_, .defaultInEffect): nodes[item.path] = nil
      case .valueSet(_, let value): nodes[item.path] = value
      case .movedAfter(let other):
        orders[list]?.removeAll { $0 == keys }
        let place = other.isEmpty ? 0 : (orders[list]?.firstIndex(of: other)).map { $0 + 1 } ?? 0
        orders[list]?.insert(keys, at: place)
      }
    }

    /// Lists that are not ordered by user have their own order.
    func normal() -> Dump {
      var dump = self
      dump.orders = orders.filter { $0.key.elements.last == .tag("rule") && !$0.value.isEmpty }
      return dump
    }
  }

  private func dump(_ view: TreeView) throws -> Dump {
    var dump = Dump()
    for item in try SubscriptionChanges(everythingIn: view).items(of: try SubscriptionPattern(MatchPath("/"), view.model)) {
      dump.apply(item)
    }
    return dump.normal()
  }

  /// One random edit; what cannot be done is left out.
  private func edit(_ editor: inout TreeEditor, _ test: TestEngine, _ random: inout SeededGenerator) throws {
    func path(_ text: String) throws -> Location { try test.locate(text) }
    let a = Int.random(in: 0..<4, using: &random)
    let b = Int.random(in: 1..<4, using: &random)
    do {
      switch Int.random(in: 0..<16, using: &random) {
      case 0: try editor.set(path("/t:top/name"), .string("n\(a)"))
      case 1: try editor.delete(path("/t:top/name"))
      case 2: try editor.set(path("/t:top/tags"), .list((0..<a).map { .string("t\($0 * b)") }))
      case 3: try editor.set(path("/t:top/order"), .list((0..<a).map { .int32(Int32(($0 * b) % 5)) }))
      case 4: try editor.create(path("/t:top/flag"))
      case 5: try editor.delete(path("/t:top/flag"))
      case 6: try editor.create(path("/t:top/server{s\(a) \(b)}"))
      case 7: try editor.delete(path("/t:top/server{s\(a) \(b)}"))
      case 8: try editor.set(path("/t:top/server{s\(a) \(b)}/desc"), .string("d\(b)"))
      case 9: try editor.create(path("/t:top/server{s\(a) \(b)}/alias{x\(b)}"))
      case 10: try editor.create(path("/t:top/rule{r\(a)}"), at: b == 1 ? .first : .last)
      case 11: try editor.move(path("/t:top/rule{r\(a)}"), to: b == 1 ? .first : .after([.string("r\(b)")]))
      case 12: try editor.delete(path("/t:top/rule{r\(a)}"))
      case 13: try editor.create(path("/t:top/opt"))
      case 14: try editor.delete(path("/t:top/opt"))
      default: try editor.set(path("/t:top/udp-port"), .uint16(UInt16(a)))
      }
    } catch is NSOError {}
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64]) func `diff iteration is the difference of two dumps`(seed: UInt64)
    async throws
  {
    let test = try TestEngine()
    defer { test.close() }
    var random = SeededGenerator(seed: seed)
    let subscriber = FakeSubscriber(test.engine, "all")
    let points = try subscriber.subscribe(
      "/", "/top/server", "/top/server{*}/desc", "/top/server{s1 *}", "/top/rule", kind: .twoPhase)
    let journal = Journal()
    let before = Mutex(Dump())
    let task = Task {
      while let notice = await subscriber.next() {
        for point in notice.points {
          guard let pattern = notice.patterns[point] else { continue }
          let items = try notice.changes.items(of: pattern, .ancestorDelete)
          if items.isEmpty { journal.add("nothing for \(pattern.text)") }
        }
        if notice.kind == .prepare, let all = notice.patterns[points[0]] {
          let window = try test.engine.preCommitView()
          let old = try dump(window)
          if old != before.withLock({ $0 }) { journal.add("another state before") }
          var forward = old
          for item in try notice.changes.items(of: all) { forward.apply(item) }
          var backward = try dump(try test.engine.unlockedView())
          if forward.normal() != backward { journal.add("forward: \(forward.normal()) is not \(backward)") }
          for item in try notice.changes.items(of: all, .reverse) { backward.apply(item) }
          if backward.normal() != old { journal.add("backward: \(backward.normal()) is not \(old)") }
        }
        try subscriber.answer(.donePriority)
      }
    }
    for _ in 0..<40 {
      before.withLock { [dump = try? dump(test.engine.currentView())] in $0 = dump ?? Dump() }
      let transaction = try test.start()
      var editor = transaction.state.withLock { $0.editor }
      for _ in 0..<Int.random(in: 1..<12, using: &random) { try edit(&editor, test, &random) }
      transaction.state.withLock { [editor] in $0.editor = editor }
      do { try await test.engine.apply(transaction, keepOpen: false) } catch { journal.add("\(error)") }
      test.engine.finish(transaction)
    }
    #expect(journal.all == [])
    subscriber.leave()
    try await task.value
  }

  @Test func `operational writes: only what one write changed`() async throws {
    let test = try TestEngine()
    defer { test.close() }
    let subscriber = FakeSubscriber(test.engine, "oper")
    try subscriber.subscribe("/state/peer", kind: .operational)
    func write(
      _ text: String, _ events: Engine.EventfulWrite?,
      _ edit: @escaping @Sendable (inout TreeEditor, Location) throws(NSOError) -> Void
    ) async throws {
      let place = try test.locate(text)
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let run: @Sendable (inout TreeEditor) throws(NSOError) -> Void = { (editor) throws(NSOError) in try edit(&editor, place)
        }
        if let events {
          test.engine.writeOperational(run, events) { continuation.resume(with: $0.mapError { $0 as any Error }) }
        } else {
          test.engine.writeOperational(run) { continuation.resume(with: $0.mapError { $0 as any Error }) }
        }
      }
    }
    let loud = Engine.EventfulWrite(caller: .init("writer"), waits: false)
    try await write("/t:state/peer{a}", nil) { (editor, place) throws(NSOError) in try editor.create(place) }
    try await write("/t:state/peer{a}/rtt", loud) { (editor, place) throws(NSOError) in try editor.set(place, .uint32(5)) }
    let notice = try #require(await subscriber.next())
    let pattern = try #require(notice.patterns.values.first)
    #expect(try notice.changes.items(of: pattern).map(\.change) == [.modified, .valueSet(old: nil, new: .uint32(5))])
    await #expect(throws: NSOError.self) {
      try await write("/t:state/uptime", loud) { (editor, place) throws(NSOError) in try editor.set(place, .uint32(1)) }
    }
    // Those that want no events are not held up, and neither are commits.
    for number in 0..<200 as Range<UInt32> {
      try await write("/t:state/uptime", nil) { (editor, place) throws(NSOError) in try editor.set(place, .uint32(number)) }
    }
    try await test.change { try $0.set(test.locate("/t:top/name"), .string("x")) }
    try subscriber.answer(.doneOperational)
    try await write("/t:state/uptime", Engine.EventfulWrite(caller: .init("writer"), waits: true)) {
      (editor, place) throws(NSOError) in
      try editor.set(place, .uint32(1))
    }
    #expect(test.engine.subscriptionLockHolders.isEmpty)
  }
}
