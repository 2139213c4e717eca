/// What an event subscriber asks for when it connects (protocol part 06, section 2).
public struct EventSubscription: Hashable, Sendable {
  /// Which notifications of which stream.
  public struct Stream: Hashable, Sendable {
    public var name: String
    /// Replay from this time on.
    public var start: DateTime?
    /// The end of the replay, or of the subscription. Only together with a start.
    public var stop: DateTime?
    /// An XPath expression that a notification must meet.
    public var filter: String?
    /// The user session whose rights to read count; 0: no access control.
    public var session: Int32
    /// Asks for paths inside of values as terms; always 1 so far.
    public var usesKeypathTerms: Int

    public init(
      name: String, start: DateTime? = nil, stop: DateTime? = nil, filter: String? = nil, session: Int32 = 0,
      usesKeypathTerms: Int = 1
    ) {
      self.name = name
      self.start = start
      self.stop = stop
      self.filter = filter
      self.session = session
      self.usesKeypathTerms = usesKeypathTerms
    }
  }

  public var mask: EventMask
  /// Milliseconds; 0 without HEARTBEAT. The daemon takes 1000 for less.
  public var heartbeatInterval: Int
  /// Milliseconds; 0 without HEALTH_CHECK. The daemon takes 1000 for less.
  public var healthCheckInterval: Int
  /// Exactly with STREAM_EVENT.
  public var stream: Stream?
  /// How much of the progress trace: 0 normal, 1 verbose, 2 very verbose, 3 debug.
  public var verbosity: Int

  public init(
    _ mask: EventMask, heartbeatInterval: Int = 0, healthCheckInterval: Int = 0, stream: Stream? = nil, verbosity: Int = 0
  ) {
    self.mask = mask
    self.heartbeatInterval = heartbeatInterval
    self.healthCheckInterval = healthCheckInterval
    self.stream = stream
    self.verbosity = verbosity
  }
}

/// What a subscriber sends when it has dealt with an event that somebody waits for (protocol part 06, section 6).
public enum EventAcknowledgement: Hashable, Sendable {
  case commitDiff(transaction: Int32)
  case audit(session: Int32)
  case auditNetwork(session: Int32)
  /// Not determined; our own choice.
  case ha

  /// A commit waits for it.
  public var isOfCommit: Bool { if case .commitDiff = self { true } else { false } }
}
