import ExternalTerm
public import NSOModel
import NSOTerms
public import NSOWire

/// A transaction on a MAAPI connection (protocol part 04, sections 3.2 and 4.5). A value: copies are the same transaction.
public struct Transaction: Sendable {
  public let handle: TransactionHandle
  let maapi: MAAPI
}

// MARK: - Control

extension Transaction {
  /// Validates, prepares and commits in one step. The transaction must still be finished afterwards.
  ///
  /// - Parameters:
  ///   - keepOpen: after a failed validation keep the changes, so that they can be corrected.
  ///   - flags: commit flags of the service orchestrator.
  /// - Throws: validation errors, `inUse`, `badState`, `transactionConflict`, ...
  public func apply(keepOpen: Bool = false, flags: UInt64 = 0) async throws {
    try await done(.applyTransaction(keepOpen: keepOpen, flags: flags))
  }

  /// Checks all constraints.
  ///
  /// - Parameters:
  ///   - unlock: let others commit again afterwards; without it the next step must be ``prepare(flags:)`` or ``finish()``.
  ///   - force: also for the candidate and for transactions on transactions.
  public func validate(unlock: Bool = true, force: Bool = false) async throws {
    try await done(.validateTransaction(unlock: unlock, force: force))
  }

  /// First half of a commit by hand, after ``validate(unlock:force:)`` without unlock.
  public func prepare(flags: UInt64 = 0) async throws { try await done(.prepareTransaction(flags: flags)) }

  /// Second half of a commit by hand.
  public func commit() async throws { try await done(.commitTransaction) }

  /// Instead of ``commit()``, after ``prepare(flags:)``.
  public func abort() async throws { try await done(.abortTransaction) }

  /// Drops all changes; the transaction stays open.
  public func revert() async throws { try await done(.revert) }

  /// Ends the transaction in any state; what is not committed is gone.
  public func finish() async throws { try await done(.stopTransaction) }

  /// Stops using a transaction that was attached.
  public func detach() async throws { try await done(.detach) }

  public func setFlags(_ flags: TransactionFlags) async throws { try await done(.setFlags(flags)) }

  /// Allows to write nodes whose `when` is not true yet.
  /// - Returns: the mode before.
  @discardableResult
  public func setDelayedWhen(_ isOn: Bool) async throws -> Bool { try await bool(.setDelayedWhen(isOn)) }

  /// The label of the rollback entry that the commit makes.
  public func setLabel(_ label: String) async throws { try await done(.setLabel(label)) }

  /// The comment of the rollback entry that the commit makes.
  public func setComment(_ comment: String) async throws { try await done(.setComment(comment)) }

  /// Replaces the configuration in another transaction of the same session by that of this one.
  public func copy(to destination: Transaction) async throws { try await done(.copy(to: destination.handle)) }
}

// MARK: - Reading (protocol part 04, section 4.6). All reads see the changes of the transaction.

extension Transaction {
  /// Whether a list entry, a presence container or a leaf exists.
  public func exists(_ path: some PathConvertible) async throws -> Bool { try await bool(.exists(path.wirePath)) }

  /// Number of entries of a list.
  public func count(of list: some PathConvertible) async throws -> Int {
    try await narrow(integer(.numInstances(list.wirePath)))
  }

  /// The value of a leaf or leaf-list, its default if none is set.
  /// - Throws: `noExists` when there is neither, `badPath` when the schema has no such leaf.
  public func get(_ path: some PathConvertible) async throws -> Value { try await value(.getElem(path.wirePath)) }

  /// As ``get(_:)``, nil when there is no value.
  public func getIfPresent(_ path: some PathConvertible) async throws -> Value? {
    try await unlessMissing { try await get(path) }
  }

  /// The value of a leaf in its lexical form, as the daemon writes it. Daemons other than ours may not know the operation (167).
  public func getText(_ path: some PathConvertible) async throws -> String { try await text(.getElem2(path.wirePath)) }

  /// All values of a container or list entry in schema order (protocol part 04, section 1.8).
  public func getObject(_ path: some PathConvertible) async throws -> [Value] { try await values(.getObject(path.wirePath)) }

  /// Chosen leafs below a node: ask with `.notFound` as value; the answer has the same length and order.
  public func getValues(_ wanted: [TaggedValue], below path: some PathConvertible) async throws -> [TaggedValue] {
    try await tagged(.getValues(wanted, path.wirePath))
  }

  /// The case of a choice that has data; nil when none has.
  /// - Parameter choice: the choice; for one inside a case: choice, case, choice, from the outermost inwards.
  public func getCase(of choice: [Tag], in path: some PathConvertible) async throws -> Tag? {
    try await unlessMissing { try await tag(.getCase(choice: choice, path.wirePath)) }
  }

