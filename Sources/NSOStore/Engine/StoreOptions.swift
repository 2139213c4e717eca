/// How a store is opened.
public struct StoreOptions: Sendable {
  public enum Durability: Hashable, Sendable {
    /// A commit is on disk before it is acknowledged.
    case durable
    /// Nothing waits for the disk, and whatever is there is wiped when the store is opened.
    case volatile
  }

  /// The directory; made if it is missing (its parent is not).
  public var path: String
  public var durability: Durability
  /// The most the file may grow to, in bytes. It is only address space: the file takes what the data takes.
  public var maximumSize: Int
  /// How many snapshots of different revisions may be open at the same time.
  public var maximumReaders: Int
  /// Who opens it, told to others that try to.
  public var instanceName: String
  /// How many bytes of recent commits are remembered to find conflicts without comparing snapshots.
  public var commitLogSize: Int

  public init(
    path: String, durability: Durability = .durable, maximumSize: Int = 64 << 30, maximumReaders: Int = 1024,
    instanceName: String = "ncs", commitLogSize: Int = 32 << 20
  ) {
    self.path = path
    self.durability = durability
    self.maximumSize = maximumSize
    self.maximumReaders = maximumReaders
    self.instanceName = instanceName
    self.commitLogSize = commitLogSize
  }
}
