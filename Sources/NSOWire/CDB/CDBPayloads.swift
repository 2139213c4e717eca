public import ExternalTerm
public import NIOCore
public import NSOModel
public import NSOTerms

/// A datastore by CDB's numbers, which differ from MAAPI's (protocol part 03, section 4).
public enum CDBDatabase: Int, Hashable, Sendable, CaseIterable {
  case running = 1
  case startup = 2
  case operational = 3
  case preCommitRunning = 4

  /// The datastore by MAAPI's numbers.
  public var name: DatabaseName {
    switch self {
    case .running: .running
    case .startup: .startup
    case .operational: .operational
    case .preCommitRunning: .preCommitRunning
    }
  }
}

/// 1: a session on a datastore (protocol part 03, section 6.2).
public struct NewSession: Hashable, Sendable {
  public struct Options: OptionSet, Hashable, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static var lockWait: Self { Self(rawValue: 1) }
    public static var lockSession: Self { Self(rawValue: 2) }
    public static var lockRequest: Self { Self(rawValue: 4) }
    public static var lockPartial: Self { Self(rawValue: 8) }
    public static var readCommitted: Self { Self(rawValue: 16) }

    /// What a client asks for when its caller says nothing.
    public static func usual(for database: CDBDatabase) -> Self {
      switch database {
      case .running, .startup: .lockSession
      case .operational, .preCommitRunning: []
      }
    }

    /// The atoms in the order in which they are sent.
    fileprivate static var names: [(Self, StaticString)] {
      [
        (.lockSession, "lock_session"), (.lockRequest, "lock_request"), (.lockPartial, "lock_partial"),
        (.lockWait, "lock_wait"), (.readCommitted, "read_committed"),
      ]
    }
  }

  public var database: CDBDatabase
  public var options: Options
  /// Paths are wanted with names; all our clients do.
  public var wantsNames: Bool

  public init(_ database: CDBDatabase, options: Options? = nil, wantsNames: Bool = true) {
    self.database = database
    self.options = options ?? .usual(for: database)
    self.wantsNames = wantsNames
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(2)
    let place = reader.terms.offset
    guard let database = CDBDatabase(rawValue: try reader.integer()) else {
      throw TermError(.range("1...4, the datastores of CDB"), at: place)
    }
    self.database = database
    var options: Options = []
    var wantsNames = false
    // A set; an option that we do not know changes nothing.
    try reader.terms.forEachElement { (reader) throws(TermError) in
      let atom = try reader.readAtomBytes()
      if atom.equals("useikp") { wantsNames = true }
      for (option, name) in Options.names where atom.equals(name) { options.insert(option) }
    }
    self.options = options
    self.wantsNames = wantsNames
  }

  func write(into buffer: inout ByteBuffer) {
    var names = Options.names.filter { options.contains($0.0) }.map(\.1)
    if wantsNames { names.insert("useikp", at: 0) }
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermInteger(database.rawValue)
    buffer.writeTermList(names) { $0.writeTermAtom($1) }
  }
}

/// 32: a subscription point (protocol part 03, section 7.1).
public struct Subscribe: Hashable, Sendable {
  public enum Kind: Int, Hashable, Sendable {
    case running = 1
    case runningTwoPhase = 2
    case operational = 3
  }

  public var kind: Kind
  /// An aborted subscriber wants the abort event too.
  public var wantsAbortOnAbort: Bool
  /// Lowest first; ignored for operational points.
  public var priority: Int32
  /// URI of the path's first element; empty for any.
  public var namespace: String
  public var path: MatchPath
  /// The short form, which has no kind and no flags.
  public var isShort: Bool

