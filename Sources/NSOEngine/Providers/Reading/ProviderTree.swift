import Logging
public import NSOModel
import NSOSchema
public import NSOStore
import NSOTerms
import NSOWire
import Synchronization

/// The data of providers as one transaction sees it: a tree of records like that of the database, whose records are fetched
/// from the data providers when they are looked at. See ``ProviderWait`` for how that takes time.
public final class ProviderTree: DataTree {
  struct State {
    var cache = ProviderCache()
    /// What the operation under way found out so far; it is done again from its beginning each time.
    var facts: [ProviderWant: ProviderFact] = [:]
    var want: ProviderWant?
    var walked = WalkedLeafLists()
  }

  let model: DataModel
  let registry: ProviderRegistry
  let handle: Int32
  private let parts: @Sendable () throws(NSOError) -> ProviderTransactions
  let state = Mutex(State())

  /// - Parameter parts: the parts of providers in the transaction; asked for when the first of their data is touched.
  init(
    _ model: DataModel, _ registry: ProviderRegistry, handle: Int32,
    parts: @escaping @Sendable () throws(NSOError) -> ProviderTransactions
  ) {
    self.model = model
    self.registry = registry
    self.handle = handle
    self.parts = parts
  }

  /// As one transaction writes it, also where it reads through another one.
  convenience init(_ model: DataModel, _ registry: ProviderRegistry, of transaction: Transaction) {
    self.init(model, registry, handle: transaction.handle) { [weak transaction] () throws(NSOError) in
      guard let transaction else { throw NSOError(.noTransaction, "the transaction is finished") }
      return registry.parts(in: transaction)
    }
  }

  func part(of instance: ProviderInstance) throws(NSOError) -> ProviderTransaction { try parts().part(of: instance) }

  /// Waits for `body`, but no longer than the transaction is there, or the task is not cancelled.
  func whileOpen<T: Sendable>(_ body: @escaping @Sendable () async throws(NSOError) -> T) async throws(NSOError) -> T {
    try await parts().whileOpen(body)
  }

  /// The transaction is there.
  var isOpen: Bool {
    do throws(NSOError) { return try parts().isOpen } catch { return false }
  }

  private func fetchWhileOpen(_ want: ProviderWant) async throws(NSOError) -> ProviderFact {
    try await whileOpen { [self] () async throws(NSOError) in try await fetch(want) }
  }

  // MARK: Operations that are done again

  /// Fetches what the last read on an event loop lacked.
  public func fetchWanted() async throws(NSOError) {
    guard
      let want = state.withLock({ state in
        defer { state.want = nil }
        return state.want
      })
    else { return }
    let fact = try await fetchWhileOpen(want)
    state.withLock { $0.facts[want] = fact }
  }

  /// The operation has its answer: the next one asks anew.
  public func endOperation() {
    state.withLock { state in
      state.facts = [:]
      state.want = nil
    }
  }

  /// What was read is no longer what is there.
  public func forget() {
    state.withLock { state in
      state.cache.removeAll()
      state.facts = [:]
      state.walked = WalkedLeafLists()
    }
  }

  /// What is made of other data may have become something else; an operation under way goes on with what it has found out.
  func forgetCache() {
    state.withLock { state in
      state.cache.removeAll()
      state.walked = WalkedLeafLists()
    }
  }

  func fact(_ want: ProviderWant) throws(StoreError) -> ProviderFact {
    if let known = state.withLock({ $0.facts[want] }) ?? cached(want) { return known }
    if let answer = ProviderWait.known?.take(want, in: self) {
      switch answer {
      case .success(let fact): return fact
      case .failure(let error): throw StoreError(refusal: error)
      }
    }
    guard ProviderWait.isAllowed else {
      let lack = ProviderWait.Lack(tree: self, want: want)
      if let trial = ProviderWait.trial { trial.note(lack) } else { state.withLock { $0.want = want } }
      throw StoreError(refusal: ProviderWait.mustWait)
    }
    return try ProviderWait.block { [self] () async throws(NSOError) in try await fetchWhileOpen(want) }
  }

  // MARK: Records

  public func read(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError) -> Bool {
    guard let path = model.layout.path(Array(key)), let node = path.node, model[node].placement == .provider else {
      return try readAttribute(key, body)
    }
    guard let record = try record(path, node) else { return false }
    record.withUnsafeBytes(body)
    return true
  }

