public import NSOModel

extension EventUser {
  /// The session as events show it. The password is never told.
  public init(_ session: UserSession) {
    self.init(
      session: session.id, user: session.user, context: session.context, sessionProtocol: session.request.proto,
      address: session.request.address, port: Int(session.request.port), loginTime: session.loginTime)
  }
}

extension UpgradeStep {
  /// The record of it.
  var symbol: LogSymbol {
    switch self {
    case .initStarted: .upgradeInitStarted
    case .initSucceeded: .upgradeInitSucceeded
    case .performed: .upgradePerformed
    case .committed: .upgradeCommitted
    case .aborted: .upgradeAborted
    }
  }
}

extension Journal {
  /// What a user session does. Sessions of context `system` are hidden (protocol part 06, section 5.5).
  func tell(_ kind: UserSessionNotice.Kind, _ session: UserSession, _ database: DatabaseName = .none) {
    guard events.wants(.userSession), !session.isSystem else { return }
    events.emit(.userSession) {
      .userSession(UserSessionNotice(kind, user: EventUser(session), database: database))
    }
  }

  /// A data provider has failed although everybody had prepared: running may not be what the provider has (section 5.8).
  public func commitFailed(provider name: String, _ database: DatabaseName) {
    events.emit(.commitFailed) { .commitFailed(CommitFailure(.dataProvider(name), database: database)) }
  }

  /// A confirmed commit began, was confirmed, or is taken back (section 5.12).
  /// - Parameters:
  ///   - known: the session that made it, while it lives.
  ///   - id: its number, and below its user, for one that is gone.
  func tell(_ event: ConfirmedCommitEvent, _ known: EventUser?, _ id: Int32, _ user: String) {
    guard events.wants(.confirmedCommit) else { return }
    let user =
      known
      ?? EventUser(
        session: id, user: user, context: "system", sessionProtocol: .system, address: .loopback, port: 0, loginTime: 0)
    let notice: ConfirmedCommitNotice
    switch event {
    case .started(let timeout): notice = ConfirmedCommitNotice(.started, timeout: Int(timeout), user: user)
    case .confirmed: notice = ConfirmedCommitNotice(.confirmed, user: user)
    case .aborted: notice = ConfirmedCommitNotice(.aborted, user: user)
    case .aborting, .failed: return
    }
    events.emit(.confirmedCommit) { .confirmedCommit(notice) }
  }
}