  public init(
    _ path: MatchPath, priority: Int32, namespace: String = "", kind: Kind = .running, wantsAbortOnAbort: Bool = false
  ) {
    self.kind = kind
    self.wantsAbortOnAbort = wantsAbortOnAbort
    self.priority = priority
    self.namespace = namespace
    self.path = path
    isShort = kind == .running && !wantsAbortOnAbort
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    let arity = try reader.terms.readTupleHeader()
    guard arity == 3 || arity == 6 else { throw TermError(.expected("a tuple of 3 or 6"), at: place) }
    isShort = arity == 3
    if isShort {
      kind = .running
      wantsAbortOnAbort = false
    } else {
      guard let kind = Kind(rawValue: try reader.integer()) else { throw TermError(.range("1...3"), at: place) }
      self.kind = kind
      wantsAbortOnAbort = try reader.integer(UInt32.self) & 1 != 0
      // Its meaning is not known; always 0.
      _ = try reader.integer(Int.self)
    }
    priority = try reader.integer()
    namespace = try reader.subscriptionNamespace()
    path = try reader.matchPath()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: isShort ? 3 : 6)
    if !isShort {
      buffer.writeTermInteger(kind.rawValue)
      buffer.writeTermInteger(wantsAbortOnAbort ? 1 : 0)
      buffer.writeTermInteger(0)
    }
    buffer.writeTermInteger(priority)
    buffer.writeTermAtom(namespace)
    buffer.writeTerm(path)
  }
}

extension ArgumentReader {
  /// A name, or the integer 0 for any.
  mutating func subscriptionNamespace() throws(TermError) -> String {
    if try terms.peekKind() == .integer {
      _ = try terms.readInteger(as: Int.self)
      return ""
    }
    return try name()
  }

  /// `{path, true}`
  mutating func matchPath() throws(TermError) -> MatchPath {
    try tuple(2)
    let path = try MatchPath.read(&terms)
    _ = try bool()
    return path
  }

  mutating func points() throws(TermError) -> [Int32] {
    try list { (reader) throws(TermError) in try reader.integer() }
  }
}

extension ByteBuffer {
  mutating func writeTerm(_ path: MatchPath) {
    writeTermTuple(arity: 2)
    path.write(into: &self)
    writeTermBool(true)
  }
}

/// 34: the answer to an event (protocol part 03, section 7.5).
public enum SyncSubscription: Hashable, Sendable {
  case donePriority
  case doneSocket
  case doneTransaction
  case doneOperational
  /// Only after PREPARE.
  case abort(SubscriptionAbort)

  init(_ reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    if try reader.terms.peekKind() == .tuple {
      try reader.tuple(2)
      guard try reader.integer(Int.self) == 5 else { throw TermError(.expected("{5, error}"), at: place) }
      self = .abort(try SubscriptionAbort(&reader))
      return
    }
    switch try reader.integer(Int.self) {
    case 1: self = .donePriority
    case 2: self = .doneSocket
    case 3: self = .doneTransaction
    case 4: self = .doneOperational
    default: throw TermError(.range("1...4, the sync types"), at: place)
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .donePriority: buffer.writeTermInteger(1)
    case .doneSocket: buffer.writeTermInteger(2)
    case .doneTransaction: buffer.writeTermInteger(3)
    case .doneOperational: buffer.writeTermInteger(4)
    case .abort(let reason):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermInteger(5)
      reason.write(into: &buffer)
    }
  }
}

/// Why a subscriber aborts a transaction (protocol part 03, section 7.6).
public enum SubscriptionAbort: Hashable, Sendable {
  case reason(Reason)
  /// The internal form of another library, passed on unchanged; counts as an error of the application.
  case other(EncodedTerm)

  public enum Code: String, Hashable, Sendable, CaseIterable {
    case inUse = "in_use"
    case resourceDenied = "resource_denied"
    case inconsistentValue = "inconsistent_value"
    case accessDenied = "access_denied"
    case application
    case applicationInternal = "application_internal"
    case dataMissing = "data_missing"
    case interrupt
    /// Only from data providers: their library has no such callback, or it failed in itself.
    case `internal`
    case protocolUsage = "proto_usage"