  /// Attributes of a node; all of them if no numbers are given.
  public func getAttributes(_ numbers: [AttributeNumber] = [], of path: some PathConvertible) async throws -> [Attribute] {
    try await attributes(.getAttrs(numbers, path.wirePath))
  }

  /// The keys of the entries of a list, in list order.
  ///
  /// - Parameters:
  ///   - list: the list, without keys.
  ///   - filter: XPath that is evaluated with each entry as context; entries for which it is false are left out.
  public func entries(of list: some PathConvertible, where filter: String? = nil) -> ListEntries {
    ListEntries(transaction: self, list: list.wirePath, start: .first(filter: filter), find: nil)
  }

  /// The keys of the entries at or after `keys`, which may be fewer than the list has.
  /// - Parameter includingFirst: whether the entry with exactly these keys counts.
  public func entries(of list: some PathConvertible, from keys: [Value], includingFirst: Bool = true) -> ListEntries {
    ListEntries(
      transaction: self, list: list.wirePath, start: .first(filter: nil), find: .init(keys: keys, includesSame: includingFirst))
  }

  /// The entries of a list with all their values, in list order; several are fetched at a time.
  /// - Parameter batch: how many.
  public func objects(of list: some PathConvertible, where filter: String? = nil, batch: Int = 100) -> ListObjects {
    ListObjects(transaction: self, list: list.wirePath, filter: filter, batch: max(1, batch))
  }

  /// Goes through the changes of the transaction in tree order. `body` decides whether to go on below a change; it must not
  /// use the connection.
  /// - Parameter path: only changes below; nil for all.
  public func iterateChanges(
    below path: (any PathConvertible)? = nil, flags: IterationFlags = [], _ body: (DataChange) throws -> IterationAnswer
  ) async throws {
    let request: MAAPIRequest = path.map { .keypathDiffIterate(flags, $0.wirePath) } ?? .diffIterate(flags)
    try await maapi.iterate(request, handle) { item in
      guard case .change(let path, let kind) = item else { return nil }
      return try body(DataChange(path: path, kind: kind))
    }
  }

  /// All changes of the transaction in tree order.
  public func changes(below path: (any PathConvertible)? = nil, flags: IterationFlags = []) async throws -> [DataChange] {
    var changes: [DataChange] = []
    try await iterateChanges(below: path, flags: flags) { change in
      changes.append(change)
      return .recurse
    }
    return changes
  }
}

// MARK: - Writing (protocol part 04, section 4.7)

extension Transaction {
  /// Creates a list entry, a presence container or a leaf of type empty.
  /// - Throws: `alreadyExists`, `notCreatable`, `badPath`, ...
  public func create(_ path: some PathConvertible) async throws { try await done(.create(path.wirePath)) }

  /// Deletes a node with all below.
  /// - Throws: `noExists`, `notDeletable`, `badPath`, ...
  public func delete(_ path: some PathConvertible) async throws { try await done(.delete(path.wirePath)) }

  /// Sets a leaf or leaf-list.
  /// - Throws: `badType` when the value does not fit.
  public func set(_ value: Value, at path: some PathConvertible) async throws {
    try await done(.setElem(EncodedTerm(value), path.wirePath))
  }

  /// Sets a leaf from its lexical form, which the daemon reads by the leaf's type.
  public func set(text: String, at path: some PathConvertible) async throws { try await done(.setElem2(text, path.wirePath)) }

  /// Writes a whole container or list entry in schema order; what is `.notFound` is deleted. Lists inside are not touched.
  public func setObject(_ values: [Value], at path: some PathConvertible) async throws {
    try await done(.setObject(values, path.wirePath))
  }

  /// Writes what is mentioned below a node and creates what is missing on the way; `.notFound` deletes.
  public func setValues(_ values: [TaggedValue], below path: some PathConvertible) async throws {
    try await done(.setValues(values, path.wirePath))
  }

  /// Sets an attribute; nil deletes it.
  public func setAttribute(_ number: AttributeNumber, to value: Value?, of path: some PathConvertible) async throws {
    try await done(.setAttr(number, value, path.wirePath))
  }

  /// Gives a list entry new keys.
  public func move(_ path: some PathConvertible, to keys: [Value]) async throws {
    try await done(.move(path.wirePath, to: keys))
  }

  /// Moves an entry of a list ordered by the user.
  public func move(_ path: some PathConvertible, _ place: MoveWhere) async throws {
    try await done(.moveOrdered(path.wirePath, place))
  }

  /// Copies a subtree on top of another.
  public func copyTree(from source: some PathConvertible, to destination: some PathConvertible) async throws {
    try await done(.copyTree(CopyTree(from: source.wirePath, to: destination.wirePath)))
  }

  /// Deletes all configuration.
  public func deleteAll(_ what: DeleteAll = .safe) async throws { try await done(.deleteAll(what)) }
}
