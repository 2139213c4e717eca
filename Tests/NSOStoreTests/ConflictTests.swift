import Testing

@testable import NSOStore

@Suite struct ConflictTests {
  /// Commits changes of `running` made over its latest state.
  private func change(_ tree: TestTree, _ edit: (inout Overlay) throws -> Void) throws {
    var overlay = Overlay(try tree.running)
    try edit(&overlay)
    try tree.commit(overlay)
  }

  private func started(_ tree: TestTree) throws -> (base: SnapshotTree, recorder: ReadRecorder, overlay: Overlay) {
    let base = try tree.running
    let recorder = ReadRecorder()
    return (base, recorder, Overlay(TrackedTree(base, recorder)))
  }

  private func conflict(_ tree: TestTree, _ transaction: (base: SnapshotTree, recorder: ReadRecorder, overlay: Overlay)) throws
    -> [UInt8]?
  {
    try tree.store.conflict(transaction.recorder.reads, in: .running, since: transaction.base.snapshot)?.key
  }

  @Test func aValueReadAndChanged() throws {
    let tree = try TestTree()
    try change(tree) { $0.set(try tree.path("alone"), bytes("1")) }
    let transaction = try started(tree)
    #expect(try transaction.overlay.bytes(tree.path("alone")) == bytes("1"))
    try change(tree) { $0.set(try tree.path("top", "name"), bytes("x")) }
    #expect(try conflict(tree, transaction) == nil)
    try change(tree) { $0.set(try tree.path("alone"), bytes("2")) }
    let found = try tree.store.conflict(transaction.recorder.reads, in: .running, since: transaction.base.snapshot)
    #expect(found == Conflict(key: try tree.path("alone").bytes, revision: tree.store.revision))
  }

  @Test func absenceIsAReadToo() throws {
    let tree = try TestTree()
    let transaction = try started(tree)
    #expect(try !transaction.overlay.exists(tree.path("top", "server", Key("a"))))
    try change(tree) { try $0.createEntry(try tree.path("top", "server", Key("b")), []) }
    #expect(try conflict(tree, transaction) == nil)
    try change(tree) { try $0.createEntry(try tree.path("top", "server", Key("a")), []) }
    #expect(try conflict(tree, transaction) == (try tree.path("top", "server", Key("a")).bytes))
  }

  @Test func aDeletedSubtreeTakesWhatWasReadInIt() throws {
    let tree = try TestTree()
    try change(tree) {
      try $0.createEntry(try tree.path("top", "server", Key("a")), [])
      $0.set(try tree.path("top", "server", Key("a"), "port"), bytes("1"))
    }
    let transaction = try started(tree)
    _ = try transaction.overlay.bytes(tree.path("top", "server", Key("a"), "port"))
    try change(tree) { try $0.delete(try tree.path("top")) }
    #expect(try conflict(tree, transaction) == (try tree.path("top", "server", Key("a"), "port").bytes))
  }

  @Test func aWalkReadsWhatItPassedAndTheGaps() throws {
    let tree = try TestTree()
    try change(tree) { overlay in
      for name in ["b", "d", "f"] { try overlay.createEntry(try tree.path("top", "server", Key(name)), []) }
    }
    let list = try tree.path("top", "server")
    // Two entries only.
    let partly = try started(tree)
    var position = ListPosition.start
    for _ in 0..<2 { _ = try partly.overlay.nextEntry(in: list, &position) { _ in } }
    // All of them.
    let wholly = try started(tree)
    #expect(try wholly.overlay.count(of: list) == 3)
    try change(tree) { try $0.createEntry(try tree.path("top", "server", Key("e")), []) }
    #expect(try conflict(tree, partly) == nil)
    #expect(try conflict(tree, wholly) == (try tree.path("top", "server", Key("e")).bytes))
    try change(tree) { try $0.createEntry(try tree.path("top", "server", Key("c")), []) }
    #expect(try conflict(tree, partly) == (try tree.path("top", "server", Key("c")).bytes))
  }

  @Test func theEndOfAListIsReadAndNotWhatFollowsIt() throws {
    let tree = try TestTree()
    let transaction = try started(tree)
    #expect(try transaction.overlay.count(of: tree.path("top", "server")) == 0)
    try change(tree) {
      try $0.createEntry(try tree.path("top", "rule", Key(1)), [])
      $0.set(try tree.path("top", "name"), bytes("x"))
    }
    #expect(try conflict(tree, transaction) == nil)
    try change(tree) { try $0.createEntry(try tree.path("top", "server", Key("zzz")), []) }
    #expect(try conflict(tree, transaction) != nil)
  }

