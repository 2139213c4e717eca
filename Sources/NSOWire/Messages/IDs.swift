/// A transaction, chosen by the daemon.
public struct TransactionHandle: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public var rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }
  public init(_ rawValue: Int32) { self.rawValue = rawValue }

  /// The transaction that loads init files or upgrades the data.
  public static var initTransaction: Self { Self(-2) }

  public var description: String { String(rawValue) }
}

/// A user session; positive. 0 in requests: the session of the connection, or the owner of the transaction.
public typealias UserSessionID = Int32
