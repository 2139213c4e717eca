import Testing

@testable import NSOStore

/// Overlays over snapshots and over each other behave like a dictionary that was changed in place.
@Suite struct OverlayTests {
  /// One level of changes with its model.
  private struct Level {
    var overlay: Overlay
    var model: ModelTree
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func randomOperationsAgreeWithAModel(_ seed: UInt64) throws {
    let test = try TestStore()
    var keys = RandomKeys(seed, longShare: seed % 3 == 0 ? 40 : 5)
    var committed = ModelTree()
    var held: [(Snapshot, ModelTree)] = []
    for round in 0..<8 {
      let snapshot = try test.store.snapshot()
      var levels = [Level(overlay: Overlay(snapshot.tree(.running)), model: committed)]
      var savepoints: [Level] = []
      for step in 0..<60 {
        let top = levels.count - 1
        switch keys.number(0..<100) {
        case 0..<50:
          let (key, value) = (keys.key(), keys.value())
          levels[top].overlay.put(key, value)
          levels[top].model.records[key] = value
        case 50..<65:
          let key = keys.key()
          try levels[top].overlay.delete(key)
          levels[top].model.records[key] = nil
        case 65..<75:
          let range = keys.range()
          try levels[top].overlay.delete(range, isTerminal: keys.number(0..<2) == 0)
          levels[top].model.delete(range)
        case 75..<79:
          if levels.count < 4 { levels.append(Level(overlay: Overlay(levels[top].overlay), model: levels[top].model)) }
        case 79..<83:
          if levels.count > 1 {
            let inner = levels.removeLast()
            if keys.number(0..<3) > 0 {
              try levels[top - 1].overlay.absorb(inner.overlay)
              levels[top - 1].model = inner.model
            }
          }
        case 83..<85: if levels.count == 1 { savepoints.append(levels[0]) }
        case 85: if let saved = savepoints.popLast(), levels.count == 1 { levels[0] = saved }
        case 86:
          levels[top].overlay.removeAll()
          levels[top].model = top > 0 ? levels[top - 1].model : committed
        default:
          let key = keys.key()
          #expect(try levels[top].overlay.value(key) == levels[top].model.records[key])
          let range = keys.range()
          let sorted = levels[top].model.keys(in: range)
          #expect(try levels[top].overlay.firstKey(from: key, in: range) == sorted.first { !$0.lexicographicallyPrecedes(key) })
          #expect(try levels[top].overlay.lastKey(before: key, in: range) == sorted.last { $0.lexicographicallyPrecedes(key) })
          #expect(try levels[top].overlay.lastKey(before: nil, in: range) == sorted.last)
        }
        if step % 20 == 0 {
          for level in levels { try expectSame(level.overlay, level.model, "seed \(seed) round \(round) step \(step)") }
        }
      }
      while levels.count > 1 {
        let inner = levels.removeLast()
        try levels[levels.count - 1].overlay.absorb(inner.overlay)
        levels[levels.count - 1].model = inner.model
      }
      try expectSame(levels[0].overlay, levels[0].model, "seed \(seed) round \(round)")
      for saved in savepoints { try expectSame(saved.overlay, saved.model, "savepoint, seed \(seed)") }
      try expectRecordChanges(levels[0].overlay, from: committed, to: levels[0].model)
      let batch = try levels[0].overlay.batch(for: .running, current: round % 2 == 0 ? nil : snapshot.tree(.running))
      try test.store.commitAndWait(batch)
      held.append((snapshot, committed))
      committed = levels[0].model
      try expectSame(try test.store.snapshot().tree(.running), committed, "committed, seed \(seed) round \(round)")
    }
    // Snapshots held all the time did not change.
    for (snapshot, model) in held { try expectSame(snapshot.tree(.running), model) }
  }

