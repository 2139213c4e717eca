import NSOStore

/// What became of list entries that got other keys in a transaction, by places in the store: the operational data below an entry follows
/// it when the changes become part of running. However often an entry gets other keys, its place stands here once.
struct EntryMoves: Sendable, Hashable {
  struct Move: Sendable, Hashable {
    /// The key of a place as it is now. All below is what was below `origin`, unless a longer key says something else.
    var place: [UInt8]
    /// Nil: what is there now was not there before.
    var origin: [UInt8]?
  }

  /// In the order of their places, so that what contains another one comes before it.
  private(set) var moves: [Move] = []
  /// Deletions are noted even where nothing was moved: in changes over others, which may have moved something there.
  var notesDeletions = false

  var isEmpty: Bool { moves.isEmpty }

  mutating func removeAll() { moves = [] }

  /// An entry gets other keys.
  /// - Parameter isNew: it was made after the one that was there before was deleted.
  mutating func rename(_ from: [UInt8], to target: [UInt8], isNew: Bool) {
    let origin = self.origin(of: from) { _ in isNew }
    var moved = take(below: from)
    _ = take(below: target)
    if moved.first?.place != from { moved.insert(Move(place: from, origin: origin), at: 0) }
    insert(moved, from: from, to: target)
    insert([Move(place: from, origin: nil)], from: from, to: from)
  }

  /// What is at and below a place goes, and what is made there afterwards is new.
  mutating func delete(_ place: [UInt8]) {
    guard notesDeletions || !moves.isEmpty else { return }
    _ = take(below: place)
    guard notesDeletions || innermost(place)?.origin != nil else { return }
    insert([Move(place: place, origin: nil)], from: place, to: place)
  }

  /// Adds what happened afterwards.
  /// - Parameter isNew: whether what is at a place before the later changes was made after the one that was there was deleted.
  mutating func append(_ later: EntryMoves, isNew: ([UInt8]) -> Bool) {
    let before = self
    for move in later.moves {
      guard let origin = move.origin else {
        delete(move.place)
        continue
      }
      _ = take(below: move.place)
      var moved = Array(before.moves[before.range(below: origin)])
      if moved.first?.place != origin { moved.insert(Move(place: origin, origin: before.origin(of: origin, isNew)), at: 0) }
      insert(moved, from: origin, to: move.place)
    }
  }

  /// Where what is at a place was before; nil: nowhere.
  private func origin(of place: [UInt8], _ isNew: ([UInt8]) -> Bool) -> [UInt8]? {
    guard let move = innermost(place) else { return isNew(place) ? nil : place }
    return move.origin.map { $0 + place[move.place.count...] }
  }

  /// The move with the longest place that a place lies in.
  private func innermost(_ place: [UInt8]) -> Move? {
    var bound = place[...]
    while true {
      let index = firstIndex { bound.lexicographicallyPrecedes($0) }
      guard index > 0 else { return nil }
      let move = moves[index - 1]
      if place.starts(with: move.place) { return move }
      // Nothing longer than what the two have in common can contain it.
      bound = bound.prefix(zip(bound, move.place).prefix { $0 == $1 }.count)
    }
  }

  private mutating func take(below place: [UInt8]) -> [Move] {
    let range = range(below: place)
    defer { moves.removeSubrange(range) }
    return Array(moves[range])
  }

  /// All of these places lie below `place`, and nothing else here does below `target`.
  private mutating func insert(_ moved: [Move], from place: [UInt8], to target: [UInt8]) {
    let moved = moved.map { Move(place: target + $0.place[place.count...], origin: $0.origin) }
    moves.insert(contentsOf: moved, at: firstIndex { !$0.lexicographicallyPrecedes(target) })
  }

  private func range(below place: [UInt8]) -> Range<Int> {
    let start = firstIndex { !$0.lexicographicallyPrecedes(place) }
    let end = moves[start...].firstIndex { !$0.place.starts(with: place) }
    return start..<(end ?? moves.count)
  }

  /// The first move for whose place something holds that holds for all that follow.
  private func firstIndex(_ holds: ([UInt8]) -> Bool) -> Int {
    var (low, high) = (0, moves.count)
    while low < high {
      let middle = (low + high) / 2
      if holds(moves[middle].place) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

// MARK: Those of the candidate, in the store

extension EntryMoves {
  /// They lie in the candidate's space beside its changes (`Overlay.addKept`): under `00 03` and the place; a byte 1 and the origin, or 0.
  private static let mark: [UInt8] = [0, 3]

  init(keptIn space: Space, of snapshot: Snapshot) throws(StoreError) {
    var moves: [Move] = []
    try snapshot.scan(space, .prefix(Self.mark)) { key, value in
      let isMoved = value.first == 1
      moves.append(
        Move(place: Array(key.dropFirst(Self.mark.count)), origin: isMoved ? Array(value.dropFirst()) : nil))
      return true
    }
    self.moves = moves
  }

  func addKept(to batch: inout WriteBatch, _ space: Space) {
    batch.delete(space, .prefix(Self.mark))
    for move in moves { batch.put(space, Self.mark + move.place, move.origin.map { [1] + $0 } ?? [0]) }
  }
}
