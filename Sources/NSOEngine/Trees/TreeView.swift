import ExternalTerm
public import NIOCore
public import NSOModel
import NSOSchema
public import NSOStore

/// The data of one moment, or of one transaction, with its meaning: defaults, key leafs, cases, presence. Made of the trees
/// of records; a value, cheap to make.
public struct TreeView: Sendable {
  public let model: DataModel
  /// Running, candidate, startup, or a transaction's view of it.
  public var configuration: any DataTree
  public var operational: any DataTree
  public var persistentOperational: any DataTree
  /// Data of providers; nil where it cannot be read.
  public var provider: (any DataTree)?
  /// The same, as far as it has answers that no record gives.
  var providerTree: ProviderTree?
  /// Why there is none.
  var providerAbsence: ProviderAbsence?
  /// Data whose `when` condition does not hold behaves as absent (delayed-when, where it may be there for a while).
  var hidesUnmet = false
  /// It does not show everything: what hides it, and what is there.
  var access: AccessScope?
  /// What was written in the transaction that this is the view of.
  var written = WriteLog()

  public init(
    _ model: DataModel, configuration: any DataTree, operational: any DataTree, persistentOperational: any DataTree
  ) {
    self.model = model
    self.configuration = configuration
    self.operational = operational
    self.persistentOperational = persistentOperational
  }

  /// Where missing data of providers is fetched (``ProviderWait``).
  public var waitingTree: ProviderTree? { providerTree }

  /// The tree that holds a node's records.
  /// - Throws: NOT_IMPLEMENTED for data of providers, BADPATH for nodes that hold no data.
  func tree(of node: NodeID) throws(NSOError) -> any DataTree {
    switch model[node].placement {
    case .configuration: return configuration
    case .operational: return operational
    case .persistentOperational: return persistentOperational
    case .provider:
      guard let provider else {
        if let providerAbsence {
          throw providerAbsence.refusal(node, model, at: model.schema.path(of: node), isWrite: false)
        }
        throw NSOError(
          .notImplemented,
          "\(model.schema.path(of: node)) is data of a provider (callpoint): it can be read in a transaction of MAAPI, not here"
        )
      }
      return provider
    case .none:
      throw NSOError(.badPath, "\(model.schema.path(of: node)) is no data node: it cannot be read or written")
    }
  }

  /// True when the list entry or presence container above exists, so that something can be here.
  public func anchorExists(_ location: Location) throws(NSOError) -> Bool {
    guard let anchor = location.anchorNode else { return true }
    let tree = try tree(of: anchor)
    return try storeErrors { () throws(StoreError) in
      try location.path.withPrefix(location.anchorLength) { key throws(StoreError) in try tree.contains(key) }
    }
  }

  /// Whether a node exists (protocol part 04, section 4.6): a list entry, presence container, leaf (also by its default), an
  /// entry of a leaf-list. A container without presence exists where its parent does.
  /// - Throws: BADPATH for a list without keys.
  public func exists(_ location: Location) throws(NSOError) -> Bool {
    guard let node = location.node else { return true }
    let facts = model[node]
    if hidesUnmet, try isUnmet(location) { return false }
    if facts.isKey { return try anchorExists(location) }
    let tree = try tree(of: node)
    switch facts.kind {
    case .list where !location.isEntry:
      throw NSOError(
        .badPath, "\(location.text(model)) is a list: give the keys of an entry, or ask for the number of entries")
    case .container where !facts.flags.contains(.presence):
      guard try anchorExists(location), access?.access.shows(location.path) ?? true else { return false }
      guard facts.isConditional, try !isInEffect(location) else { return true }
      return try isSet(location)
    case .leafList where !location.isEntry:
      if try storeErrors({ () throws(StoreError) in try tree.hasContent(location.path) }) { return true }
      return try defaultBytes(location) != nil
    case .leaf:
      if try storeErrors({ () throws(StoreError) in try tree.exists(location.path) }) { return true }
      return try defaultBytes(location) != nil
    default:
      return try storeErrors { () throws(StoreError) in try tree.exists(location.path) }
    }
  }

  /// The default of a leaf or leaf-list as term bytes, if it is in effect: it has one, what it is in exists, and no other case
  /// of its choice is chosen. The caller knows that no value is set.
  public func defaultBytes(_ location: Location) throws(NSOError) -> [UInt8]? {
    guard let node = location.node, let bytes = model.defaultBytes(node) else { return nil }
    guard try anchorExists(location), access?.access.shows(location.path) ?? true else { return nil }
    if model[node].isConditional, try !isInEffect(location) { return nil }
    return bytes
  }

