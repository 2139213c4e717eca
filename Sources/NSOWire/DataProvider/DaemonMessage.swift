public import ExternalTerm
import NIOCore
public import NSOModel
import NSOTerms

/// A frame from the daemon to a client of the data provider API (protocol part 05).
public enum DaemonMessage: Hashable, Sendable {
  /// 0: the answer to the introduction: the number of the client instance (Did).
  case accepted(instance: Int32)
  /// 12: the answer to register_done: the user sessions that exist.
  case registered([UserSessionInfo])
  /// `{'error', Code, Text}` in place of either.
  case refused(NSOError)
  case request(ProviderRequest)
  /// Operations that the sources do not tell the form of: the whole term.
  case unknown(EncodedTerm)
}

/// A request of the daemon: `{Op, Qref, Did, ...}`; the client answers with a ``ProviderReply`` that repeats the first three.
public struct ProviderRequest: Hashable, Sendable {
  public enum Body: Hashable, Sendable {
    /// 40: sessions that requests will name.
    case newUserSessions([UserSessionInfo])
    /// 41
    case closeUserSession(UserSessionID)
    /// 20
    case newTransaction(NewTransaction)
    /// 21 to 27
    case phase(TransactionPhase, handle: Int32, CallContext)
    /// 28
    case callback(CallbackRequest)
    /// 145
    case newValidation(NewValidation)
    /// 146. `willCommit`: the commit follows.
    case closeValidation(handle: Int32, willCommit: Bool, CallContext)
    /// 150
    case newAction(NewAction)
    /// 151
    case abortAction(handle: Int32)
    /// 181
    case authenticate(AuthenticationQuery)
    /// 60 to 75
    case database(DatabaseCall, UserSessionID)
    /// 160
    case streamLogTimes(stream: String, index: Int32)
    /// 161
    case streamReplay(StreamReplay)
  }

  /// Chosen by the daemon, unique among what is outstanding (Qref).
  public var query: Int64
  /// The client instance (Did).
  public var instance: Int32
  public var body: Body

  public init(query: Int64, instance: Int32, _ body: Body) {
    self.query = query
    self.instance = instance
    self.body = body
  }
}

/// The phases of a transaction after its beginning (protocol part 05, section 6.2).
public enum TransactionPhase: UInt32, Hashable, Sendable, CaseIterable {
  case lock = 21
  case unlock = 22
  case writeStart = 23
  case prepare = 24
  case abort = 25
  case commit = 26
  case close = 27

  /// The name of the callback, for texts.
  public var name: String {
    switch self {
    case .lock: "trans_lock"
    case .unlock: "trans_unlock"
    case .writeStart: "write_start"
    case .prepare: "prepare"
    case .abort: "abort"
    case .commit: "commit"
    case .close: "finish"
    }
  }

  var operation: ProviderOperation { ProviderOperation(rawValue: rawValue) ?? .closeTransaction }
}

/// What stands in most requests: `RequestData, RealUsid, HideInactive`.
public struct CallContext: Hashable, Sendable {
  public struct Datum: Hashable, Sendable {
    public var name: String
    public var value: EncodedTerm

    public init(_ name: String, _ value: EncodedTerm) {
      self.name = name
      self.value = value
    }
  }

  /// What the northbound agent has to add.
  public var data: [Datum]
  /// On whose behalf the request is made.
  public var session: UserSessionID
  /// Inactive configuration counts as absent.
  public var hidesInactive: Bool

  public init(session: UserSessionID, data: [Datum] = [], hidesInactive: Bool = false) {
    self.session = session
    self.data = data
    self.hidesInactive = hidesInactive
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    data = try reader.requestData()
    session = try reader.integer()
    hidesInactive = try reader.integer(Int64.self) != 0
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeRequestData(data)
    buffer.writeTermInteger(session)
    buffer.writeTermInteger(hidesInactive ? 1 : 0)
  }
}

/// 20: a transaction begins for this client.
public struct NewTransaction: Hashable, Sendable {
  /// Ignored by clients.
  public var sessionType: Int32 = 1
  public var database: DatabaseName
  public var session: UserSessionID
  public var mode: TransactionMode
  public var handle: Int32
  public var data: [CallContext.Datum]
  public var hidesInactive: Bool

