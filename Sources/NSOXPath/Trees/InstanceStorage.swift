public import NSOModel
public import NSOSchema

/// Data as it is stored: what was set, without defaults, without key leafs of their own. The least that an
/// ``AccessibleTree`` needs.
public protocol InstanceStorage {
  /// Where something is or would be in the storage. Equal places are the same node or entry.
  associatedtype Place: Hashable

  var schema: Schema { get }
  var rootPlace: Place { get }

  /// The place of a leaf, a container, or a list or leaf-list as a whole, below a node or entry.
  func place(of child: NodeID, in parent: Place) -> Place

  /// The place of an entry of the list or leaf-list at a place, whether or not it is there.
  func place(ofEntry keys: [Value], of list: NodeID, at place: Place) throws -> Place

  /// Whether a leaf is set, or a presence container or anydata exists.
  func isSet(_ place: Place) throws -> Bool

  /// Whether anything is set at or below a place.
  func hasContent(_ place: Place) throws -> Bool

  /// The value of a leaf; nil when it is not set.
  func value(of leaf: NodeID, at place: Place) throws -> Value?

  /// Calls `body` with the entries of a list (their keys), or of a leaf-list (the value as the one key), in order, until
  /// it returns false, which this function then returns. With `keys`, only those that begin with these, by lookup. `body`
  /// may read the storage.
  func forEachEntry(
    of list: NodeID, at place: Place, keys: [Value], _ body: (_ entry: Place, _ keys: [Value]) throws -> Bool
  ) throws -> Bool

  /// Whether those who have the entries of the list at a place want to be told what is looked for: of which nodes below it they know.
  /// Nil: no.
  func hintedNodes(of list: NodeID, at place: Place) -> ((NodeID) -> Bool)?

  /// As without hint; entries that the hint does not hold for may be left out. `body` is also told whether it is promised that the
  /// hint holds for the entry.
  func forEachEntry(
    of list: NodeID, at place: Place, keys: [Value], hint: EntryHint,
    _ body: (_ entry: Place, _ keys: [Value], _ isPromised: Bool) throws -> Bool
  ) throws -> Bool

  /// The number of entries of a list or leaf-list, but no more than `limit`.
  func count(of list: NodeID, at place: Place, limit: Int) throws -> Int

  /// Whether one entry of a list comes before another.
  func isEntry(_ a: Place, before b: Place, of list: NodeID) throws -> Bool

  /// Whether a place is that of the action, rpc or notification whose content is in the storage: XPath sees that one only
  /// (RFC 7950, section 6.4.1).
  func isOperation(_ place: Place) -> Bool
}

extension InstanceStorage {
  public func isOperation(_ place: Place) -> Bool { false }

  public func hintedNodes(of list: NodeID, at place: Place) -> ((NodeID) -> Bool)? { nil }

  public func forEachEntry(
    of list: NodeID, at place: Place, keys: [Value], hint: EntryHint,
    _ body: (_ entry: Place, _ keys: [Value], _ isPromised: Bool) throws -> Bool
  ) throws -> Bool {
    try forEachEntry(of: list, at: place, keys: keys) { try body($0, $1, false) }
  }

  public func count(of list: NodeID, at place: Place, limit: Int) throws -> Int {
    var count = 0
    guard limit > 0 else { return 0 }
    _ = try forEachEntry(of: list, at: place, keys: []) { _, _ in
      count += 1
      return count < limit
    }
    return count
  }
}

/// Storage that validation may remove data from: what a `when` condition no longer allows.
public protocol MutableInstanceStorage: InstanceStorage {
  /// Removes a node or entry with all below it.
  mutating func remove(_ place: Place, of node: NodeID) throws
}