  /// Appends the term of a leaf's or leaf-list's value to `buffer` (no version byte).
  /// - Parameter markDefaults: write the atom `default` where the default is in effect (flag NO_DEFAULTS).
  /// - Throws: NOEXISTS when there is no value and no default, BADTYPE at a node that has no value.
  public func writeLeaf(_ location: Location, markDefaults: Bool = false, into buffer: inout ByteBuffer) throws(NSOError) {
    guard try appendLeaf(location, markDefaults: markDefaults, &buffer) else {
      throw try missing(location)
    }
  }

  /// As ``writeLeaf(_:markDefaults:into:)``; false, with nothing written, when there is no value.
  func appendLeaf(_ location: Location, markDefaults: Bool, _ buffer: inout ByteBuffer) throws(NSOError) -> Bool {
    guard let node = location.node else { throw NSOError(.badType, "the root has no value") }
    let facts = model[node]
    if hidesUnmet, try isUnmet(location) { return false }
    switch facts.kind {
    case .leaf:
      if facts.isKey { return try appendKeyLeaf(location, Int(facts.keyIndex), &buffer) }
      guard !facts.flags.contains(.empty) else {
        throw NSOError(
          .badType, "\(location.text(model)) is of type empty and has no value: ask whether it exists")
      }
      let tree = try tree(of: node)
      let found: Void? = try storeErrors { () throws(StoreError) in
        try tree.get(location.path) { bytes in _ = buffer.writeBytes(bytes) }
      }
      if found != nil { return true }
    case .leafList:
      if location.isEntry {
        let tree = try tree(of: node)
        return try storeErrors { () throws(StoreError) in
          try tree.get(location.path) { bytes in _ = buffer.writeBytes(bytes) }
        } != nil
      }
      if try appendLeafList(location, &buffer) { return true }
    default:
      throw NSOError(
        .badType,
        "\(location.text(model)) is a \(facts.kind.text) and has no value: read the leafs below it, or ask whether it exists")
    }
    guard let bytes = try defaultBytes(location) else { return false }
    if markDefaults { buffer.writeTermAtom("default") } else { buffer.writeBytes(bytes) }
    return true
  }

  /// The value of a leaf or leaf-list, nil when there is none.
  public func value(_ location: Location) throws(NSOError) -> Value? {
    var buffer = ByteBuffer()
    guard try appendLeaf(location, markDefaults: false, &buffer) else { return nil }
    return try decoded(buffer)
  }

  /// What to say of a leaf without value.
  func missing(_ location: Location) throws(NSOError) -> NSOError {
    try requireReadable(location)
    if try !anchorExists(location) {
      return NSOError(.noExists, "\(location.text(model)): the entry \(location.anchorText(model)) does not exist")
    }
    return NSOError(.noExists, "\(location.text(model)) has no value and no default")
  }

  private func appendKeyLeaf(_ location: Location, _ index: Int, _ buffer: inout ByteBuffer) throws(NSOError) -> Bool {
    guard let anchor = location.anchorNode else { return false }
    let tree = try tree(of: anchor)
    var result: Result<Void, TermError> = .success(())
    let found = try storeErrors { () throws(StoreError) in
      try location.path.withPrefix(location.anchorLength) { key throws(StoreError) in
        try tree.read(key) { record in
          result = Self.appendElement(index, of: record, &buffer)
        }
      }
    }
    guard case .success = result else {
      throw NSOError(
        .internal, "the record of \(location.anchorText(model)) is damaged; check the database with ncs --cdb-validate")
    }
    return found
  }

  /// Element `index` of a key tuple.
  private static func appendElement(
    _ index: Int, of record: UnsafeRawBufferPointer, _ buffer: inout ByteBuffer
  ) -> Result<Void, TermError> {
    do throws(TermError) {
      var reader = TermReader(record)
      let arity = try reader.readTupleHeader()
      guard index < arity else { throw reader.error(.expected("\(index + 1) keys")) }
      for _ in 0..<index { try reader.skip() }
      buffer.writeBytes(try reader.readTermBytes())
      return .success(())
    } catch {
      return .failure(error)
    }
  }

  /// The set entries of a leaf-list as a list term; false when nothing is set.
  private func appendLeafList(_ location: Location, _ buffer: inout ByteBuffer) throws(NSOError) -> Bool {
    guard let node = location.node else { return false }
    let tree = try tree(of: node)
    let start = buffer.writerIndex
    buffer.writeTermListHeader(count: 1)
    let head = buffer.writerIndex
    var count: UInt32 = 0
    try storeErrors { () throws(StoreError) in
      try tree.forEachEntry(in: location.path) { _, record in
        buffer.writeBytes(record)
        count &+= 1
        return true
      }
    }
    guard count > 0 else {
      buffer.moveWriterIndex(to: start)
      return false
    }
    buffer.writeTermListEnd(count: Int(count))
    buffer.setInteger(count, at: head - 4)
    return true
  }
}
