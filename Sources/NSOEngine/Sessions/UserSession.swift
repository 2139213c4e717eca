public import NSOModel
import Synchronization

/// What a client says of its user when it starts a session (protocol part 04, section 4.1). The caller has already
/// authenticated the user.
public struct UserSessionRequest: Sendable {
  public var user: String
  public var groups: [String]
  public var context: String
  public var address: IPAddress
  public var port: UInt16
  public var proto: SessionProtocol
  /// What the client says of itself, for lists and logs.
  public var vendor: String?
  public var product: String?
  public var version: String?
  public var clientID: String?
  /// The process that the client runs in.
  public var process: ClientProcess?

  public init(
    user: String, groups: [String] = [], context: String, address: IPAddress = .loopback, port: UInt16 = 0,
    proto: SessionProtocol = .tcp, vendor: String? = nil, product: String? = nil, version: String? = nil,
    clientID: String? = nil
  ) {
    self.user = user
    self.groups = groups
    self.context = context
    self.address = address
    self.port = port
    self.proto = proto
    self.vendor = vendor
    self.product = product
    self.version = version
    self.clientID = clientID
  }
}

/// A user session: who works, from where, since when. Ends when its owner closes, or when it is killed.
public final class UserSession: Sendable {
  /// The number by which clients name it; positive, growing.
  public let id: Int32
  public let request: UserSessionRequest
  /// Seconds since 1970-01-01 UTC.
  public let loginTime: Int64
  /// Those that its client gave, and those that the user has here.
  public let groups: [String]
  /// What it may do; nil: everything. Collected when it started.
  private let rules: AccessRules?

  private struct State {
    /// What it may do in the schema that it works with.
    var access: AccessGuard?
    /// Its rules were switched off.
    var isUnchecked = false
    var ended = false
    var opaque: String?
    var next: UInt64 = 0
    var endings: [UInt64: @Sendable () -> Void] = [:]
  }

  private let state = Mutex(State())

  init(id: Int32, request: UserSessionRequest, loginTime: Int64, groups: [String] = [], rules: AccessRules? = nil) {
    self.id = id
    self.request = request
    self.loginTime = loginTime
    self.groups = groups
    self.rules = rules
  }

  public var user: String { request.user }
  public var context: String { request.context }

  /// Sessions of context `system` are exempt from access control and limits and not shown among logged-in users.
  public var isSystem: Bool { request.context == "system" }

  /// The access rules that it is checked by; nil: it is not checked.
  public var accessRules: AccessRules? { rules == nil || state.withLock(\.isUnchecked) ? nil : rules }

  /// From now on nothing of it is checked (`ncs_cli --noaaa`). For those who are trusted to ask for it.
  public func switchOffAccessRules() {
    state.withLock { state in
      state.isUnchecked = true
      state.access = nil
    }
  }

  /// Its rules over a schema; nil: it is not checked.
  func access(_ model: DataModel, _ tables: AccessTables, _ journal: Journal) -> AccessGuard? {
    guard let rules = accessRules else { return nil }
    if let known = state.withLock({ $0.access }), known.table.model === model { return known }
    let made = AccessGuard(tables.table(rules, model), actor: summary, journal: journal)
    state.withLock { $0.access = made }
    return made
  }

  /// A text for applications that its client gave.
  public var opaque: String? {
    get { state.withLock { $0.opaque } }
    set { state.withLock { $0.opaque = newValue } }
  }

  public var isEnded: Bool { state.withLock { $0.ended } }

  /// Calls `body` once when the session ends, at once if it has. The token takes it back.
  @discardableResult
  public func onEnd(_ body: @escaping @Sendable () -> Void) -> UInt64? {
    let token: UInt64? = state.withLock { state in
      guard !state.ended else { return nil }
      state.next &+= 1
      state.endings[state.next] = body
      return state.next
    }
    if token == nil { body() }
    return token
  }

  public func forget(ending token: UInt64) {
    _ = state.withLock { $0.endings.removeValue(forKey: token) }
  }

  func end() {
    let endings = state.withLock { state -> [@Sendable () -> Void] in
      state.ended = true
      defer { state.endings = [:] }
      return state.endings.sorted { $0.key < $1.key }.map(\.value)
    }
    for ending in endings { ending() }
  }

  /// For texts: `admin (session 17, context cli, from 127.0.0.1)`.
  public var summary: String {
    "\(user) (session \(id), context \(context), from \(request.address)\(request.clientID.map { ", client \($0)" } ?? ""))"
  }
}
