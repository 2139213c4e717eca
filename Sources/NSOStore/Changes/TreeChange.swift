/// One difference between two trees. The bytes are valid only while it is shown.
public struct TreeChange {
  public enum Kind {
    /// An entry of a list or leaf-list, or a presence container, that was not there.
    case created
    /// An entry of a list or leaf-list, or a presence container, that was there. What was below it is gone too.
    case deleted
    /// A leaf that has a new value, or one for the first time.
    case set
    /// A leaf that was set and is not.
    case unset
    /// An entry of a list ordered by user that has another place among those that were there before, or was created: it now follows the
    /// entry with these keys (in the store's form), or is the first.
    case moved(after: [UInt8]?)
    /// An attribute of the node (`AttributeNumber`) that was set, changed or removed.
    case attribute(number: UInt32)
  }

  public let kind: Kind
  public let path: TreePath
  /// The record before: of a leaf its value, of an entry what is kept for it.
  public let old: UnsafeRawBufferPointer?
  /// The record now.
  public let new: UnsafeRawBufferPointer?
}

/// What to do after a change was shown.
public enum TreeChangeStep: Hashable, Sendable {
  case goOn
  /// Show nothing that lies below the path of this change.
  case skipBelow
  case stop
}
