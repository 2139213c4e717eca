import Synchronization
import Testing

@testable import NSOStore

@Suite struct StoreTests {
  @Test func aCommitIsReadBack() async throws {
    let test = try TestStore()
    var batch = WriteBatch()
    batch.put(.running, bytes("a"), bytes("1"))
    batch.put(.startup, bytes("a"), bytes("2"))
    let revision = try await test.store.commit(batch)
    #expect(revision.rawValue == 1)
    let snapshot = try test.store.snapshot()
    #expect(snapshot.revision == revision)
    #expect(try snapshot.get(.running, bytes("a")) == bytes("1"))
    #expect(try snapshot.get(.startup, bytes("a")) == bytes("2"))
    #expect(try snapshot.get(.candidate, bytes("a")) == nil)
    #expect(try snapshot.contains(.running, bytes("a")))
    #expect(try !snapshot.contains(.running, bytes("b")))
    #expect(try snapshot.get(.running, []) == nil)
  }

  @Test func operationsOfABatchTakeEffectInOrder() throws {
    let test = try TestStore()
    var batch = WriteBatch()
    batch.put(.running, bytes("a"), bytes("1"))
    batch.put(.running, bytes("b"), bytes("1"))
    batch.delete(.running, .prefix(bytes("a")))
    batch.put(.running, bytes("ab"), bytes("2"))
    batch.delete(.running, bytes("b"))
    batch.delete(.running, bytes("not there"))
    try test.store.commitAndWait(batch)
    #expect(try test.store.snapshot().tree(.running).list().map(\.key.text) == ["ab"])
  }

  @Test func snapshotsAreSharedAndStable() throws {
    let test = try TestStore()
    var batch = WriteBatch()
    batch.put(.running, bytes("a"), bytes("1"))
    try test.store.commitAndWait(batch)
    let first = try test.store.snapshot()
    #expect(try test.store.snapshot() === first)
    batch.put(.running, bytes("a"), bytes("2"))
    try test.store.commitAndWait(batch)
    let second = try test.store.snapshot()
    #expect(second !== first)
    #expect(try first.get(.running, bytes("a")) == bytes("1"))
    #expect(try second.get(.running, bytes("a")) == bytes("2"))
    #expect(first.revision < second.revision)
  }

  @Test func readersAreObservable() throws {
    let test = try TestStore()
    let old = try test.store.snapshot()
    var batch = WriteBatch()
    batch.put(.running, bytes("a"), bytes("1"))
    try test.store.commitAndWait(batch)
    #expect(try test.store.statistics().readers.first?.revision == old.revision)
    #expect(try test.store.statistics().readers.count == 2)
    withExtendedLifetime(old) {}
  }

  @Test func aSnapshotIsReleasedWithItsLastReference() throws {
    let test = try TestStore()
    var old: Snapshot? = try test.store.snapshot()
    var batch = WriteBatch()
    batch.put(.running, bytes("a"), bytes("1"))
    try test.store.commitAndWait(batch)
    #expect(old != nil)
    old = nil
    #expect(try test.store.statistics().readers.map(\.revision) == [test.store.revision])
  }

