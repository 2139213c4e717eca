/// Where a walk through the entries of a list or leaf-list stands. It holds no resources and may be kept for as long as one
/// likes; each step looks at the tree it is given then, so it works across changes and other snapshots.
public struct ListPosition: Hashable, Sendable {
  public enum Stand: UInt8, Hashable, Sendable { case start, after, atOrAfter }

  public internal(set) var stand: Stand
  /// The keys of the entry last returned, or those to begin at, in the store's form.
  public internal(set) var entryKey: [UInt8]
  /// Of an ordered-by user list: the place of that entry when it was returned, and the entry that followed it then.
  public internal(set) var place: UInt64?
  var following: [UInt8]?

  /// Before the first entry.
  public static var start: ListPosition { ListPosition(stand: .start, entryKey: []) }

  /// After the entry with these keys, which need not be there (any more).
  public static func after(_ entryKey: [UInt8]) -> ListPosition { ListPosition(stand: .after, entryKey: entryKey) }

  /// After the entry with these keys that had this place: of several with the same keys, that one.
  public static func after(_ entryKey: [UInt8], at place: UInt64) -> ListPosition {
    ListPosition(stand: .after, entryKey: entryKey, place: place)
  }

  /// At the first entry whose keys are not before these, which may be the first keys only. In a list ordered by user: at the first entry
  /// that begins with them.
  public static func atOrAfter(_ entryKey: [UInt8]) -> ListPosition { ListPosition(stand: .atOrAfter, entryKey: entryKey) }
}
