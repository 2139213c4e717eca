import ExternalTerm
import NIOCore
public import NSOModel
import NSOTerms

/// What kind of point a client registers callbacks for: the first element of a registration (protocol part 05, section 4.3).
public enum RegistrationKind: UInt32, Hashable, Sendable, CaseIterable {
  case data = 130
  case validation = 131
  case action = 132
  case stream = 133
  case streamSubscription = 134
  case snmpNotification = 135
  case snmpInform = 136
  case authorization = 137
  case userType = 138
  case service = 139
  case nanoService = 140
  case pushOnChange = 141
  case errorFormatting = 180
  case authentication = 181

  /// For texts: `callpoint`, `validation point`.
  public var pointName: String {
    switch self {
    case .data: "callpoint"
    case .validation: "validation point"
    case .action: "action point"
    case .stream: "notification stream"
    case .streamSubscription: "notification subscription"
    case .snmpNotification: "SNMP notification subscription"
    case .snmpInform: "SNMP inform callback"
    case .authorization: "authorization callback"
    case .userType: "user type"
    case .service: "service point"
    case .nanoService: "nano service point"
    case .pushOnChange: "push on-change callback"
    case .errorFormatting: "error formatting callback"
    case .authentication: "authentication callback"
    }
  }
}

/// Which callbacks a data registration offers (protocol part 05, section 4.3).
public struct DataCallbacks: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var existsOptional: Self { Self(rawValue: 1) }
  public static var getElem: Self { Self(rawValue: 2) }
  public static var getNext: Self { Self(rawValue: 4) }
  public static var setElem: Self { Self(rawValue: 8) }
  public static var create: Self { Self(rawValue: 16) }
  public static var remove: Self { Self(rawValue: 32) }
  public static var numInstances: Self { Self(rawValue: 64) }
  public static var getObject: Self { Self(rawValue: 128) }
  public static var getNextObject: Self { Self(rawValue: 256) }
  public static var getCase: Self { Self(rawValue: 512) }
  public static var setCase: Self { Self(rawValue: 1024) }
  public static var getAttributes: Self { Self(rawValue: 2048) }
  public static var setAttribute: Self { Self(rawValue: 4096) }
  public static var moveAfter: Self { Self(rawValue: 8192) }
  public static var writeAll: Self { Self(rawValue: 16384) }
  public static var findNext: Self { Self(rawValue: 32768) }
  public static var findNextObject: Self { Self(rawValue: 65536) }
  /// No callback: the client wants list filters.
  public static var wantsFilter: Self { Self(rawValue: 131072) }
}

/// Which callbacks an action point offers. The reference client library sets `action` and `command` together, so they do not
/// tell actions from commands.
public struct ActionCallbacks: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var initialize: Self { Self(rawValue: 1) }
  public static var abort: Self { Self(rawValue: 2) }
  public static var action: Self { Self(rawValue: 4) }
  public static var command: Self { Self(rawValue: 8) }
  public static var completion: Self { Self(rawValue: 16) }
}

/// Which callbacks a notification stream offers; none: no replay.
public struct StreamCallbacks: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var logTimes: Self { Self(rawValue: 1) }
  public static var replay: Self { Self(rawValue: 2) }
}

/// Which transaction phases a client wants to hear of (op 9; protocol part 05, section 4.4).
public struct TransactionCallbacks: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var initialize: Self { Self(rawValue: 1) }
  public static var lock: Self { Self(rawValue: 2) }
  public static var unlock: Self { Self(rawValue: 4) }
  public static var writeStart: Self { Self(rawValue: 8) }
  public static var prepare: Self { Self(rawValue: 16) }
  public static var abort: Self { Self(rawValue: 32) }
  public static var commit: Self { Self(rawValue: 64) }
  public static var finish: Self { Self(rawValue: 128) }
  public static var interrupt: Self { Self(rawValue: 256) }
}

/// Flags of a client instance, repeated in each registration (protocol part 05, section 4.3).
public struct InstanceFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Always set by the reference client library: paths are sent as this protocol describes them.
  public static var sendsPaths: Self { Self(rawValue: 1) }
  /// All values, keys included, travel as strings.
  public static var stringsOnly: Self { Self(rawValue: 2) }
  /// The client does not store defaults.
  public static var noDefaults: Self { Self(rawValue: 4) }
  /// Disconnect this client if another one takes over one of its points.
  public static var disconnectOnReplace: Self { Self(rawValue: 16) }
  public static var preferBulkGet: Self { Self(rawValue: 64) }
  /// get_object may be called for the top-level container above a leaf that is not in any list.
  public static var bulkGetContainer: Self { Self(rawValue: 128) }
}

