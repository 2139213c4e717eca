/// What `ncs.conf` says of a notification stream (`notifications/event-streams/stream`; protocol part 08, section 7.2).
public struct NotificationStreamSettings: Hashable, Sendable {
  /// The daemon's own log of a stream (`builtin-replay-store`).
  public struct Store: Hashable, Sendable {
    /// Made if it is missing; several streams may share it.
    public var directory: String
    /// Bytes of one file.
    public var maximumSize: Int
    /// How many files are kept; the oldest goes.
    public var maximumFiles: Int

    public init(directory: String, maximumSize: Int, maximumFiles: Int) {
      self.directory = directory
      self.maximumSize = maximumSize
      self.maximumFiles = maximumFiles
    }
  }

  public var name: String
  public var description: String
  /// Whether subscribers may ask for the past.
  public var offersReplay: Bool
  /// Nil: the past comes from the data provider, if it keeps one.
  public var store: Store?

  public init(name: String, description: String, offersReplay: Bool = false, store: Store? = nil) {
    self.name = name
    self.description = description
    self.offersReplay = offersReplay
    self.store = store
  }
}