  @Test func whatTheTransactionMadeItselfIsNotRead() throws {
    let tree = try TestTree()
    var transaction = try started(tree)
    transaction.overlay.set(try tree.path("alone"), bytes("mine"))
    #expect(try transaction.overlay.bytes(tree.path("alone")) == bytes("mine"))
    try transaction.overlay.delete(try tree.path("top"))
    _ = try TreeDiff(transaction.overlay, layout: tree.layout).isEmpty()
    _ = try transaction.overlay.batch(for: .running, current: tree.running)
    #expect(transaction.recorder.reads.isEmpty)
    try change(tree) { $0.set(try tree.path("alone"), bytes("other")) }
    #expect(try conflict(tree, transaction) == nil)
  }

  @Test func otherSpacesDoNotMatter() throws {
    let tree = try TestTree()
    let transaction = try started(tree)
    _ = try transaction.overlay.bytes(tree.path("alone"))
    var batch = WriteBatch()
    batch.put(.candidate, try tree.path("alone").bytes, [])
    batch.delete(.startup, .all)
    try tree.store.commitAndWait(batch)
    #expect(try conflict(tree, transaction) == nil)
  }

  @Test func withoutTheLogSnapshotsAreCompared() throws {
    let directory = try TemporaryDirectory()
    let store = try Store(StoreOptions(path: directory.path, durability: .volatile, commitLogSize: 1000))
    let base = try store.snapshot()
    let recorder = ReadRecorder()
    let tracked = TrackedTree(base.tree(.running), recorder)
    #expect(try tracked.value(bytes("a")) == nil)
    #expect(try tracked.lastKey(before: bytes("m"), in: .prefix(bytes("k"))) == nil)
    func fill(_ key: String) throws {
      var batch = WriteBatch()
      batch.put(.running, bytes(key), Array(repeating: 0, count: 5000))
      try store.commitAndWait(batch)
    }
    try fill("b")
    #expect(store.commitLog.conflict(recorder.reads, in: .running, since: base.revision) == .unknown)
    #expect(try store.conflict(recorder.reads, in: .running, since: base) == nil)
    // There and gone again is no difference.
    try fill("a")
    var batch = WriteBatch()
    batch.delete(.running, bytes("a"))
    try store.commitAndWait(batch)
    #expect(try store.conflict(recorder.reads, in: .running, since: base) == nil)
    try fill("kk")
    #expect(try store.conflict(recorder.reads, in: .running, since: base)?.key == bytes("kk"))
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func nothingReadAndChangedIsMissed(_ seed: UInt64) throws {
    let test = try TestStore()
    var keys = RandomKeys(seed, longShare: 5)
    for _ in 0..<60 {
      let base = try test.store.snapshot()
      let recorder = ReadRecorder()
      let tracked = TrackedTree(base.tree(.running), recorder)
      // What was found, as text: reading again must give the same unless a conflict is told.
      let probes = (0..<3).map { _ in (keys.key(), keys.range(), keys.number(0..<4)) }
      func look(_ tree: any DataTree) throws -> [String] {
        try probes.map { key, range, kind in
          switch kind {
          case 0: return "\(String(describing: try tree.value(key)))"
          case 1: return "\(String(describing: try tree.firstKey(from: key, in: range)))"
          case 2: return "\(String(describing: try tree.lastKey(before: key, in: range)))"
          default: return "\(try tree.list(in: range))"
          }
        }
      }
      let before = try look(tracked)
      for _ in 0..<2 {
        var batch = WriteBatch()
        for _ in 0..<2 {
          if keys.number(0..<4) == 0 {
            batch.delete(.running, .prefix(keys.key()))
          } else {
            batch.put(.running, keys.key(), keys.value())
          }
        }
        try test.store.commitAndWait(batch)
      }
      let after = try look(try test.store.snapshot().tree(.running))
      if before != after {
        #expect(try test.store.conflict(recorder.reads, in: .running, since: base) != nil, "seed \(seed)")
        // By comparing, too.
        var found = false
        for range in recorder.reads.ranges.ranges {
          try RecordChanges.between(base.tree(.running), try test.store.snapshot().tree(.running), in: range) { _, _, _ in
            found = true
            return .stop
          }
        }
        #expect(found)
      }
    }
  }

  @Test func readSetsStayBounded() {
    var reads = ReadSet()
    for number in 0..<(ReadSet.limit + 10) {
      reads.insert(.point(withUnsafeBytes(of: UInt32(number * 2).bigEndian) { Array($0) } + [1]))
    }
    #expect(reads.count <= ReadSet.limit / 2 + 20)
    for number in [0, 77, 5000, ReadSet.limit] {
      let key = withUnsafeBytes(of: UInt32(number * 2).bigEndian) { Array($0) } + [1]
      #expect(key.withUnsafeBytes { reads.contains($0) })
    }
  }
}
