/// An item of the commit queue has got somewhere (protocol part 06, section 5.17). This daemon has no commit queue and never
/// sends it; its clients understand it from others.
public struct CommitQueueProgress: Hashable, Sendable {
  public enum Kind: Int, Hashable, Sendable {
    /// Blocked by another item.
    case waiting = 1
    case executing = 2
    /// Held back by a parent queue.
    case locked = 3
    case completed = 4
    case failed = 5
    case deleted = 6
  }

  public struct FailedDevice: Hashable, Sendable {
    public var device: String
    public var reason: String

    public init(device: String, reason: String) {
      self.device = device
      self.reason = reason
    }
  }

  public struct Service: Hashable, Sendable {
    public var service: String
    public var completedDevices: [String]
    /// Only for services that failed.
    public var failedDevices: [String]

    public init(service: String, completedDevices: [String], failedDevices: [String] = []) {
      self.service = service
      self.completedDevices = completedDevices
      self.failedDevices = failedDevices
    }
  }

  public var kind: Kind
  public var time: DateTime
  public var item: UInt64
  /// Of the parent item; may be empty.
  public var tag: String
  public var completed: [String]
  /// Being tried again.
  public var transient: [String]
  public var failed: [FailedDevice]
  public var completedServices: [Service]
  public var failedServices: [Service]
  public var trace: String

  public init(
    _ kind: Kind, time: DateTime, item: UInt64, tag: String = "", completed: [String] = [], transient: [String] = [],
    failed: [FailedDevice] = [], completedServices: [Service] = [], failedServices: [Service] = [], trace: String = ""
  ) {
    self.kind = kind
    self.time = time
    self.item = item
    self.tag = tag
    self.completed = completed
    self.transient = transient
    self.failed = failed
    self.completedServices = completedServices
    self.failedServices = failedServices
    self.trace = trace
  }
}
