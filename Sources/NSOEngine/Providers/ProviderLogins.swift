import Logging
public import NSOModel
public import NSOWire

extension ProviderRegistry {
  /// Asks the authentication callback about a login that the daemon has checked (protocol part 05, section 11.1); only where
  /// `aaa/authentication-callback/enabled` says so.
  ///
  /// - Parameters:
  ///   - user: the session to be; its id is 0.
  ///   - method: `local`, `pam`, `external`, `password`, `publickey` or another method of SSH.
  ///   - outcome: what the daemon found. When it refused the login, the callback is only told.
  /// - Throws: ACCESS_DENIED when the login must be refused: the callback did, nobody registered it, or it does not answer.
  public func approve(
    _ user: UserSessionInfo, method: String, _ outcome: AuthenticationQuery.Outcome
  ) async throws(NSOError) {
    let about: @Sendable () -> String = { "authentication callback for user \(user.user)" }
    guard let served = served(.authentication, "auth") else {
      guard case .accepted = outcome else { return }
      log.warning("LOGIN_REJECTED user \(user.user): no data provider has registered the authentication callback")
      throw NSOError(
        .accessDenied,
        "the login of user \(user.user) was refused: authentication-callback is enabled, but nobody has registered one; start the application that does"
      )
    }
    let query = ProviderRequest.Body.authenticate(AuthenticationQuery(user: user, method: method, outcome: outcome))
    guard case .accepted = outcome else { return served.instance.tell(query, about: about) }
    let refusal: String
    do throws(NSOError) {
      switch try await served.instance.ask(query, about: about) {
      case .accepted: return
      case .rejected(let text): refusal = text.isEmpty ? "the application refused it" : text
      default: refusal = "\(served.instance.summary) gave an answer that is none"
      }
    } catch {
      refusal = error.message
    }
    log.warning("LOGIN_REJECTED user \(user.user): \(refusal)")
    throw NSOError(.accessDenied, "the login of user \(user.user) was refused: \(refusal)")
  }
}
