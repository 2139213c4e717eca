import TestSupport
import Testing

@testable import NSOStore

@Suite struct ByteMapTests {
  private func entries(_ map: ByteMap) -> [(key: [UInt8], value: [UInt8]?)] {
    var all: [(key: [UInt8], value: [UInt8]?)] = []
    var position = map.first
    while let current = position {
      all.append((Array(map.key(current)), map.value(current).map { Array($0) }))
      position = map.after(current)
    }
    return all
  }

  private func expectSame(_ map: ByteMap, _ model: [[UInt8]: [UInt8]?]) {
    let found = entries(map)
    let wanted = model.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    #expect(found.map(\.key) == wanted.map(\.key))
    #expect(found.map(\.value) == wanted.map(\.value))
    #expect(map.count == model.count)
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func randomOperationsAgreeWithAModel(_ seed: UInt64) {
    var keys = RandomKeys(seed)
    var map = ByteMap()
    var model: [[UInt8]: [UInt8]?] = [:]
    var copies: [(ByteMap, [[UInt8]: [UInt8]?])] = []
    for round in 0..<1500 {
      switch keys.number(0..<100) {
      case 0..<70:
        let key = keys.key()
        let value = keys.number(0..<5) == 0 ? nil : keys.value()
        map.set(key, value)
        model[key] = .some(value)
      case 70..<90:
        let key = keys.key()
        key.withUnsafeBytes { map.remove($0) }
        model.removeValue(forKey: key)
      case 90..<92:
        let range = keys.range()
        map.remove(range)
        model = model.filter { !range.contains($0.key) }
      default:
        let key = keys.key()
        let sorted = model.keys.sorted { $0.lexicographicallyPrecedes($1) }
        key.withUnsafeBytes { key in
          #expect(map.find(key).map { Array(map.key($0)) } == (model.keys.contains(Array(key)) ? Array(key) : nil))
          #expect(
            map.lowerBound(key).map { Array(map.key($0)) } == sorted.first { !$0.lexicographicallyPrecedes(Array(key)) })
          #expect(map.before(key).map { Array(map.key($0)) } == sorted.last { $0.lexicographicallyPrecedes(Array(key)) })
        }
        #expect(map.before(nil).map { Array(map.key($0)) } == sorted.last)
      }
      if round % 200 == 0 { copies.append((map, model)) }
    }
    expectSame(map, model)
    // Copies taken on the way did not change.
    for (copy, model) in copies { expectSame(copy, model) }
  }

  @Test func manyEntriesInAnyOrder() {
    var upward = ByteMap()
    var downward = ByteMap()
    var mixed = ByteMap()
    let count = 20000
    func key(_ number: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) } }
    for number in 0..<count {
      upward.set(key(number), bytes("\(number)"))
      downward.set(key(count - 1 - number), bytes("\(count - 1 - number)"))
      let other = (number &* 7919) % count
      mixed.set(key(other), bytes("\(other)"))
    }
    let wanted = (0..<count).map { key($0) }
    for map in [upward, downward, mixed] {
      #expect(map.count == count)
      #expect(entries(map).map(\.key) == wanted)
      #expect(entries(map).map { $0.value?.text } == (0..<count).map { "\($0)" })
    }
    mixed.remove(KeyRange(lower: key(100), upper: key(19900)))
    #expect(entries(mixed).map(\.key) == Array(wanted[..<100] + wanted[19900...]))
    mixed.remove(.all)
    #expect(mixed.isEmpty && mixed.first == nil)
  }

  @Test(arguments: [1, 2] as [UInt64])
  func largeMapsAndTheirCopiesAgreeWithAModel(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var map = ByteMap()
    var model: [[UInt8]: [UInt8]?] = [:]
    func key(_ number: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) } }
    var copies: [(ByteMap, [[UInt8]: [UInt8]?])] = []
    for step in 0..<20000 {
      let number = Int.random(in: 0..<30000, using: &generator)
      if step % 10000 == 9000 {
        copies.append((map, model))
        let range = KeyRange(lower: key(number), upper: key(number + Int.random(in: 0..<5000, using: &generator)))
        map.remove(range)
        model = model.filter { !range.contains($0.key) }
      } else if step % 8 == 0 {
        key(number).withUnsafeBytes { map.remove($0) }
        model.removeValue(forKey: key(number))
      } else {
        map.set(key(number), key(step))
        model[key(number)] = .some(key(step))
      }
    }
    expectSame(map, model)
    for (copy, model) in copies { expectSame(copy, model) }
  }

  @Test func valuesThatGrowAndShrink() {
    var map = ByteMap()
    for round in 0..<200 {
      for number in 0..<10 {
        map.set([UInt8(number)], Array(repeating: UInt8(number), count: (round * (number + 1) * 37) % 5000))
      }
    }
    for number in 0..<10 {
      #expect(entries(map)[number].value == Array(repeating: UInt8(number), count: (199 * (number + 1) * 37) % 5000))
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func rangesAgreeWithAModel(_ seed: UInt64) {
    // Keys of one byte and the empty key: a set of them is the model; between n and n + 1 there is [n, x].
    var generator = SeededGenerator(seed: seed)
    var set = ByteRangeSet()
    var model = [Bool](repeating: false, count: 64)
    for _ in 0..<600 {
      let a = Int.random(in: 0..<64, using: &generator)
      let b = Int.random(in: 0...64, using: &generator)
      let (low, high) = (min(a, b), max(a, b))
      let range = KeyRange(lower: [UInt8(low)], upper: high == 64 ? nil : [UInt8(high)])
      let isInsertion = Bool.random(using: &generator)
      if isInsertion { set.insert(range) } else { set.remove(range) }
      for number in low..<high { model[number] = isInsertion }
      #expect((0..<64).map { number in [UInt8(number)].withUnsafeBytes { set.contains($0) } } == model)
      #expect((0..<64).map { number in [UInt8(number), 5].withUnsafeBytes { set.contains($0) } } == model)
      // Ranges are separate: as many as there are runs.
      let runs = (0..<64).count { model[$0] && ($0 == 0 || !model[$0 - 1]) }
      #expect(set.count == runs)
      let c = Int.random(in: 0..<64, using: &generator)
      let d = Int.random(in: 0..<64, using: &generator)
      let probe = KeyRange(lower: [UInt8(min(c, d))], upper: [UInt8(max(c, d))])
      #expect(set.contains(probe) == (probe.isEmpty || (min(c, d)..<max(c, d)).allSatisfy { model[$0] }) || probe.isEmpty)
      let common = [UInt8(min(c, d))].withUnsafeBytes { lower in
        [UInt8(max(c, d))].withUnsafeBytes { set.firstCommonKey(lower: lower, upper: $0).map { Array($0) } }
      }
      #expect(common == (min(c, d)..<max(c, d)).first { model[$0] }.map { [UInt8($0)] })
    }
  }
}
