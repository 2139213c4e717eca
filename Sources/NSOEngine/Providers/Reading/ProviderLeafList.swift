import NSOModel
import NSOStore

/// The values of a leaf-list as a provider gave them, all at once. In operational data, and where users order, they keep the
/// provider's order, and a value may be there several times.
final class ProviderLeafList: Sendable {
  struct Entry: Sendable {
    /// The value in the form of keys.
    var key: [UInt8]
    /// Its term bytes.
    var record: [UInt8]
  }

  /// More values are refused.
  static let limit = 1_000_000

  let entries: [Entry]
  /// Where each value stands first and last.
  private let places: [[UInt8]: (first: Int, last: Int)]
  /// The places in the order of keys, each value once; nil: `entries` has that order.
  private let sorted: [Int]?

  /// - Parameter keepsOrder: else the values are a set, in the order of their keys.
  /// - Throws: the value that is there twice in a set.
  init(_ entries: [Entry], keepsOrder: Bool) throws(Repetition) {
    var entries = entries
    var isIncreasing = true
    for (a, b) in zip(entries, entries.dropFirst()) where !a.key.lexicographicallyPrecedes(b.key) {
      isIncreasing = false
      break
    }
    if !isIncreasing, !keepsOrder {
      entries.sort { $0.key.lexicographicallyPrecedes($1.key) }
      for (a, b) in zip(entries, entries.dropFirst()) where a.key == b.key { throw Repetition(key: a.key) }
      isIncreasing = true
    }
    var places: [[UInt8]: (first: Int, last: Int)] = [:]
    places.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() {
      places[entry.key, default: (index, index)].last = index
    }
    self.entries = entries
    self.places = places
    sorted =
      isIncreasing
      ? nil : places.values.map(\.first).sorted { entries[$0].key.lexicographicallyPrecedes(entries[$1].key) }
  }

  struct Repetition: Error {
    var key: [UInt8]
  }

  func contains(_ key: [UInt8]) -> Bool { places[key] != nil }

  func record(_ key: [UInt8]) -> [UInt8]? { places[key].map { entries[$0.first].record } }

  /// Whether the value is at the place.
  func holds(_ key: [UInt8], at place: UInt64?) -> Bool {
    guard let index = place.flatMap(Int.init(exactly:)), entries.indices.contains(index) else { return false }
    return entries[index].key == key
  }

  /// The place of the value that follows; nil at the end.
  func next(_ position: ListPosition) -> Int? {
    let index: Int?
    switch position.stand {
    case .start: index = 0
    case .after:
      if holds(position.entryKey, at: position.place) {
        index = position.place.map { Int($0) + 1 }
      } else if let place = places[position.entryKey] {
        // Which of several is not known: the last, so that every walk ends.
        index = place.last + 1
      } else if sorted == nil {
        index = firstPlace { position.entryKey.lexicographicallyPrecedes($0) }
      } else {
        // It is gone; what came after it has its place now.
        index = position.place.flatMap(Int.init(exactly:))
      }
    case .atOrAfter:
      if position.entryKey.isEmpty {
        index = 0
      } else if let place = places[position.entryKey] {
        index = place.first
      } else {
        index = sorted == nil ? firstPlace { !$0.lexicographicallyPrecedes(position.entryKey) } : nil
      }
    }
    return index.flatMap { entries.indices.contains($0) ? $0 : nil }
  }

  /// The first value in the order of keys that is not before a key.
  func firstInKeyOrder(from key: [UInt8]) -> Entry? {
    let place = firstPlace { !$0.lexicographicallyPrecedes(key) }
    guard place < (sorted?.count ?? entries.count) else { return nil }
    return entries[sorted?[place] ?? place]
  }

  /// The first place in the order of keys from which on `isReached` holds.
  private func firstPlace(_ isReached: ([UInt8]) -> Bool) -> Int {
    var (low, high) = (0, sorted?.count ?? entries.count)
    while low < high {
      let middle = low + (high - low) / 2
      if isReached(entries[sorted?[middle] ?? middle].key) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
