import Testing

@testable import NSOStore

/// Keys of any length behave like short ones, also when many share more than what LMDB can store as key.
@Suite struct LongKeyTests {
  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func randomOperationsAgreeWithAModel(_ seed: UInt64) throws {
    let test = try TestStore()
    var keys = RandomKeys(seed, longShare: seed % 2 == 0 ? 30 : 80)
    var model = ModelTree()
    for round in 0..<16 {
      var batch = WriteBatch()
      for _ in 0..<keys.number(1..<12) {
        switch keys.number(0..<10) {
        case 0..<7:
          let (key, value) = (keys.key(), keys.value())
          batch.put(.running, key, value)
          model.records[key] = value
        case 7, 8:
          let key = keys.key()
          batch.delete(.running, key)
          model.records[key] = nil
        default:
          let range = keys.range()
          guard range.upper != nil || round % 8 == 0 else { continue }
          batch.delete(.running, range)
          model.delete(range)
        }
      }
      try test.store.commitAndWait(batch)
      let tree = try test.store.snapshot().tree(.running)
      try expectSame(tree, model, "round \(round)")
      for _ in 0..<6 {
        let key = keys.key()
        #expect(try tree.value(key) == model.records[key])
        let range = keys.range()
        try expectSame(tree, model, in: range, "\(range)")
        let sorted = model.keys(in: range)
        #expect(try tree.firstKey(from: key, in: range) == sorted.first { !$0.lexicographicallyPrecedes(key) })
        #expect(try tree.lastKey(before: key, in: range) == sorted.last { $0.lexicographicallyPrecedes(key) })
        #expect(try tree.lastKey(before: nil, in: range) == sorted.last)
      }
    }
  }

  @Test func aLargeGroupIsInOrder() throws {
    let test = try TestStore()
    let prefix = [UInt8](repeating: 65, count: 600)
    var batch = WriteBatch()
    var wanted: [[UInt8]] = []
    for index in 0..<2000 {
      let key = prefix + bytes(String((index &* 7919) % 2000 + 10000))
      wanted.append(key)
      batch.put(.running, key, bytes("\(index)"))
    }
    try test.store.commitAndWait(batch)
    let tree = try test.store.snapshot().tree(.running)
    wanted.sort { $0.lexicographicallyPrecedes($1) }
    #expect(try tree.list().map(\.key) == wanted)
    let cursor = try tree.makeCursor(in: .all)
    var backwards: [[UInt8]] = []
    var more = try cursor.seekBefore(nil)
    while more {
      backwards.append(Array(cursor.key))
      more = try Array(cursor.key).withUnsafeBytes { try cursor.seekBefore($0) }
    }
    #expect(backwards == wanted.reversed())
  }
}