  public init(
    database: DatabaseName, session: UserSessionID, mode: TransactionMode, handle: Int32, data: [CallContext.Datum] = [],
    hidesInactive: Bool = false
  ) {
    self.database = database
    self.session = session
    self.mode = mode
    self.handle = handle
    self.data = data
    self.hidesInactive = hidesInactive
  }
}

/// 145: validation points of this client come into play.
public struct NewValidation: Hashable, Sendable {
  public var database: DatabaseName
  public var session: UserSessionID
  public var handle: Int32
  /// No commit follows.
  public var isTest: Bool
  public var data: [CallContext.Datum]

  public init(
    database: DatabaseName, session: UserSessionID, handle: Int32, isTest: Bool, data: [CallContext.Datum] = []
  ) {
    self.database = database
    self.session = session
    self.handle = handle
    self.isTest = isTest
    self.data = data
  }
}

/// 150: an action is about to be invoked.
public struct NewAction: Hashable, Sendable {
  public var session: UserSessionID
  public var name: String
  public var index: Int32
  /// The transaction that it is part of; -1: none.
  public var handle: Int32

  public init(session: UserSessionID, name: String, index: Int32, handle: Int32 = -1) {
    self.session = session
    self.name = name
    self.index = index
    self.handle = handle
  }

  /// The handle that stands for the action of a session in later requests.
  public static func actionHandle(of session: UserSessionID) -> Int32 { Int32(truncatingIfNeeded: -Int64(session) - 10) }
}

/// 181: somebody logs in; what the daemon found.
public struct AuthenticationQuery: Hashable, Sendable {
  public enum Outcome: Hashable, Sendable {
    case accepted(groups: [String])
    /// The number is that of the log symbol.
    case refused(log: Int32, reason: String)
  }

  /// The session to be; its id is 0.
  public var user: UserSessionInfo
  /// `local`, `pam`, `external`, `password`, `publickey`, or another method of SSH.
  public var method: String
  public var outcome: Outcome

  public init(user: UserSessionInfo, method: String, outcome: Outcome) {
    self.user = user
    self.method = method
    self.outcome = outcome
  }
}

/// 161: replay what was logged, then the live feed.
public struct StreamReplay: Hashable, Sendable {
  public var stream: String
  public var index: Int32
  public var subscription: Int32
  public var start: DateTime
  /// Nil: no end.
  public var stop: DateTime?

  public init(stream: String, index: Int32, subscription: Int32, start: DateTime, stop: DateTime?) {
    self.stream = stream
    self.index = index
    self.subscription = subscription
    self.start = start
    self.stop = stop
  }
}

/// 28: a callback.
public struct CallbackRequest: Hashable, Sendable {
  /// The transaction; of an action `NewAction.actionHandle(of:)`.
  public var handle: Int32
  public var point: PointName
  /// As the client registered it.
  public var index: Int32
  public var context: CallContext
  public var call: CallbackCall

  public init(handle: Int32, point: PointName, index: Int32, context: CallContext, _ call: CallbackCall) {
    self.handle = handle
    self.point = point
    self.index = index
    self.context = context
    self.call = call
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    handle = try reader.integer()
    point = try PointName(&reader)
    index = try reader.integer()
    let number: UInt32 = try reader.integer()
    context = try CallContext(&reader)
    call = try CallbackCall(number, &reader)
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermInteger(handle)
    point.write(into: &buffer)
    buffer.writeTermInteger(index)
    buffer.writeTermInteger(call.number)
    context.write(into: &buffer)
    call.write(into: &buffer)
  }
}

/// A callpoint, validation point, action point or service point; with `tailf:opaque` a pair.
public struct PointName: Hashable, Sendable, ExpressibleByStringLiteral {
  public var name: String
  public var opaque: EncodedTerm?

  public init(_ name: String, opaque: EncodedTerm? = nil) {
    self.name = name
    self.opaque = opaque
  }

  public init(stringLiteral name: String) { self.init(name) }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    guard try reader.terms.peekKind() == .tuple else {
      self.init(try reader.name())
      return
    }
    try reader.tuple(2)
    let name = try reader.name()
    self.init(name, opaque: try reader.term())
  }

  func write(into buffer: inout ByteBuffer) {
    if opaque != nil { buffer.writeTermTuple(arity: 2) }
    buffer.writeTermAtom(name)
    if let opaque { buffer.writeTerm(opaque) }
  }
}
