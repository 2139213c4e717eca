import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// The user session of a connection.
struct SessionBinding {
  var session: UserSession
  /// Started here, and ends with the connection; else borrowed.
  var isOwn: Bool
  /// Takes back the wish to be told when it ends.
  var token: UInt64?
}

/// User sessions, attaching and locks (protocol part 04, sections 4.1 to 4.3).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func sessions(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .startUserSession(let request):
      try start(request)
      out.writeDone(op)
    case .endUserSession:
      try endSession()
      out.writeDone(op)
    case .killUserSession(let id):
      let session = try engine.sessions.session(id)
      try requireRights(over: session, "end user session \(id)")
      engine.sessions.end(session, because: "killed by \(binding?.session.summary ?? "\(connection.peer)")")
      out.writeDone(op)
    case .getUserSessions: out.writeReply(.integers(engine.sessions.all.map { Int64($0.id) }), to: op)
    case .getUserSession(let id): out.writeReply(.userSession(try info(id)), to: op)
    case .getMyUserSession:
      guard let session = binding?.session else {
        throw NSOError(.noExists, "there is no user session on this connection")
      }
      out.writeReply(.integer(Int64(session.id)), to: op)
    case .setUserSession(let id):
      let session = try engine.sessions.session(id)
      try requireRights(over: session, "work in user session \(id)")
      try borrow(session)
      out.writeDone(op)
    case .getUserSessionIdentification(let id):
      let request = try engine.sessions.session(id).request
      guard Self.hasIdentification(request) else {
        throw NSOError(.noExists, "user session \(id) was started without identification")
      }
      out.writeReply(
        .identification(
          ClientIdentification(
            vendor: request.vendor.map { WireText($0) }, product: request.product.map { WireText($0) },
            version: request.version.map { WireText($0) }, clientID: request.clientID.map { WireText($0) })), to: op)
    case .getUserSessionOpaque(let id):
      guard let opaque = try engine.sessions.session(id).opaque else {
        throw NSOError(.noExists, "user session \(id) has no opaque text")
      }
      out.writeReply(.text(opaque), to: op)
    case .setNextUserSessionID(let id):
      try requireTrust("choose the number of the next user session")
      engine.sessions.setNext(id)
      out.writeDone(op)
    case .getAuthorizationInfo(let id):
      out.writeReply(.groups(try engine.sessions.session(id).groups), to: op)
    case .lock(let database):
      let session = try requireSession()
      let engine = engine
      return connection.waiting(op, services) { () async throws(NSOError) in try await engine.lock(database, for: session) }
    case .unlock(let database):
      let session = try requireSession()
      try engine.requireConfiguration(database)
      let engine = engine
      if engine.providersHold(database) {
        return connection.waiting(op, services) { () async throws(NSOError) in
          try await engine.unlockEverywhere(database, for: session)
        }
      }
      guard database == .candidate else {
        try engine.locks.unlock(database, for: session)
        out.writeDone(op)
        return .done
      }
      return connection.waiting(op, services) { () async throws(NSOError) in try await engine.unlockCandidate(session) }
    case .isLockSet(let database):
      out.writeReply(.integer(Int64(engine.locks.holder(of: database)?.session.id ?? 0)), to: op)
    default: return nil
    }
    return .done
  }

  private func start(_ request: StartUserSession) throws(NSOError) {
    if let session = binding?.session {
      throw NSOError(
        .alreadyExists, "this connection has a user session already: \(session.summary); end it, or use another connection")
    }
    var groups = request.groups
    if case .user(let user, let mapped) = connection.decision {
      // The system vouches for who the peer is; what it says of itself does not count.
      guard request.user == user else {
        throw denied(
          user, "start a session as \(request.user)", "the system knows the peer as \(user)", "start it as \(user)")
      }
      guard request.context != "system" else {
        throw denied(
          user, "start a session of context system", "that context is free of authorization", "use another context")
      }
      groups = mapped
    }
    let identification = request.identification
    var facts = UserSessionRequest(
      user: request.user, groups: groups, context: request.context, address: request.address,
      port: UInt16(clamping: request.port), proto: request.sessionProtocol, vendor: identification?.vendor?.text,
      product: identification?.product?.text, version: identification?.version?.text,
      clientID: identification?.clientID?.text)
    facts.process = connection.clientProcess
    let session = try engine.sessions.start(facts)
    bind(session, isOwn: true)
  }

  private static func hasIdentification(_ request: UserSessionRequest) -> Bool {
    request.vendor != nil || request.product != nil || request.version != nil || request.clientID != nil
  }

  private func info(_ id: UserSessionID) throws(NSOError) -> UserSessionInfo {
    let session = try engine.sessions.session(id)
    let request = session.request
    let holds = engine.locks.all.contains { $0.1.session === session }
    return UserSessionInfo(
      id: session.id, user: session.user, context: session.context, sessionProtocol: request.proto, address: request.address,
      port: Int(request.port), loginTime: session.loginTime, flags: Self.hasIdentification(request) ? 2 : 0,
      lockMode: holds ? .exclusive : .none)
  }

  // MARK: Binding

  private func bind(_ session: UserSession, isOwn: Bool) {
    let loop = NIOLoopBound(self, eventLoop: connection.eventLoop)
    let token = session.onEnd { [weak session] in
      guard let session else { return }
      loop.eventLoop.execute { loop.value.ended(session) }
    }
    binding = SessionBinding(session: session, isOwn: isOwn, token: token)
  }

  /// Lets go of the session without ending it.
  func unbind() -> SessionBinding? {
    defer { binding = nil }
    if let binding, let token = binding.token { binding.session.forget(ending: token) }
    return binding
  }

  /// Works in a session that was started elsewhere.
  func borrow(_ session: UserSession) throws(NSOError) {
    if let binding {
      guard binding.session !== session else { return }
      guard !binding.isOwn else {
        throw NSOError(
          .alreadyExists, "this connection has a user session of its own: \(binding.session.summary); end it first")
      }
      _ = unbind()
    }
    bind(session, isOwn: false)
  }

  private func endSession() throws(NSOError) {
    _ = try requireSession()
    guard let binding = unbind(), binding.isOwn else { return }
    for (handle, use) in uses where use.isOwn {
      engine.finish(use.transaction)
      uses[handle] = nil
    }
    engine.sessions.end(binding.session, because: "logged out")
  }

  /// The session was ended by somebody else.
  private func ended(_ session: UserSession) {
    guard binding?.session === session else { return }
    let isOwn = binding?.isOwn == true
    binding = nil
    if isOwn { connection.closeNow(.notServed("user session \(session.summary) was ended from elsewhere")) }
  }

  /// Peers that the system knows as a user act for that user only, and never with the rights of context system.
  func requireRights(over session: UserSession, _ what: String) throws(NSOError) {
    guard case .user(let user, _) = connection.decision else { return }
    guard session.context != "system" else {
      throw denied(user, what, "it has context system", "do it as root or the daemon's own user")
    }
    guard session.accessRules != nil || !engine.enforcesAccessRules else {
      throw denied(user, what, "no access rules count for it", "use a session of your own")
    }
    guard session.user != user else { return }
    throw denied(user, what, "it belongs to \(session.user)", "use a session of your own")
  }

  /// Some requests are about the daemon as a whole.
  func requireTrust(_ what: String) throws(NSOError) {
    guard case .user(let user, _) = connection.decision else { return }
    throw denied(user, what, "only root and the daemon's own user may", "do it as one of them")
  }

  private func denied(_ user: String, _ what: String, _ rule: String, _ remedy: String) -> NSOError {
    engine.journal.refusal(
      Explanation(
        .access, .accessDenied, actor: "user \(user) (\(connection.peer))", action: what, rule: rule, remedy: remedy))
  }
}
