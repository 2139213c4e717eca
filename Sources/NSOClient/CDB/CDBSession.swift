import ExternalTerm
public import NSOModel
import NSOTerms
public import NSOWire

/// A session on one datastore of CDB (protocol part 03, section 6.2). A value: copies are the same session.
public struct CDBSession: Sendable {
  let cdb: CDB
  public let database: CDBDatabase

  /// Ends the session and releases its lock.
  public func end() async throws { try await done(.endSession) }
}

extension CDBSession: Caller {
  func reply(to request: CDBRequest) async throws -> Reply { try await cdb.reply(to: request) }
}

// MARK: - Reading (protocol part 03, section 9)

extension CDBSession {
  /// The value of a leaf or leaf-list, its default if none is set.
  /// - Throws: `noExists` when there is neither, `badPath` when the schema has no such leaf.
  public func get(_ path: some PathConvertible) async throws -> Value { try await value(.get(path.wirePath)) }

  /// As ``get(_:)``, nil when there is no value.
  public func getIfPresent(_ path: some PathConvertible) async throws -> Value? {
    try await unlessMissing { try await get(path) }
  }

  /// Whether a list entry, a presence container or a leaf exists.
  public func exists(_ path: some PathConvertible) async throws -> Bool { try await bool(.exists(path.wirePath)) }

  /// Number of entries of a list or leaf-list.
  public func count(of list: some PathConvertible) async throws -> Int {
    try await narrow(integer(.numInstances(list.wirePath)))
  }

  /// The position of a list entry, from 0.
  public func index(of entry: some PathConvertible) async throws -> Int { try await narrow(integer(.keyIndex(entry.wirePath))) }

  /// The position of the entry that follows the given keys in list order, which need not exist; nil when none follows. Keys at the
  /// end may be `.tag("*")`, which comes before every value.
  public func nextIndex(after entry: some PathConvertible) async throws -> Int? {
    let index: Int = try await narrow(integer(.nextIndex(entry.wirePath)))
    return index < 0 ? nil : index
  }

  /// All values of a container or list entry in schema order (protocol part 03, section 3.6).
  public func getObject(_ path: some PathConvertible) async throws -> [Value] { try await values(.getObject(path.wirePath)) }

  /// Several entries of a list.
  /// - Throws: `noExists` when the list ends before.
  public func getObjects(of list: some PathConvertible, from start: Int = 0, count: Int) async throws -> [[Value]] {
    try await valueArrays(.getObjects(list.wirePath, start: Int64(start), count: Int64(count)))
  }

  /// Chosen leafs below a node: ask with `.notFound` as value; the answer has the same length and order.
  public func getValues(_ wanted: [TaggedValue], below path: some PathConvertible) async throws -> [TaggedValue] {
    try await tagged(.getValues(wanted, path.wirePath))
  }

  /// The case of a choice that has data; nil when none has.
  /// - Parameter choice: the choice; for one inside a case: choice, case, choice, from the outermost inwards.
  public func getCase(of choice: [Tag], in path: some PathConvertible) async throws -> Tag? {
    try await unlessMissing { try await tag(.getCase(choice: choice, path.wirePath)) }
  }

  /// Whether a leaf has its default because nothing was set.
  public func isDefault(_ path: some PathConvertible) async throws -> Bool { try await bool(.isDefault(path.wirePath)) }

  /// Attributes of a node; all of them if no numbers are given.
  public func getAttributes(_ numbers: [AttributeNumber] = [], of path: some PathConvertible) async throws -> [Attribute] {
    try await attributes(.getAttrs(numbers, path.wirePath))
  }

  /// The entries of a list with all their values, in list order; several are fetched at a time. The list must not change meanwhile:
  /// read under the session's lock.
  public func objects(of list: some PathConvertible, batch: Int = 100) -> CDBListObjects {
    CDBListObjects(session: self, list: list.wirePath, batch: Swift.max(1, batch))
  }
}

// MARK: - Writing operational data (protocol part 03, section 10). Each request is atomic.

extension CDBSession {
  /// Sets a leaf or leaf-list.
  /// - Throws: `notWritable` outside of operational sessions, `badType`, `badPath`, `locked`.
  public func set(_ value: Value, at path: some PathConvertible) async throws {
    try await done(.setElem(EncodedTerm(value), path.wirePath))
  }

  /// Sets a leaf from its lexical form, which the daemon reads by the leaf's type.
  public func set(text: String, at path: some PathConvertible) async throws { try await done(.setElem2(text, path.wirePath)) }

  /// Creates a list entry, a presence container or a leaf of type empty.
  public func create(_ path: some PathConvertible) async throws { try await done(.create(path.wirePath)) }

  /// Deletes a node with all below.
  public func delete(_ path: some PathConvertible) async throws { try await done(.delete(path.wirePath)) }

  /// Writes a whole container or list entry in schema order; what is `.notFound` is deleted. Lists inside are not touched.
  public func setObject(_ values: [Value], at path: some PathConvertible) async throws {
    try await done(.setObject(values, path.wirePath))
  }

  /// Writes what is mentioned below a node and creates what is missing on the way; `.notFound` deletes.
  public func setValues(_ values: [TaggedValue], below path: some PathConvertible) async throws {
    try await done(.setValues(values, path.wirePath))
  }

  /// Sets an attribute of operational configuration data; nil deletes it.
  public func setAttribute(_ number: AttributeNumber, to value: Value?, of path: some PathConvertible) async throws {
    try await done(.setAttr(number, value, path.wirePath))
  }

  /// Selects a case of a choice, which deletes the data of the others.
  /// - Parameter choice: the choice; for one inside a case: choice, case, choice, from the outermost inwards.
  public func setCase(_ selected: Tag, of choice: [Tag], in path: some PathConvertible) async throws {
    try await done(.setCase(choice: choice, case: selected, path.wirePath))
  }
}

/// The entries of a list with all their values (protocol part 03, section 9.7), fetched by position in batches.
public struct CDBListObjects: AsyncSequence, Sendable {
  let session: CDBSession
  let list: WireKeypath
  let batch: Int

  public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

  public struct Iterator: AsyncIteratorProtocol {
    private let sequence: CDBListObjects
    private var position = 0
    private var remaining: Int?
    private var fetched: ArraySlice<[Value]> = []

    init(sequence: CDBListObjects) { self.sequence = sequence }

    public mutating func next() async throws -> [Value]? {
      while fetched.isEmpty {
        let left: Int
        if let remaining { left = remaining } else { left = try await sequence.session.count(of: sequence.list) }
        guard left > 0 else {
          remaining = 0
          return nil
        }
        let count = Swift.min(left, sequence.batch)
        fetched = try await sequence.session.getObjects(of: sequence.list, from: position, count: count)[...]
        position += count
        remaining = left - count
      }
      return fetched.popFirst()
    }
  }
}