/// `{Type, Name, Mask, Flags, Index}`: callbacks for one point.
public struct ProviderRegistration: Hashable, Sendable {
  public var kind: RegistrationKind
  /// The point, an atom.
  public var name: String
  /// Which callbacks there are; `DataCallbacks`, `ActionCallbacks`, `StreamCallbacks`, by kind.
  public var mask: UInt32
  public var flags: InstanceFlags
  /// Chosen by the client, returned in each request for this point. Of a stream: the id of its worker.
  public var index: Int32

  public init(_ kind: RegistrationKind, _ name: String, mask: UInt32, flags: InstanceFlags = .sendsPaths, index: Int32) {
    self.kind = kind
    self.name = name
    self.mask = mask
    self.flags = flags
    self.index = index
  }

  public var dataCallbacks: DataCallbacks { DataCallbacks(rawValue: mask) }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(5)
    kind = try Self.readKind(&reader)
    name = try reader.name()
    mask = try reader.integer()
    flags = InstanceFlags(rawValue: try reader.integer())
    index = try reader.integer()
  }

  static func readKind(_ reader: inout ArgumentReader) throws(TermError) -> RegistrationKind {
    let place = reader.terms.offset
    guard let kind = RegistrationKind(rawValue: try reader.integer()) else {
      throw TermError(.expected("a kind of registration"), at: place)
    }
    return kind
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 5)
    buffer.writeTermInteger(kind.rawValue)
    buffer.writeTermAtom(name)
    buffer.writeTermInteger(mask)
    buffer.writeTermInteger(flags.rawValue)
    buffer.writeTermInteger(index)
  }
}

/// Callbacks for a range of the keys of one list. Open: the sources do not tell the form; this is the proposal of protocol
/// part 05, section 4.6.
public struct RangeRegistration: Hashable, Sendable {
  public var registration: ProviderRegistration
  /// Inclusive, of the leading keys; both empty: for keys in no other range.
  public var lower: [Value]
  public var upper: [Value]
  public var keyCount: Int32
  /// The list.
  public var path: Keypath

  public init(_ registration: ProviderRegistration, lower: [Value], upper: [Value], keyCount: Int32, path: Keypath) {
    self.registration = registration
    self.lower = lower
    self.upper = upper
    self.keyCount = keyCount
    self.path = path
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    registration = try ProviderRegistration(&reader)
    lower = try ValueCoding.readArray(&reader.terms)
    upper = try ValueCoding.readArray(&reader.terms)
    keyCount = try reader.integer()
    path = try KeypathCoding.read(&reader.terms, order: .leafFirst)
  }

  func write(into buffer: inout ByteBuffer) {
    registration.write(into: &buffer)
    ValueCoding.writeArray(lower, into: &buffer)
    ValueCoding.writeArray(upper, into: &buffer)
    buffer.writeTermInteger(keyCount)
    KeypathCoding.write(path, order: .leafFirst, into: &buffer)
  }
}

/// `{140, {Servicepoint, ComponentType, State}, Mask, Flags, Index}` (protocol part 05, section 4.5).
public struct NanoRegistration: Hashable, Sendable {
  public var servicePoint: String
  public var componentType: String
  public var state: String
  /// 1 create, 2 delete.
  public var mask: UInt32
  public var flags: InstanceFlags
  public var index: Int32

  public init(
    _ servicePoint: String, componentType: String, state: String, mask: UInt32, flags: InstanceFlags = .sendsPaths, index: Int32
  ) {
    self.servicePoint = servicePoint
    self.componentType = componentType
    self.state = state
    self.mask = mask
    self.flags = flags
    self.index = index
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(5)
    _ = try ProviderRegistration.readKind(&reader)
    try reader.tuple(3)
    servicePoint = try reader.name()
    componentType = try reader.text()
    state = try reader.text()
    mask = try reader.integer()
    flags = InstanceFlags(rawValue: try reader.integer())
    index = try reader.integer()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 5)
    buffer.writeTermInteger(RegistrationKind.nanoService.rawValue)
    buffer.writeTermTuple(arity: 3)
    buffer.writeTermAtom(servicePoint)
    buffer.writeTermBinary(componentType)
    buffer.writeTermBinary(state)
    buffer.writeTermInteger(mask)
    buffer.writeTermInteger(flags.rawValue)
    buffer.writeTermInteger(index)
  }
}
