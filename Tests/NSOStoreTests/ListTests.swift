import TestSupport
import Testing

@testable import NSOStore

@Suite struct ListTests {
  private func order(_ tree: any DataTree, _ list: TreePath) throws -> [String] {
    var order: [String] = []
    try tree.forEachEntry(in: list) { key, _ in
      order.append(keyText(Array(key)))
      return true
    }
    return order
  }

  private func walk(_ tree: any DataTree, _ list: TreePath, from start: ListPosition = .start) throws -> [String] {
    var order: [String] = []
    var position = start
    while try tree.nextEntry(in: list, &position, { _ in }) { order.append(keyText(position.entryKey)) }
    return order
  }

  @Test func entriesComeInKeyOrderWhateverIsBelowThem() throws {
    let tree = try TestTree()
    var overlay = Overlay(try tree.running)
    let list = try tree.path("top", "server")
    for name in ["c", "a", "b", "ab", ""] {
      try overlay.createEntry(try tree.path("top", "server", Key(name)), bytes(name))
      overlay.set(try tree.path("top", "server", Key(name), "port"), bytes("1"))
      for port in 0..<(name == "b" ? 40 : 2) {
        try overlay.createEntry(try tree.path("top", "server", Key(name), "address", Key("x", port: Int64(port))), [])
      }
    }
    let addresses = try tree.path("top", "server", Key("b"), "address")
    for pass in 0..<2 {
      let view: any DataTree = pass == 0 ? overlay : try tree.running
      #expect(try order(view, list) == ["", "a", "ab", "b", "c"])
      #expect(try walk(view, list) == ["", "a", "ab", "b", "c"])
      #expect(try view.count(of: list) == 5)
      #expect(try view.count(of: list, limit: 2) == 2)
      #expect(try order(view, addresses) == (0..<40).map { "x \($0)" })
      #expect(try view.entryKey(at: 3, in: list) == key("b"))
      #expect(try view.entryKey(at: 5, in: list) == nil)
      #expect(try view.index(of: key("b"), in: list) == 3)
      #expect(try view.index(of: key("aa"), in: list) == 2)
      #expect(try walk(view, list, from: .after(key("ab"))) == ["b", "c"])
      #expect(try walk(view, list, from: .after(key("aa"))) == ["ab", "b", "c"])
      #expect(try walk(view, list, from: .atOrAfter(key("ab"))) == ["ab", "b", "c"])
      #expect(try walk(view, addresses, from: .atOrAfter(key("x"))).first == "x 0")
      #expect(try view.hasContent(tree.path("top")))
      #expect(try !view.exists(tree.path("top")))
      #expect(try !view.hasContent(tree.path("top", "typed")))
      if pass == 0 { try tree.commit(overlay) }
    }
  }

  @Test func numbersSortAsNumbers() throws {
    let tree = try TestTree(TestSchema.changed)
    var overlay = Overlay(try tree.running)
    for number in [10, 9, -1, 300, 100, -500, 0] { try overlay.createEntry(try tree.path("top", "rule", Key(number)), []) }
    #expect(try order(overlay, tree.path("top", "rule")) == ["-500", "-1", "0", "9", "10", "100", "300"])
  }

  @Test func aWalkGoesOnWhenItsEntryIsDeleted() throws {
    let tree = try TestTree()
    var overlay = Overlay(try tree.running)
    let list = try tree.path("top", "rule")
    for number in [5, 3, 9, 1, 7] { try overlay.createEntry(try tree.path("top", "rule", Key(number)), []) }
    var position = ListPosition.start
    for _ in 0..<2 { _ = try overlay.nextEntry(in: list, &position) { _ in } }
    #expect(position.entryKey == key(3))
    try overlay.delete(try tree.path("top", "rule", Key(3)))
    var copy = position
    #expect(try overlay.nextEntry(in: list, &copy) { _ in })
    #expect(copy.entryKey == key(9))
    // Also when that one was moved meanwhile: it is the one that followed.
    #expect(try overlay.moveEntry(try tree.path("top", "rule", Key(9)), to: .last))
    copy = position
    #expect(try overlay.nextEntry(in: list, &copy) { _ in })
    #expect(copy.entryKey == key(9))
    // Or deleted as well: what came after.
    try overlay.delete(try tree.path("top", "rule", Key(9)))
    copy = position
    #expect(try overlay.nextEntry(in: list, &copy) { _ in })
    #expect(copy.entryKey == key(1))
    // A position that was never at the entry does not know where to go on.
    var unknown = ListPosition.after(key(3))
    #expect(try !overlay.nextEntry(in: list, &unknown) { _ in })
  }

