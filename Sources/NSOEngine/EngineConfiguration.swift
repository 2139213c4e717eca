/// What the engine can be told. Times are in seconds.
public struct EngineConfiguration: Sendable {
  /// How many sessions of contexts other than `system` may exist at once.
  public var sessionLimit = 1024
  /// How many transactions may be open at once.
  public var transactionLimit = 4096
  /// How long a validation or commit waits for another transaction, or for read locks, before it fails with INUSE.
  public var commitWait = 15
  /// Which datastores there are.
  public var datastores = DatastoreOptions()
  /// How many past commits are kept.
  public var history = History.Limits()
  /// Whether HA orders are carried out (`ha/enabled`).
  public var isHAEnabled = false
  /// Gives the present time as seconds since 1970-01-01 UTC and microseconds.
  public var clock: @Sendable () -> (seconds: Int64, microseconds: Int64)

  public init(clock: @escaping @Sendable () -> (seconds: Int64, microseconds: Int64) = systemClock) {
    self.clock = clock
  }
}
