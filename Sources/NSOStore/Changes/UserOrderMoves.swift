/// Which entries of a list ordered by user changed their place among the others.
enum UserOrderMoves {
  struct Move {
    var entryKey: [UInt8]
    /// The entry it follows now; nil when it is the first.
    var after: [UInt8]?
  }

  /// The fewest moves that explain the new order, and one for each entry that was not there before; by entry key. Places are not
  /// compared: they may change without a move.
  static func find(in list: TreePath, old: any DataTree, new: any DataTree) throws(StoreError) -> [Move] {
    var rank: [[UInt8]: Int] = [:]
    try old.forEachOrderedEntry(in: list) { key, _ in
      rank[Array(key)] = rank.count
      return true
    }
    var order: [[UInt8]] = []
    try new.forEachOrderedEntry(in: list) { key, _ in
      order.append(Array(key))
      return true
    }
    let stable = longestIncreasing(order.map { rank[$0] })
    var moves: [Move] = []
    for (index, entryKey) in order.enumerated() where !stable.contains(index) {
      moves.append(Move(entryKey: entryKey, after: index > 0 ? order[index - 1] : nil))
    }
    return moves.sorted { $0.entryKey.lexicographicallyPrecedes($1.entryKey) }
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
