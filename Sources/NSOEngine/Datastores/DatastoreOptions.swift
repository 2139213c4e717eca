/// Which datastores there are besides running and operational, and how running is written.
public struct DatastoreOptions: Hashable, Sendable {
  public enum RunningAccess: Hashable, Sendable {
    case readWrite
    /// Only by commits of the candidate.
    case throughCandidate
  }

  public var candidate = false
  public var startup = false
  public var running = RunningAccess.readWrite

  public init() {}
}
