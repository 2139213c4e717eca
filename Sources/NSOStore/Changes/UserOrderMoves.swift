/// Which entries of a list ordered by user changed their place among the others.
enum UserOrderMoves {
  struct Move {
    var entryKey: [UInt8]
    /// The entry it follows now; nil when it is the first.
    var after: [UInt8]?
  }

  /// A common entry in the new order.
  private struct Entry {
    /// How many entries came before it in the old order; nil when it was not there.
    var rank: Int?
    /// It was not given another place, so it was not moved.
    var isUntouched: Bool
  }

  /// The fewest moves of entries that were given another place which explain the new order, and one for each entry that was not there
  /// before; in the new order. (A new place alone is no move: the places of others change too when room has to be made.)
  static func find(in list: TreePath, old: any DataTree, new: any DataTree) throws(StoreError) -> [Move] {
    var before: [[UInt8]: (rank: Int, place: UInt64)] = [:]
    try old.forEachPlace(in: list) { place, key, _ in
      before[key] = (before.count, place)
      return true
    }
    var order: [[UInt8]] = []
    var entries: [Entry] = []
    try new.forEachPlace(in: list) { place, key, _ in
      order.append(key)
      let known = before[key]
      entries.append(Entry(rank: known?.rank, isUntouched: known?.place == place))
      return true
    }
    let stable = stablePlaces(entries)
    var moves: [Move] = []
    for (index, entryKey) in order.enumerated() where !stable.contains(index) {
      moves.append(Move(entryKey: entryKey, after: index > 0 ? order[index - 1] : nil))
    }
    return moves
  }

  /// The entries that were not moved: the untouched ones, and of those between two of them as many as possible that are in the old order
  /// and come between the same two.
  private static func stablePlaces(_ entries: [Entry]) -> Set<Int> {
    var stable: Set<Int> = []
    var start = 0
    var low = -1
    while start <= entries.count {
      let end = entries[start...].firstIndex { $0.isUntouched } ?? entries.count
      let high = end < entries.count ? entries[end].rank ?? Int.max : Int.max
      let ranks = entries[start..<end].map { entry in
        entry.rank.flatMap { $0 > low && $0 < high ? $0 : nil }
      }
      for place in longestIncreasing(ranks) { stable.insert(start + place) }
      if end < entries.count { stable.insert(end) }
      low = high
      start = end + 1
    }
    return stable
  }

  /// The places of a longest run of increasing numbers; nil is no number.
  private static func longestIncreasing(_ numbers: [Int?]) -> Set<Int> {
    /// By length - 1: the place where the run of that length with the smallest end ends.
    var ends: [Int] = []
    var previous = [Int?](repeating: nil, count: numbers.count)
    for (index, number) in numbers.enumerated() {
      guard let number else { continue }
      var low = 0
      var high = ends.count
      while low < high {
        let middle = (low + high) / 2
        if let end = numbers[ends[middle]], end < number { low = middle + 1 } else { high = middle }
      }
      previous[index] = low > 0 ? ends[low - 1] : nil
      if low < ends.count { ends[low] = index } else { ends.append(index) }
    }
    var places: Set<Int> = []
    var next = ends.last
    while let index = next {
      places.insert(index)
      next = previous[index]
    }
    return places
  }
}
