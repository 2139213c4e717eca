/// The API of a connection, first byte of the hello (protocol part 01, section 4.3).
enum ClientID: UInt8, Sendable, CustomStringConvertible {
  case dataProvider = 3
  case cdb = 5
  case maapi = 7
  case stream = 8
  case events = 11
  case ha = 17

  var description: String {
    switch self {
    case .dataProvider: "CAPI"
    case .cdb: "CDB"
    case .maapi: "MAAPI"
    case .stream: "STREAM"
    case .events: "EVENT_MGR"
    case .ha: "HA"
    }
  }
}

/// The 9 bytes with which a client begins (protocol part 01, section 4.1).
struct ClientHello: Sendable, Equatable {
  static let length = 9

  var client: ClientID
  var version: UInt16
  var library: UInt32
  /// 0: no limit.
  var maxDepth: UInt8
  var maxKeys: UInt8
}