  @Test func placesThatDoNotExistAreRefused() throws {
    let tree = try TestTree()
    var overlay = Overlay(try tree.running)
    #expect(try !overlay.createEntry(try tree.path("top", "rule", Key(1)), [], at: .after(key(9))))
    #expect(try !overlay.moveEntry(try tree.path("top", "rule", Key(1)), to: .first))
    #expect(overlay.isEmpty)
    try overlay.createEntry(try tree.path("top", "rule", Key(1)), [])
    #expect(try !overlay.moveEntry(try tree.path("top", "rule", Key(1)), to: .before(key(9))))
    #expect(try overlay.moveEntry(try tree.path("top", "rule", Key(1)), to: .before(key(1))))
    #expect(try order(overlay, tree.path("top", "rule")) == ["1"])
  }

  /// Random creations, moves and deletions, over several commits, against an array.
  @Test(arguments: 1...16 as ClosedRange<UInt64>)
  func theUsersOrderAgreesWithAModel(_ seed: UInt64) throws {
    let tree = try TestTree()
    let list = try tree.path("top", "rule")
    var generator = SeededGenerator(seed: seed)
    var model: [Int] = []
    var overlay = Overlay(try tree.running)
    let spread = seed % 2 == 0 ? 30 : 8
    for step in 0..<250 {
      let number = Int.random(in: 0..<spread, using: &generator)
      let path = try tree.path("top", "rule", Key(number))
      let anchor = model.randomElement(using: &generator)
      switch Int.random(in: 0..<20, using: &generator) {
      case 0..<10:
        let isThere = model.contains(number)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0:
          try overlay.createEntry(path, [], at: .first)
          if !isThere { model.insert(number, at: 0) }
        case 1:
          try overlay.createEntry(path, [])
          if !isThere { model.append(number) }
        case 2:
          guard let anchor, let index = model.firstIndex(of: anchor) else { continue }
          try overlay.createEntry(path, [], at: .before(key(anchor)))
          if !isThere { model.insert(number, at: index) }
        default:
          guard let anchor, let index = model.firstIndex(of: anchor) else { continue }
          try overlay.createEntry(path, [], at: .after(key(anchor)))
          if !isThere { model.insert(number, at: index + 1) }
        }
      case 10..<15:
        guard let index = model.firstIndex(of: number) else {
          #expect(try !overlay.moveEntry(path, to: .first))
          continue
        }
        switch Int.random(in: 0..<4, using: &generator) {
        case 0:
          #expect(try overlay.moveEntry(path, to: .first))
          model.remove(at: index)
          model.insert(number, at: 0)
        case 1:
          #expect(try overlay.moveEntry(path, to: .last))
          model.remove(at: index)
          model.append(number)
        default:
          guard let anchor, anchor != number else { continue }
          let isBefore = Bool.random(using: &generator)
          #expect(try overlay.moveEntry(path, to: isBefore ? .before(key(anchor)) : .after(key(anchor))))
          model.remove(at: index)
          let place = try #require(model.firstIndex(of: anchor))
          model.insert(number, at: isBefore ? place : place + 1)
        }
      case 15..<18:
        try overlay.delete(path)
        model.removeAll { $0 == number }
      case 18:
        if step % 3 == 0 {
          try overlay.delete(list)
          model = []
        }
      default:
        try tree.commit(overlay)
        overlay = Overlay(try tree.running)
      }
      if step % 10 == 0 {
        #expect(try order(overlay, list) == model.map { "\($0)" }, "step \(step)")
        #expect(try walk(overlay, list) == model.map { "\($0)" }, "step \(step)")
        #expect(try TreeCheck(overlay, layout: tree.layout).problems == [])
        #expect(try overlay.count(of: list) == model.count)
      }
    }
    #expect(try order(overlay, list) == model.map { "\($0)" })
  }

  @Test func theSamePlaceCanBeFilledForEver() throws {
    let tree = try TestTree()
    let list = try tree.path("top", "rule")
    var overlay = Overlay(try tree.running)
    for number in 0..<10 { try overlay.createEntry(try tree.path("top", "rule", Key(number)), []) }
    var model = Array(0..<10)
    for number in 10..<400 {
      let anchor = number % 2 == 0 ? 4 : 5
      try overlay.createEntry(
        try tree.path("top", "rule", Key(number)), [], at: anchor == 4 ? .after(key(4)) : .before(key(5)))
      let index = try #require(model.firstIndex(of: anchor))
      model.insert(number, at: anchor == 4 ? index + 1 : index)
    }
    #expect(try order(overlay, list) == model.map { "\($0)" })
    #expect(try TreeCheck(overlay, layout: tree.layout).problems == [])
  }

  @Test func appendingAtTheSameTimeLosesNothing() throws {
    let tree = try TestTree()
    let list = try tree.path("top", "rule")
    var start = Overlay(try tree.running)
    try start.createEntry(try tree.path("top", "rule", Key(0)), [])
    try tree.commit(start)
    let base = try tree.running
    let recorders = [ReadRecorder(), ReadRecorder()]
    var overlays = recorders.map { Overlay(TrackedTree(base, $0)) }
    for index in 0..<2 { try overlays[index].createEntry(try tree.path("top", "rule", Key(index + 1)), []) }
    try tree.commit(overlays[0])
    #expect(try tree.store.conflict(recorders[1].reads, in: .running, since: base.snapshot) == nil)
    try tree.commit(overlays[1])
    #expect(try order(tree.running, list) == ["0", "1", "2"])
    // Between two of the same place there is room when it is needed.
    var between = Overlay(try tree.running)
    try between.createEntry(try tree.path("top", "rule", Key(3)), [], at: .after(key(1)))
    #expect(try order(between, list) == ["0", "1", "3", "2"])
    #expect(try TreeCheck(between, layout: tree.layout).problems == [])
  }

  @Test func movingTheSameEntryAtTheSameTimeConflictsAndDoesNoHarm() throws {
    let tree = try TestTree()
    let list = try tree.path("top", "rule")
    var start = Overlay(try tree.running)
    for number in 0..<4 { try start.createEntry(try tree.path("top", "rule", Key(number)), []) }
    try tree.commit(start)
    let base = try tree.running
    let recorder = ReadRecorder()
    var first = Overlay(base)
    var second = Overlay(TrackedTree(base, recorder))
    #expect(try first.moveEntry(try tree.path("top", "rule", Key(0)), to: .last))
    #expect(try second.moveEntry(try tree.path("top", "rule", Key(0)), to: .after(key(2))))
    try tree.commit(first)
    #expect(try tree.store.conflict(recorder.reads, in: .running, since: base.snapshot) != nil)
    // Written nevertheless, the entry is there once.
    try tree.commit(second)
    #expect(try order(tree.running, list) == ["1", "2", "0", "3"])
    var repaired = Overlay(try tree.running)
    #expect(try repaired.repairUserOrder(tree.layout) == 1)
    #expect(try TreeCheck(repaired, layout: tree.layout).problems == [])
    #expect(try order(repaired, list) == ["1", "2", "0", "3"])
  }

  @Test func aListThatBecomesOrderedByUserGetsAnOrder() throws {
    let directory = try TemporaryDirectory()
    let options = StoreOptions(path: directory.path)
    let schemas = [try TestSchema.load(TestSchema.changed), try TestSchema.load()]
    let store = try Store(options)
    let layouts = try schemas.map { try TreeLayout(schema: $0, store: store) }
    var overlay = Overlay(try store.snapshot().tree(.running))
    for number in [3, 1, 2] { try overlay.createEntry(try makePath(["top", "rule", Key(number)], schemas[0], layouts[0]), []) }
    overlay.set(try makePath(["newcomer"], schemas[0], layouts[0]), bytes("x"))
    #expect(try TreeCheck(overlay, layout: layouts[0]).problems == [])
    #expect(try TreeCheck(overlay, layout: layouts[1]).problems.map(\.kind) == [.missingPlace, .missingPlace, .missingPlace])
    #expect(try overlay.repairUserOrder(layouts[1]) == 3)
    #expect(try TreeCheck(overlay, layout: layouts[1]).problems == [])
    #expect(try order(overlay, makePath(["top", "rule"], schemas[1], layouts[1])) == ["1", "2", "3"])
    #expect(try overlay.deleteUnknown(layouts[1]) == 1)
    #expect(try !overlay.exists(makePath(["newcomer"], schemas[0], layouts[0])))
  }

  @Test func anotherLayoutBringsTheOrderInLine() throws {
    let directory = try TemporaryDirectory()
    let store = try Store(StoreOptions(path: directory.path))
    let schemas = [try TestSchema.load(TestSchema.changed), try TestSchema.load()]
    let first = try TreeLayout(schema: schemas[0], store: store)
    var overlay = Overlay(try store.snapshot().tree(.startup))
    for number in [3, 1, 2] { try overlay.createEntry(try makePath(["top", "rule", Key(number)], schemas[0], first), []) }
    try store.commitAndWait(try overlay.batch(for: .startup))
    let second = try TreeLayout(schema: schemas[1], store: store)
    let tree = try store.snapshot().tree(.startup)
    #expect(try TreeCheck(tree, layout: second).problems == [])
    #expect(try order(tree, makePath(["top", "rule"], schemas[1], second)) == ["1", "2", "3"])
    let revision = store.revision
    _ = try TreeLayout(schema: schemas[1], store: store)
    #expect(store.revision == revision)
  }

  @Test func damageIsFound() throws {
    let tree = try TestTree()
    var overlay = Overlay(try tree.running)
    overlay.set(try tree.path("top", "server", Key("a"), "port"), bytes("1"))
    overlay.set(try tree.path("top", "state-of-things", "level"), bytes("1"))
    try overlay.createEntry(try tree.path("top", "rule", Key(1)), [])
    try overlay.delete(ListKeys.placeKey(try tree.path("top", "rule"), key(1)))
    let check = try TreeCheck(overlay, layout: tree.layout)
    #expect(Set(check.problems.map(\.kind)) == [.missingParent, .missingPlace, .staleOrder])
    #expect(check.problemCount == 4)
    #expect(try !tree.running.hasContent(.root))
  }
}
