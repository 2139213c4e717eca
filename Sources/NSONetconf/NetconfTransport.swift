public import NIOCore
public import NSOModel

/// What carries a NETCONF session: a connection whose user is known already. One task reads, one writes.
public protocol NetconfTransport: Sendable {
  /// The next bytes; nil at the end, also after ``close()``. Whoever does not read, is not sent more.
  func read() async throws -> ByteBuffer?
  /// Returns when there is room for more.
  func write(_ bytes: ByteBuffer) async throws
  /// Ends it, at once and in both directions, also for those who wait in the other functions. May be called more than once.
  func close()
}

/// Who is at the other end of a transport.
public struct NetconfPeer: Sendable {
  public var user: String
  public var groups: [String]
  public var address: IPAddress
  public var port: UInt16
  public var proto: SessionProtocol

  public init(user: String, groups: [String], address: IPAddress, port: UInt16, proto: SessionProtocol) {
    self.user = user
    self.groups = groups
    self.address = address
    self.port = port
    self.proto = proto
  }
}