    /// What the one who commits is told.
    public var errorCode: ErrorCode {
      switch self {
      case .inUse: .inUse
      case .resourceDenied: .resourceDenied
      case .inconsistentValue: .inconsistentValue
      case .accessDenied: .accessDenied
      case .application, .interrupt: .external
      case .applicationInternal: .applicationInternal
      case .dataMissing: .dataMissing
      case .internal: .internal
      case .protocolUsage: .protocolUsage
      }
    }
  }

  public struct Reason: Hashable, Sendable {
    public var code: Code
    public var appTag: Tag?
    public var text: String?
    /// For the error-info of NETCONF; top-level tags qualified.
    public var info: [TaggedValue]?

    public init(_ code: Code = .application, _ text: String? = nil, appTag: Tag? = nil, info: [TaggedValue]? = nil) {
      self.code = code
      self.appTag = appTag
      self.text = text
      self.info = info
    }
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    var ahead = reader
    let arity = try ahead.terms.readTupleHeader()
    guard arity == 3 || arity == 4 else {
      self = .other(try reader.term())
      return
    }
    reader = ahead
    let code = Code(rawValue: try reader.name()) ?? .application
    let tag = try reader.optional { (reader) throws(TermError) in try TagCoding.read(&reader.terms) }
    let text = try reader.optionalText()
    var info: [TaggedValue]?
    if arity == 4 {
      try reader.tuple(2)
      info = try reader.tagged()
      _ = try reader.integer(Int.self)
    }
    self = .reason(Reason(code, text, appTag: tag, info: info))
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .other(let term): buffer.writeTerm(term)
    case .reason(let reason):
      buffer.writeTermTuple(arity: reason.info == nil ? 3 : 4)
      buffer.writeTermAtom(reason.code.rawValue)
      if let tag = reason.appTag { TagCoding.write(tag, into: &buffer) } else { buffer.writeTermUndefined() }
      buffer.writeTermOptional(reason.text)
      guard let info = reason.info else { return }
      buffer.writeTermTuple(arity: 2)
      TaggedValueCoding.write(info, wrapped: true, into: &buffer)
      buffer.writeTermInteger(1)
    }
  }

  /// What the one who commits is told.
  public var error: NSOError {
    switch self {
    case .reason(let reason): NSOError(reason.code.errorCode, reason.text ?? "", appTag: reason.appTag)
    case .other: NSOError(.external, "a subscriber aborted the transaction")
    }
  }
}

/// 33: pushed by the daemon to a subscriber (protocol part 03, section 7.3).
public struct SubscriptionEvent: Hashable, Sendable {
  public enum Kind: Int, Hashable, Sendable {
    case prepare = 1
    case commit = 2
    case abort = 3
    case operational = 4
  }

  public var kind: Kind
  public var flags: SubscriptionEventFlags
  /// The socket's points that matched; not empty.
  public var points: [Int32]

  public init(_ kind: Kind, flags: SubscriptionEventFlags, points: [Int32]) {
    self.kind = kind
    self.flags = flags
    self.points = points
  }

  public init(_ frame: ByteBuffer) throws(DecodeError) {
    var payload = frame
    let op: UInt32? = payload.readInteger()
    do throws(TermError) {
      guard op == CDBOperation.subscriptionEvent.rawValue else { throw TermError(.expected("op 33"), at: -4) }
      self = try ArgumentReader.read(payload) { (reader) throws(TermError) in
        try reader.tuple(3)
        let place = reader.terms.offset
        guard let kind = Kind(rawValue: try reader.integer()) else { throw TermError(.range("1...4"), at: place) }
        let flags = SubscriptionEventFlags(rawValue: try reader.integer())
        return SubscriptionEvent(kind, flags: flags, points: try reader.points())
      }
    } catch {
      throw DecodeError(CDBOperation.subscriptionEvent.title, error, termOffset: 4, frame: frame)
    }
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    buffer.writeInteger(CDBOperation.subscriptionEvent.rawValue)
    buffer.writeTermVersion()
    buffer.writeTermTuple(arity: 3)
    buffer.writeTermInteger(kind.rawValue)
    buffer.writeTermInteger(flags.rawValue)
    buffer.writeTermIntegers(points)
  }
}
