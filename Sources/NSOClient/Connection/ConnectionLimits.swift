import NIOCore

/// Bounds of one connection: time for each step of connecting, and memory.
public struct ConnectionLimits: Hashable, Sendable {
  /// Time until the operating system reports the connection as made, name look-up included.
  public var connect: Duration
  /// Time for each answer of the daemon in the access check (protocol part 01, section 3).
  public var accessCheck: Duration
  /// Time for the daemon's hello reply (protocol part 01, section 4).
  public var hello: Duration
  /// Largest frame that is accepted, in bytes.
  public var maxFrameBytes: Int
  /// How much may wait to be taken by the application before reading from the socket stops, in bytes.
  public var receiveWindow: Int

  public init(
    connect: Duration = .seconds(10), accessCheck: Duration = .seconds(10), hello: Duration = .seconds(10),
    maxFrameBytes: Int = 512 << 20, receiveWindow: Int = 4 << 20
  ) {
    self.connect = connect
    self.accessCheck = accessCheck
    self.hello = hello
    self.maxFrameBytes = maxFrameBytes
    self.receiveWindow = receiveWindow
  }

  func time(for step: ConnectionError.Step) -> TimeAmount {
    switch step {
    case .preparation, .connect, .conversation: TimeAmount(connect)
    case .challenge, .verdict: TimeAmount(accessCheck)
    case .hello: TimeAmount(hello)
    }
  }
}
