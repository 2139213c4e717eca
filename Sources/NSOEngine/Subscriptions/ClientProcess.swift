/// The process at the other end of a client's connection, as far as the system can tell.
public struct ClientProcess: Sendable {
  /// May take some milliseconds: not for an event loop. What it tells is not older than the moment.
  let find: @Sendable (_ notBefore: ContinuousClock.Instant) -> Int32?
  /// Nil where the system does not tell.
  let threadCount: @Sendable (Int32) -> Int?

  /// - Parameters:
  ///   - threadCount: how many threads a process has.
  ///   - find: its number; nil where the system does not tell, for example because it is on another machine.
  public init(
    threadCount: @escaping @Sendable (Int32) -> Int?,
    _ find: @escaping @Sendable (_ notBefore: ContinuousClock.Instant) -> Int32?
  ) {
    self.find = find
    self.threadCount = threadCount
  }

  /// The process when it is that of another client too. Not known is not the same.
  func shared(with other: ClientProcess, _ notBefore: ContinuousClock.Instant) -> Int32? {
    guard let own = find(notBefore), own == other.find(notBefore) else { return nil }
    return own
  }
}
