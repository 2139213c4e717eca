public import NSOModel
import NSOTerms
import NSOWire

/// The keys of the entries of a list, one request per entry (protocol part 04, section 5.1). Entries that are created or deleted
/// meanwhile may or may not be seen; each entry is seen at most once.
public struct ListEntries: AsyncSequence, Sendable {
  struct Find: Sendable {
    var keys: [Value]
    var includesSame: Bool
  }

  let transaction: Transaction
  let list: WireKeypath
  let start: CursorPosition
  let find: Find?
  /// The name of a secondary index; empty for none.
  var index = ""

  public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

  public struct Iterator: AsyncIteratorProtocol {
    private let sequence: ListEntries
    private let cursor = Cursor.newID()
    private var position: CursorPosition?
    private var find: Find?

    init(sequence: ListEntries) {
      self.sequence = sequence
      position = sequence.start
      find = sequence.find
    }

    public mutating func next() async throws -> [Value]? {
      guard let position else { return nil }
      let request: MAAPIRequest
      if let find {
        request = .findNext(
          FindNext(find.keys, sequence.list, cursor: cursor, includesSame: find.includesSame, index: sequence.index))
      } else {
        request = .getNext(GetNext(position, sequence.list, cursor: cursor, index: sequence.index))
      }
      find = nil
      guard let entry = try await sequence.transaction.entry(request) else {
        self.position = nil
        return nil
      }
      self.position = .after(entry)
      return entry.keys
    }
  }
}

/// The entries of a list with all their values in schema order (protocol part 04, sections 1.8 and 5.1), fetched in batches.
public struct ListObjects: AsyncSequence, Sendable {
  let transaction: Transaction
  let list: WireKeypath
  let filter: String?
  let batch: Int

  public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

  public struct Iterator: AsyncIteratorProtocol {
    private let sequence: ListObjects
    private let cursor = Cursor.newID()
    private var position: CursorPosition?
    private var fetched: ArraySlice<[Value]> = []

    init(sequence: ListObjects) {
      self.sequence = sequence
      position = .first(filter: sequence.filter)
    }

    public mutating func next() async throws -> [Value]? {
      while fetched.isEmpty {
        guard let position else { return nil }
        let request = GetObjects(position, sequence.list, cursor: cursor, maxEntries: Int64(sequence.batch))
        let answer = try await sequence.transaction.objects(.getObjects(request))
        fetched = answer.objects[...]
        self.position = answer.next.map { .after($0) }
      }
      return fetched.popFirst()
    }
  }
}

enum Cursor {
  /// Constant for the life of a cursor (protocol part 04, section 5.1).
  static func newID() -> Int64 { Int64.random(in: 0..<1 << 28) }
}
