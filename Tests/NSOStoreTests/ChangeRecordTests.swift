import TestSupport
import Testing

@testable import NSOStore

@Suite struct ChangeRecordTests {
  /// All records of a tree.
  private func records(_ tree: any DataTree) throws -> [[UInt8]: [UInt8]] {
    var records: [[UInt8]: [UInt8]] = [:]
    let cursor = try tree.makeCursor(in: .all)
    var more = try cursor.first()
    while more {
      records[Array(cursor.key)] = Array(cursor.value)
      more = try cursor.next()
    }
    return records
  }

  /// Some random edits.
  private func edit(_ overlay: inout Overlay, _ tree: TestTree, _ random: inout SeededGenerator, _ count: Int) throws {
    for _ in 0..<count {
      let name = Key(["a", "b", "c", "d", "e"].randomElement(using: &random) ?? "a")
      let number = Key(Int.random(in: 0..<6, using: &random))
      switch Int.random(in: 0..<12, using: &random) {
      case 0, 1: try overlay.createEntry(try tree.path("top", "server", name), bytes("entry"))
      case 2: overlay.set(try tree.path("top", "server", name, "port"), bytes("\(Int.random(in: 0..<99, using: &random))"))
      case 3: try overlay.delete(try tree.path("top", "server", name))
      case 4: try overlay.createEntry(try tree.path("top", "rule", number), [], at: .first)
      case 5: try overlay.createEntry(try tree.path("top", "rule", number), [])
      case 6: try overlay.delete(try tree.path("top", "rule", number))
      case 7: _ = try overlay.moveEntry(try tree.path("top", "rule", number), to: .first)
      case 8: overlay.set(try tree.path("alone"), bytes("\(Int.random(in: 0..<3, using: &random))"))
      case 9: try overlay.delete(try tree.path("alone"))
      case 10: try overlay.createEntry(try tree.path("top", "server", name, "tag", name), [])
      default: if Int.random(in: 0..<8, using: &random) == 0 { try overlay.delete(try tree.path("top")) }
      }
    }
  }

  @Test(arguments: 1...20) func reversalTakesEverythingBack(seed: UInt64) throws {
    let tree = try TestTree()
    var random = SeededGenerator(seed: seed)
    var start = Overlay(try tree.running)
    try edit(&start, tree, &random, 30)
    try tree.commit(start)
    for _ in 0..<10 {
      let before = try tree.running
      var changed = Overlay(before)
      try edit(&changed, tree, &random, 12)
      let wanted = try records(changed)
      let reversal = try changed.reversal()
      let record = changed.record()
      // Over the overlay itself, as a transaction would see it.
      var back = Overlay(changed)
      try back.apply(reversal)
      #expect(try records(back) == records(before))
      #expect(try changed.hasDifference == (wanted != records(before)))
      var again = Overlay(before)
      try again.apply(record)
      #expect(try records(again) == wanted)
      // And over what was committed, as history does.
      try tree.commit(changed)
      var past = Overlay(try tree.running)
      try past.apply(reversal)
      #expect(try records(past) == records(before))
    }
  }

  @Test func whatWasMadeWhereNothingWasIsOneRange() throws {
    let tree = try TestTree()
    var large = Overlay(try tree.running)
    for number in 0..<5000 {
      let entry = try tree.path("top", "server", Key("s\(number)"))
      try large.createEntry(entry, bytes("entry"))
      large.set(try tree.path("top", "server", Key("s\(number)"), "port"), bytes("80"))
    }
    let all = try large.reversal()
    #expect(all.count == 1)
    try tree.commit(large)
    var more = Overlay(try tree.running)
    for number in 0..<10 {
      try more.createEntry(try tree.path("top", "server", Key("t\(number)")), bytes("entry"))
      more.set(try tree.path("top", "server", Key("t\(number)"), "port"), bytes("80"))
    }
    #expect(try more.reversal().count == 10)
    // What goes comes back in pieces of bounded size.
    var empty = Overlay(try tree.running)
    try empty.delete(.root)
    let everything = try empty.reversal()
    #expect(everything.count == 10_000)
    #expect(everything.pieces.count > 1)
    #expect(everything.pieces.allSatisfy { $0.count < 2 * ChangeRecord.pieceSize })
    #expect(everything.size < 40 * everything.count)
  }

