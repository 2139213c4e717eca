import TestSupport

@testable import NSOStore

/// Keys that meet often: few letters, shared prefixes, and lengths around the limit of stored keys.
struct RandomKeys {
  var generator: SeededGenerator
  var longPrefixes: [[UInt8]]
  var longShare: Int

  init(_ seed: UInt64, longShare: Int = 30) {
    generator = SeededGenerator(seed: seed)
    self.longShare = longShare
    let long = [UInt8](repeating: 7, count: LongKey.limit)
    longPrefixes = [
      long, Array(long.dropLast()), long + [1], Array(long.dropLast()) + [8], long + [UInt8](repeating: 7, count: 90),
    ]
  }

  mutating func key() -> [UInt8] {
    var key: [UInt8] = []
    if Int.random(in: 0..<100, using: &generator) < longShare {
      key = longPrefixes[Int.random(in: 0..<longPrefixes.count, using: &generator)]
    }
    let count = Int.random(in: key.isEmpty ? 1...4 : 0...3, using: &generator)
    for _ in 0..<count { key.append([0, 1, 7, 8, 254, 255][Int.random(in: 0..<6, using: &generator)]) }
    return key
  }

  mutating func value() -> [UInt8] {
    let count = [0, 1, 3, 20, 300][Int.random(in: 0..<5, using: &generator)]
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  mutating func range() -> KeyRange {
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: return .prefix(key())
    case 1: return .point(key())
    case 2: return KeyRange(lower: key(), upper: nil)
    default:
      let (a, b) = (key(), key())
      return a.lexicographicallyPrecedes(b) ? KeyRange(lower: a, upper: b) : KeyRange(lower: b, upper: a)
    }
  }

  mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
}