  private func readAttribute(
    _ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool {
    guard let (place, number) = TreePath.attribute(key) else { return false }
    guard !place.isEmpty else { return hasAttributes }
    guard let path = model.layout.path(place),
      let attribute = try attributes(of: path).first(where: { $0.number == number })
    else { return false }
    ValueCoding.bytes(of: attribute.value).withUnsafeBytes(body)
    return true
  }

  func record(_ path: TreePath, _ node: NodeID) throws(StoreError) -> [UInt8]? {
    if path.isWholeList { return nil }
    let facts = model[node]
    if facts.isKey { return nil }
    if facts.kind == .container, !facts.flags.contains(.presence) { return nil }
    guard case .record(let record) = try fact(.record(path.bytes)) else { return nil }
    return record
  }

  public func hasContent(_ path: TreePath) throws(StoreError) -> Bool {
    guard let node = path.node else { return try hasChildren(path, model.schema.roots) }
    guard model.providerReach(node) != .none else { return false }
    if path.isWholeList {
      guard model[node].placement == .provider else { return false }
      if model[node].kind == .leafList { return try !leafList(path).entries.isEmpty }
      guard case .entry(let entry) = try fact(.next(ProviderWalk(list: path.bytes), .start)) else { return false }
      return entry != nil
    }
    if model[node].placement == .provider {
      if try record(path, node) != nil { return true }
      // What is in an entry is not there without it.
      if path.isEntry || model[node].kind == .leaf || model[node].flags.contains(.presence) { return false }
    }
    return try hasChildren(path, model.schema[node].children)
  }

  private func hasChildren(_ path: TreePath, _ children: [NodeID]) throws(StoreError) -> Bool {
    for child in children where model.providerReach(child) != .none && !model[child].isKey {
      if try hasContent(path.appending(child, model.layout)) { return true }
    }
    return false
  }

  // MARK: Lists

  public func nextEntry(
    in list: TreePath, _ position: inout ListPosition, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool {
    guard let node = list.node, model[node].placement == .provider else { return false }
    if model[node].kind == .leafList { return try nextValue(in: list, &position, body) }
    let stand = ProviderStand(position)
    guard case .entry(let entry?) = try fact(.next(ProviderWalk(list: list.bytes), stand)) else { return false }
    position = .after(entry.key)
    entry.record.withUnsafeBytes(body)
    return true
  }

  public func forEachEntry(
    in list: TreePath, _ body: (_ entryKey: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) -> Bool
  ) throws(StoreError) {
    if let node = list.node, model[node].placement == .provider, model[node].kind == .leafList {
      return try forEachValue(of: list, body)
    }
    var position = ListPosition.start
    var goesOn = true
    while goesOn {
      var record: [UInt8] = []
      guard try nextEntry(in: list, &position, { record = Array($0) }) else { return }
      goesOn = position.entryKey.withUnsafeBytes { key in record.withUnsafeBytes { body(key, $0) } }
    }
  }

  public func count(of list: TreePath, limit: Int) throws(StoreError) -> Int {
    guard let node = list.node, model[node].placement == .provider, limit > 0 else { return 0 }
    if limit < .max {
      var count = 0
      try forEachEntry(in: list) { _, _ in
        count += 1
        return count < limit
      }
      return count
    }
    guard case .count(let count) = try fact(.count(list: list.bytes)) else { return 0 }
    return count
  }

  // MARK: Choices

  /// The case that a provider says is chosen; nil inside: it has no callback for that.
  func choice(_ choice: ChoiceID, in parent: TreePath) throws(StoreError) -> ChoiceAnswer? {
    guard case .choice(let answer) = try fact(.choice(choice, parent: parent.bytes)) else { return nil }
    return answer
  }

  public func makeCursor(in range: KeyRange) throws(StoreError) -> any TreeCursor {
    if let cursor = try attributeCursor(in: range) { return cursor }
    return ProviderCursor(self, range)
  }
}

extension ProviderStand {
  /// Whether an entry can be the next one, by the order of keys.
  func admits(_ key: [UInt8]) -> Bool {
    switch self {
    case .start: true
    case .after(let last): last.lexicographicallyPrecedes(key)
    case .atOrAfter(let first): !key.lexicographicallyPrecedes(first)
    case .values: true
    }
  }
}
