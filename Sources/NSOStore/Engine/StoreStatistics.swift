/// Facts about a store for those who run it (`ncs --status`).
public struct StoreStatistics: Sendable {
  /// A snapshot that somebody holds.
  public struct Reader: Hashable, Sendable {
    public var revision: Revision
    /// How long it has been held.
    public var age: Duration
  }

  public var path: String
  public var durability: StoreOptions.Durability
  public var revision: Revision
  /// Bytes of the file in use or kept for reuse.
  public var size: Int
  /// Bytes the file may grow to.
  public var maximumSize: Int
  /// Records of each space.
  public var records: [Space: Int]
  /// The snapshots held, the oldest first. The store itself keeps one of the latest revision.
  public var readers: [Reader]
  /// Batches committed since the store was opened.
  public var commits: UInt64
  /// Writes to disk that carried them; fewer than `commits` when batches shared one.
  public var syncs: UInt64
}
