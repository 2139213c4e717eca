import CLibSSH
import Logging
import NSOEngine
import NSOModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

let pollInput = POLLIN

func closeDescriptor(_ descriptor: Int32) { _ = close(descriptor) }

/// Passwords are checked one after the other: each costs the processor milliseconds, for whoever asks.
final class SSHLoginGate: Sendable {
  private let mutex = Mutex(())

  func check(_ body: () throws(NSOError) -> Void) -> Result<Void, NSOError> {
    mutex.withLock { _ in
      do throws(NSOError) { return .success(try body()) } catch { return .failure(error) }
    }
  }
}

/// Who logs in (protocol part 08, section 8.3).
extension SSHConnection {
  private var origin: LoginOrigin {
    LoginOrigin(context: context.service.context, address: handle.address, port: handle.port, proto: .ssh)
  }

  func showBanner() {
    guard !hasShownBanner else { return }
    hasShownBanner = true
    guard let text = context.settings.banners[context.service.context], !text.isEmpty else { return }
    guard let string = ssh_string_from_char(text) else { return }
    ssh_send_issue_banner(session, string)
    ssh_string_free(string)
  }

  func logIn(_ user: String, password: String) -> Bool {
    showBanner()
    guard mayTry else { return false }
    let (engine, origin) = (context.engine, origin)
    let result = context.gate.check { () throws(NSOError) in
      try engine.authenticate(user, password: password, from: "\(origin)")
    }
    return conclude(user, "password", told: "local", result)
  }

  /// - Parameter signature: whether the key was used, or is only asked about.
  func logIn(_ user: String, key: ssh_key, signature: Int32) -> Bool {
    showBanner()
    guard mayTry else { return false }
    let result: Result<Void, NSOError>
    do throws(NSOError) { result = .success(try check(user, key)) } catch { result = .failure(error) }
    if signature == Int32(SSH_PUBLICKEY_STATE_NONE.rawValue), case .success = result { return true }
    guard signature == Int32(SSH_PUBLICKEY_STATE_NONE.rawValue) || signature == Int32(SSH_PUBLICKEY_STATE_VALID.rawValue) else {
      return conclude(user, "publickey", told: "publickey", .failure(NSOError(.accessDenied, "the signature is wrong")))
    }
    return conclude(user, "publickey", told: "publickey", result)
  }

  private var mayTry: Bool { peer == nil && ending == nil && handle.ending == nil }

  private func conclude(_ user: String, _ method: String, told: String, _ result: Result<Void, NSOError>) -> Bool {
    let (engine, origin) = (context.engine, origin)
    let outcome: Result<Void, NSOError>
    if engine.aaa.asksApplication {
      // The application may take its time, and this thread is there for nobody else.
      let answer = try? SSHThread.wait { () async -> Result<Void, NSOError> in
        do throws(NSOError) {
          return .success(try await engine.approveLogin(user, method: told, result, from: origin))
        } catch { return .failure(error) }
      }
      outcome = answer ?? .failure(NSOError(.operatingSystem, "the application cannot be asked"))
    } else {
      outcome = result
    }
    switch outcome {
    case .success:
      peer = SSHPeer(user: user, origin: origin, method: method)
      handle.loggedIn(user, method)
      engine.journal.audit(.loginSuccess, user: user, "\(Product.name) \(origin) method \(method)")
      engine.log.info("SSH: user \(user) has logged in by \(method), \(origin)")
      return true
    case .failure(let error):
      failures += 1
      engine.journal.audit(.loginFailure, user: engine.auditName(of: user), "\(origin): \(method): \(error.message)")
      if let limit = context.settings.attempts, failures >= limit {
        ending = "\(failures) failed attempts to log in (aaa/ssh-max-auth-tries)"
      }
      return false
    }
  }

  private func check(_ user: String, _ key: ssh_key) throws(NSOError) {
    func refused(_ reason: String) -> NSOError { NSOError(.accessDenied, reason) }
    guard let type = ssh_key_type_to_char(ssh_key_type(key)).map({ String(cString: $0) }) else {
      throw refused("a key of an unknown type")
    }
    var text: UnsafeMutablePointer<CChar>?
    guard ssh_pki_export_pubkey_base64(key, &text) == SSH_OK, let text else { throw refused("the key cannot be read") }
    defer { ssh_string_free_char(text) }
    let keys = try keys(of: user)
    do throws(AuthorizedKeys.Refusal) {
      try keys.check(type, String(cString: text))
    } catch {
      context.engine.log.info("SSH: a key was refused, \(origin): \(error)")
      throw refused("public key: \(error)")
    }
  }

  private func keys(of user: String) throws(NSOError) -> AuthorizedKeys {
    let engine = context.engine
    let mode = context.settings.publicKeys
    guard mode != .none else { throw NSOError(.accessDenied, "aaa/ssh-pubkey-authentication is none") }
    let directory = try engine.keyDirectory(of: user)
    if let directory, mode == .local || engine.aaa.localAuthentication {
      guard !directory.isEmpty else { throw NSOError(.accessDenied, "ssh_keydir of the user is empty") }
      return AuthorizedKeys(directory: directory, owner: SystemUser(user)?.uid)
    }
    guard mode == .system, directory == nil, let known = SystemUser(user) else {
      throw NSOError(.accessDenied, "no keys are known of this user")
    }
    return AuthorizedKeys(directory: known.home + "/.ssh", owner: known.uid)
  }
}