  @Test func anExpectedRevisionIsChecked() throws {
    let test = try TestStore()
    var batch = WriteBatch(expectedRevision: .zero)
    batch.put(.running, bytes("a"), bytes("1"))
    try test.store.commitAndWait(batch)
    #expect {
      try test.store.commitAndWait(batch)
    } throws: {
      ($0 as? StoreError)?.code == .revisionMismatch(expected: .zero, actual: Revision(rawValue: 1))
    }
    #expect(test.store.revision.rawValue == 1)
    batch.expectedRevision = Revision(rawValue: 1)
    #expect(try test.store.commitAndWait(batch).rawValue == 2)
  }

  @Test func everyBatchGetsItsOwnAnswer() async throws {
    let test = try TestStore(.durable)
    let count = 200
    let answers = Mutex<[Int: Result<Revision, StoreError>]>([:])
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      for index in 0..<count {
        // Every tenth expects a revision that never comes.
        var batch = WriteBatch(expectedRevision: index % 10 == 9 ? Revision(rawValue: 1 << 40) : nil)
        batch.put(.running, bytes("key \(index)"), bytes("\(index)"))
        test.store.commit(batch) { answer in
          let isLast = answers.withLock {
            $0[index] = answer
            return $0.count == count
          }
          if isLast { done.resume() }
        }
      }
    }
    let got = answers.withLock { $0 }
    var expected: UInt64 = 0
    for index in 0..<count {
      switch got[index] {
      case .success(let revision):
        expected += 1
        #expect(revision.rawValue == expected)
        #expect(index % 10 != 9)
      case .failure(let error):
        #expect(index % 10 == 9)
        guard case .revisionMismatch = error.code else { throw error }
      case nil: Issue.record("no answer for \(index)")
      }
    }
    let snapshot = try test.store.snapshot()
    #expect(snapshot.revision.rawValue == expected)
    #expect(try snapshot.count(.running) == count - count / 10)
    let statistics = try test.store.statistics()
    #expect(statistics.commits == expected)
    #expect(statistics.syncs <= statistics.commits)
  }

  @Test func theStoreKeepsItsOwnMetaKeys() throws {
    let test = try TestStore()
    var batch = WriteBatch()
    batch.put(.meta, Environment.revisionKey, bytes("mine"))
    #expect { try test.store.commitAndWait(batch) } throws: { ($0 as? StoreError)?.code == .badKey }
    batch = WriteBatch()
    batch.put(.meta, bytes("x"), bytes("y"))
    try test.store.commitAndWait(batch)
    batch = WriteBatch()
    batch.delete(.meta, .all)
    try test.store.commitAndWait(batch)
    #expect(try test.store.snapshot().revision.rawValue == 2)
    #expect(try test.store.snapshot().get(.meta, bytes("x")) == nil)
    #expect(try test.store.snapshot().contains(.meta, Environment.formatKey))
  }

  @Test func emptyKeysAreRefused() throws {
    let test = try TestStore()
    var batch = WriteBatch()
    batch.put(.running, bytes("good"), [])
    batch.put(.running, [], bytes("y"))
    #expect { try test.store.commitAndWait(batch) } throws: { ($0 as? StoreError)?.code == .badKey }
    #expect(try test.store.snapshot().count(.running) == 0)
  }

  @Test func rangesCountAndLast() throws {
    let test = try TestStore()
    var batch = WriteBatch()
    for number in 0..<100 { batch.put(.running, [UInt8(number)] + bytes("k"), [UInt8(number)]) }
    try test.store.commitAndWait(batch)
    let snapshot = try test.store.snapshot()
    let range = KeyRange(lower: [10], upper: [20])
    #expect(try snapshot.count(.running, range) == 10)
    #expect(try snapshot.count(.running, range, limit: 3) == 3)
    #expect(try snapshot.count(.running) == 100)
    #expect(try snapshot.last(.running, range) { key, _ in key[0] } == 19)
    #expect(try snapshot.last(.running) { key, _ in key[0] } == 99)
    #expect(try snapshot.last(.running, KeyRange(lower: [200], upper: nil)) { key, _ in key[0] } == nil)
    var seen: [UInt8] = []
    try snapshot.scan(.running, range) { key, _ in
      seen.append(key[0])
      return seen.count < 4
    }
    #expect(seen == [10, 11, 12, 13])
  }

  @Test func clearingASpaceLeavesTheOthers() throws {
    let test = try TestStore()
    var batch = WriteBatch()
    batch.put(.running, bytes("a"), [])
    batch.put(.candidate, bytes("a"), [])
    try test.store.commitAndWait(batch)
    batch = WriteBatch()
    batch.delete(.candidate, .all)
    batch.put(.candidate, bytes("b"), [])
    try test.store.commitAndWait(batch)
    #expect(try test.store.snapshot().tree(.candidate).list().map(\.key.text) == ["b"])
    #expect(try test.store.snapshot().tree(.running).list().map(\.key.text) == ["a"])
  }

  @Test func readersAndTheWriterRunAtTheSameTime() async throws {
    let test = try TestStore()
    let store = test.store
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<3 {
        group.addTask {
          var last = Revision.zero
          while last.rawValue < 200, !Task.isCancelled {
            let snapshot = try store.snapshot()
            #expect(snapshot.revision >= last)
            last = snapshot.revision
            // Both keys always come from one commit.
            let pair = [try snapshot.get(.running, bytes("a")), try snapshot.get(.running, bytes("b"))]
            #expect(pair[0] == pair[1])
            await Task.yield()
          }
        }
      }
      for number in 0..<200 {
        var batch = WriteBatch()
        batch.put(.running, bytes("a"), bytes("\(number)"))
        batch.put(.running, bytes("b"), bytes("\(number)"))
        _ = try await store.commit(batch)
      }
      try await group.waitForAll()
    }
  }
}