  @Test func damagedRecordsAreRefused() throws {
    let tree = try TestTree()
    var random = SeededGenerator(seed: 7)
    var changed = Overlay(try tree.running)
    try edit(&changed, tree, &random, 40)
    let whole = try #require(changed.record().pieces.first)
    for _ in 0..<2000 {
      var piece = whole
      if Bool.random(using: &random) {
        piece.removeLast(Int.random(in: 1...piece.count, using: &random))
      } else {
        piece[Int.random(in: 0..<piece.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      var target = Overlay(EmptyTree())
      // Refused or read as something else, but never a crash.
      try? piece.withUnsafeBytes { try target.apply($0) }
    }
    var target = Overlay(EmptyTree())
    #expect(throws: StoreError.self) { try [UInt8](repeating: 255, count: 20).withUnsafeBytes { try target.apply($0) } }
  }

  @Test(arguments: 1...10) func keptChangesAreReadBack(seed: UInt64) throws {
    let tree = try TestTree()
    var random = SeededGenerator(seed: seed)
    var start = Overlay(try tree.running)
    try edit(&start, tree, &random, 30)
    try tree.commit(start)
    var candidate = Overlay(try tree.running)
    for _ in 0..<6 {
      var changes = Overlay(candidate)
      try edit(&changes, tree, &random, 10)
      var batch = WriteBatch()
      changes.addKept(to: &batch, .candidate)
      if !batch.isEmpty { try tree.store.commitAndWait(batch) }
      try candidate.absorb(changes)
      let snapshot = try tree.store.snapshot()
      let kept = try Overlay(keptIn: .candidate, of: snapshot, over: snapshot.tree(.running))
      #expect(try records(kept) == records(candidate))
    }
  }

  /// Ranges of different transactions may begin at the same key.
  @Test func keptRangesThatOverlap() throws {
    let tree = try TestTree()
    var candidate = Overlay(try tree.running)
    var batch = WriteBatch()
    for range in [
      KeyRange(lower: [9, 1], upper: [9, 3]), KeyRange(lower: [9, 1], upper: [9, 2]), KeyRange(lower: [9, 5], upper: nil),
    ] {
      var changes = Overlay(try tree.running)
      changes.hide(range)
      changes.addKept(to: &batch, .candidate)
      candidate.hide(range)
    }
    try tree.store.commitAndWait(batch)
    let snapshot = try tree.store.snapshot()
    let kept = try Overlay(keptIn: .candidate, of: snapshot, over: snapshot.tree(.running))
    for key: [UInt8] in [[9, 1], [9, 2], [9, 2, 200], [9, 3], [9, 5], [200]] {
      #expect(key.withUnsafeBytes { kept.deleted.contains($0) == candidate.deleted.contains($0) }, "\(key)")
    }
    #expect(([9, 2] as [UInt8]).withUnsafeBytes { kept.deleted.contains($0) })
  }

  @Test func whatOthersDeleteIsRescued() throws {
    let tree = try TestTree()
    var start = Overlay(try tree.running)
    for name in ["a", "b"] {
      try start.createEntry(try tree.path("top", "server", Key(name)), bytes("entry"))
      start.set(try tree.path("top", "server", Key(name), "port"), bytes("80"))
    }
    try tree.commit(start)
    var candidate = Overlay(try tree.running)
    candidate.set(try tree.path("top", "server", Key("a"), "port"), bytes("81"))
    var commit = Overlay(try tree.running)
    try commit.delete(try tree.path("top", "server", Key("b")))
    #expect(try candidate.rescue(from: commit) == nil)
    try commit.delete(try tree.path("top", "server", Key("a")))
    let rescued = try #require(try candidate.rescue(from: commit))
    try candidate.absorb(rescued)
    try tree.commit(commit)
    candidate.rebase(try tree.running)
    #expect(try candidate.bytes(try tree.path("top", "server", Key("a"))) == bytes("entry"))
    #expect(try candidate.bytes(try tree.path("top", "server", Key("a"), "port")) == bytes("81"))
    #expect(try !candidate.exists(try tree.path("top", "server", Key("b"))))
  }

  @Test func rangesMeet() throws {
    let a = KeyRanges([.prefix([1, 2]), .prefix([5])])
    let b = KeyRanges([.prefix([1, 3]), .prefix([4]), .prefix([5, 7])])
    #expect(a.firstCommonKey(with: b) == [5, 7])
    #expect(b.firstCommonKey(with: a) == [5, 7])
    #expect(a.firstCommonKey(with: KeyRanges([.prefix([1, 3])])) == nil)
    var overlay = Overlay(EmptyTree())
    overlay.put([5, 9], [])
    #expect(try overlay.firstChange(in: a) == [5, 9])
    #expect(try overlay.firstChange(in: b) == nil)
  }
}
