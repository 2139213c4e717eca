import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

/// One transaction as one connection uses it: flags, namespace, position and cursors belong to the pair, so that two
/// connections on one transaction do not disturb each other (protocol part 04, section 3.4).
final class TransactionUse {
  let transaction: Transaction
  /// Started here; else attached.
  let isOwn: Bool
  var flags: TransactionFlags
  var position = Position()
  var cursors = CursorTable()
  /// An application of the daemon that has attached to it: what the session may do is not its concern.
  let isUnchecked: Bool

  init(_ transaction: Transaction, isOwn: Bool, flags: TransactionFlags, isUnchecked: Bool = false) {
    self.isUnchecked = isUnchecked
    self.transaction = transaction
    self.isOwn = isOwn
    self.flags = flags
  }

  var model: DataModel { transaction.model }
  /// As whom this connection writes at the moment.
  var writer: TransactionWriter {
    let writer = transaction.writer(isOwner: isOwn)
    return writer == .attached && isUnchecked ? .trusted : writer
  }

  /// Reads, as far as the session may.
  func read<R>(_ body: (TreeView) throws(NSOError) -> R) throws(NSOError) -> R {
    try transaction.read(unchecked: isUnchecked, body)
  }

  /// The view at this moment, for long reads elsewhere.
  func view() throws(NSOError) -> TreeView { try transaction.view(unchecked: isUnchecked) }

  var options: ReadOptions {
    ReadOptions(markDefaults: flags.contains(.noDefaults), configurationOnly: flags.contains(.configOnly))
  }

  func locate(_ path: WireKeypath, _ isRelative: Bool) throws(NSOError) -> Location {
    try position.resolver(model, isRelative: isRelative).locate(path)
  }

  /// As ``locate(_:_:)`` the short way; nil where the long way has to be taken.
  func quick(_ path: WireKeypath, _ isRelative: Bool) -> Location? {
    guard !isRelative, position.isPlain, !flags.contains(.configOnly) else { return nil }
    return WirePathResolver.quick(path, model)
  }

  /// As ``locate(_:_:)`` for a read: under CONFIG_ONLY operational data behaves as absent.
  func locateVisible(_ path: WireKeypath, _ isRelative: Bool) throws(NSOError) -> Location {
    let place = try locate(path, isRelative)
    guard flags.contains(.configOnly), let node = place.node, model[node].placement != .configuration else { return place }
    throw NSOError(
      .noExists, "\(place.text(model)) is operational data, which this transaction does not show (flag CONFIG_ONLY)")
  }
}

/// Where the cursors of one transaction on one connection stand. The client sends a cursor's position with every call, so an
/// entry here only makes the next call exact where its list changed meanwhile; old ones are dropped.
struct CursorTable {
  struct Cursor {
    var list: Location
    /// The keys that were sent last.
    var keys: [Value]
    var stand: CursorStand
    var filter: EntryFilter?
    var index = ""
    /// The order of the index, so that it is made once.
    var order: IndexOrder?
  }

  private var cursors: [Int64: Cursor] = [:]
  private var order: [Int64] = []
  private static let limit = 256
  /// Orders take memory in proportion to their lists: a cursor that loses its order makes it anew.
  private static let orderLimit = 4

  subscript(id: Int64) -> Cursor? { cursors[id] }

  mutating func set(_ id: Int64, _ cursor: Cursor) {
    if cursors.updateValue(cursor, forKey: id) == nil {
      order.append(id)
      if order.count > Self.limit { cursors[order.removeFirst()] = nil }
    }
    guard cursor.order != nil else { return }
    let holders = order.filter { cursors[$0]?.order != nil }
    for other in holders.filter({ $0 != id }).dropLast(Self.orderLimit - 1) { cursors[other]?.order = nil }
  }

  mutating func remove(_ id: Int64) {
    guard cursors.removeValue(forKey: id) != nil else { return }
    order.removeAll { $0 == id }
  }

  var count: Int { cursors.count }
}
