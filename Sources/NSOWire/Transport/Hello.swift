public import NIOCore

/// Which API a connection speaks (protocol part 01, section 4.3).
public struct ClientID: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Data providers: control and worker connections.
  public static var dataProvider: Self { Self(rawValue: 3) }
  public static var cdb: Self { Self(rawValue: 5) }
  public static var maapi: Self { Self(rawValue: 7) }
  /// Raw data of a save, a load or a CLI command.
  public static var stream: Self { Self(rawValue: 8) }
  public static var events: Self { Self(rawValue: 11) }
  public static var ha: Self { Self(rawValue: 17) }

  public static var all: [ClientID] { [.dataProvider, .cdb, .maapi, .stream, .events, .ha] }
}

extension ClientID: CustomStringConvertible {
  public var description: String {
    switch self {
    case .dataProvider: "data provider"
    case .cdb: "CDB"
    case .maapi: "MAAPI"
    case .stream: "stream"
    case .events: "events"
    case .ha: "HA"
    default: "client id \(rawValue)"
    }
  }
}

/// Protocol and library versions.
public enum ProtocolVersion {
  /// What our client announces.
  public static var client: UInt16 { 82 }
  /// What our client announces as its library: 8.2.5.0, one byte per part.
  public static var library: UInt32 { 0x0802_0500 }
  /// What our daemon accepts.
  public static var accepted: ClosedRange<UInt16> { 82...87 }
}

/// The client's first 9 bytes on a connection, no length before them (protocol part 01, section 4.1).
public struct ClientHello: Hashable, Sendable {
  public var client: ClientID
  public var version: UInt16
  public var library: UInt32
  /// Longest path, in elements, that the client can hold; 0: no limit.
  public var maxDepth: UInt8
  /// Most keys per list entry that the client can hold; 0: no limit.
  public var maxKeys: UInt8

  public static var length: Int { 9 }

  public init(
    client: ClientID, version: UInt16 = ProtocolVersion.client, library: UInt32 = ProtocolVersion.library, maxDepth: UInt8 = 0,
    maxKeys: UInt8 = 0
  ) {
    self.client = client
    self.version = version
    self.library = library
    self.maxDepth = maxDepth
    self.maxKeys = maxKeys
  }

  /// Takes the hello from the front of `buffer`; nil, and nothing taken, until all 9 bytes are there.
  public init?(from buffer: inout ByteBuffer) {
    guard let parts = buffer.readMultipleIntegers(as: (UInt8, UInt16, UInt32, UInt8, UInt8).self) else { return nil }
    self.init(
      client: ClientID(rawValue: parts.0), version: parts.1, library: parts.2, maxDepth: parts.3, maxKeys: parts.4)
  }

  public func write(into buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(client.rawValue, version, library, maxDepth, maxKeys)
  }
}

/// The daemon's answer, 9 bytes (protocol part 01, section 4.2).
public struct HelloReply: Hashable, Sendable {
  /// 0 accepted, 1 refused; a client takes everything but 0 as refusal.
  public var status: UInt8
  public var version: UInt16
  /// The daemon's own version, one byte per part.
  public var daemon: UInt32
  public var maxDepth: UInt8
  public var maxKeys: UInt8

  public static var length: Int { 9 }

  public init(status: UInt8, version: UInt16, daemon: UInt32, maxDepth: UInt8, maxKeys: UInt8) {
    self.status = status
    self.version = version
    self.daemon = daemon
    self.maxDepth = maxDepth
    self.maxKeys = maxKeys
  }

  /// The answer to a hello: accepted for a known client id and a protocol version in `versions`, with the client's own
  /// version, since some clients compare it. The depth and key limits of `HelloReply` are what the loaded models need.
  public init(
    to hello: ClientHello, accepting versions: ClosedRange<UInt16> = ProtocolVersion.accepted, daemon: UInt32,
    maxDepth: UInt8 = 20, maxKeys: UInt8 = 9
  ) {
    let isAccepted = versions.contains(hello.version) && ClientID.all.contains(hello.client)
    self.init(
      status: isAccepted ? 0 : 1,
      version: isAccepted ? hello.version : min(versions.upperBound, max(versions.lowerBound, hello.version)),
      daemon: daemon, maxDepth: maxDepth, maxKeys: maxKeys)
  }

  public var isAccepted: Bool { status == 0 }

  /// Takes the answer from the front of `buffer`; nil, and nothing taken, until all 9 bytes are there.
  public init?(from buffer: inout ByteBuffer) {
    guard let parts = buffer.readMultipleIntegers(as: (UInt8, UInt16, UInt32, UInt8, UInt8).self) else { return nil }
    self.init(status: parts.0, version: parts.1, daemon: parts.2, maxDepth: parts.3, maxKeys: parts.4)
  }

  public func write(into buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(status, version, daemon, maxDepth, maxKeys)
  }
}
