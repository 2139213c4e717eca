/// How the daemon command ends (protocol part 08, section 2.6).
public struct ExitCode: RawRepresentable, Hashable, Sendable {
  public var rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let success = ExitCode(rawValue: 0)
  /// Internal error, and control commands that fail for reasons without a code of their own.
  public static let failure = ExitCode(rawValue: 1)
  /// Control command: could not connect in time.
  public static let cannotConnect = ExitCode(rawValue: 2)
  /// Control command: `--timeout` ran out.
  public static let timeout = ExitCode(rawValue: 3)
  /// An initial data file in the database directory is faulty.
  public static let badInitialData = ExitCode(rawValue: 10)
  /// Schema upgrade failed, data intact.
  public static let upgradeFailed = ExitCode(rawValue: 13)
  /// Database files damaged beyond repair.
  public static let databaseDamaged = ExitCode(rawValue: 15)
  /// File error in the database, for example disk full.
  public static let databaseFile = ExitCode(rawValue: 16)
  /// A socket could not be bound.
  public static let cannotBind = ExitCode(rawValue: 20)
  /// Configuration file faulty.
  public static let badConfiguration = ExitCode(rawValue: 21)
  /// Installation problem: missing or unreadable file, or a YANG module that does not load.
  public static let installation = ExitCode(rawValue: 22)
}