  private func expectRecordChanges(_ overlay: Overlay, from old: ModelTree, to new: ModelTree) throws {
    var wanted: [String] = []
    for key in Set(old.records.keys).union(new.records.keys).sorted(by: { $0.lexicographicallyPrecedes($1) })
    where old.records[key] != new.records[key] {
      wanted.append("\(key) \(String(describing: old.records[key])) \(String(describing: new.records[key]))")
    }
    var found: [String] = []
    try RecordChanges.of(overlay, in: .all) { key, old, new in
      found.append("\(Array(key)) \(String(describing: old.map { Array($0) })) \(String(describing: new.map { Array($0) }))")
      return .goOn
    }
    #expect(found == wanted)
    found = []
    try RecordChanges.between(overlay.base, overlay, in: .all) { key, old, new in
      found.append("\(Array(key)) \(String(describing: old.map { Array($0) })) \(String(describing: new.map { Array($0) }))")
      return .goOn
    }
    #expect(found == wanted)
  }

  @Test func memoryGrowsWithChangesOnly() throws {
    let tree = try TestTree()
    var overlay = Overlay(try tree.running)
    for number in 0..<1000 { try overlay.createEntry(try tree.path("top", "server", Key("s\(number)")), []) }
    try tree.commit(overlay)
    var second = Overlay(try tree.running)
    try second.delete(try tree.path("top", "server"))
    #expect(second.changeCount == 1)
    #expect(try second.count(of: tree.path("top", "server")) == 0)
    // Deleting what is not there is no change.
    var third = Overlay(try tree.running)
    try third.delete(try tree.path("top", "typed"))
    try third.delete(try tree.path("top", "name"))
    #expect(third.isEmpty)
    // What was made and deleted again leaves nothing.
    third.set(try tree.path("top", "name"), bytes("x"))
    try third.delete(try tree.path("top", "name"))
    #expect(third.isEmpty)
  }

  @Test func aDeletedEntryTakesAlongWhatOthersAddBelow() throws {
    let tree = try TestTree()
    var overlay = Overlay(try tree.running)
    try overlay.createEntry(try tree.path("top", "server", Key("a")), [])
    try tree.commit(overlay)
    var deleting = Overlay(try tree.running)
    try deleting.delete(try tree.path("top", "server", Key("a")))
    var adding = Overlay(try tree.running)
    adding.set(try tree.path("top", "server", Key("a"), "port"), bytes("80"))
    try tree.commit(adding)
    try tree.commit(deleting)
    #expect(try TreeCheck(tree.running, layout: tree.layout).problems == [])
    #expect(try !tree.running.hasContent(tree.path("top")))
  }

  @Test func revertingASubtreeLeavesTheRest() throws {
    let tree = try TestTree()
    var overlay = Overlay(try tree.running)
    for name in ["a", "b"] {
      try overlay.createEntry(try tree.path("top", "server", Key(name)), [])
      overlay.set(try tree.path("top", "server", Key(name), "port"), bytes("1"))
    }
    try tree.commit(overlay)
    var changed = Overlay(try tree.running)
    try changed.delete(try tree.path("top", "server"))
    changed.set(try tree.path("alone"), bytes("x"))
    changed.revert(try tree.path("top", "server", Key("a")))
    #expect(try changed.exists(tree.path("top", "server", Key("a"), "port")))
    #expect(try !changed.exists(tree.path("top", "server", Key("b"))))
    #expect(try changed.exists(tree.path("alone")))
  }

  @Test func changesCanBePutOverANewerBase() throws {
    let tree = try TestTree()
    var mine = Overlay(try tree.running)
    mine.set(try tree.path("alone"), bytes("mine"))
    var other = Overlay(try tree.running)
    other.set(try tree.path("alone"), bytes("other"))
    other.set(try tree.path("top", "name"), bytes("other"))
    try tree.commit(other)
    #expect(try !mine.exists(tree.path("top", "name")))
    mine.rebase(try tree.running)
    #expect(try mine.bytes(tree.path("top", "name")) == bytes("other"))
    #expect(try mine.bytes(tree.path("alone")) == bytes("mine"))
  }

  @Test func batchesLeaveOutWhatIsSoAlready() throws {
    let tree = try TestTree()
    var overlay = Overlay(try tree.running)
    overlay.set(try tree.path("alone"), bytes("x"))
    overlay.set(try tree.path("top", "name"), bytes("y"))
    try tree.commit(overlay)
    var again = Overlay(try tree.running)
    again.set(try tree.path("alone"), bytes("x"))
    again.set(try tree.path("top", "name"), bytes("z"))
    #expect(try again.batch(for: .running).count == 2)
    #expect(try again.batch(for: .running, current: tree.running).count == 1)
  }
}
