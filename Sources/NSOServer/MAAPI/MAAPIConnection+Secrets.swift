import ExternalTerm
import NIOCore
import NIOPosix
import NSOEngine
import NSOModel
import NSOSecrets
import NSOTerms
import NSOWire

/// Passwords, keys and the data that users are known by (protocol part 04, sections 4.1, 4.12 and 4.13).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func secrets(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .authenticate(let request):
      let services = services
      // Success has no content (part 04): a refusal is an error.
      return connection.waiting(op, services) { () async throws(NSOError) in try await services.authenticate(request) }
    case .getCryptoKeys:
      try requireTrust("read the keys of encrypted strings")
      write(engine.secrets.settings.keys, op, &out)
      return .done
    case .aaaReload(let wait):
      try requireTrust("reload the users' data")
      return try ask(op, waits: wait, &out) { (control) async throws(NSOError) in try await control.reloadAAA() }
    case .setElem2(let text, let path): return try setSecret(call, text, path, op)
    case .unknown(MAAPIOperation.validateToken.rawValue, _):
      throw NSOError(
        .notImplemented,
        "\(MAAPIOperation.validateToken.title): this daemon knows no tokens (no external or package authentication); use AUTHENTICATE"
      )
    default: return nil
    }
  }

  /// The clear text of a secret is hashed or encrypted on another thread; everything else is left to the usual way.
  private func setSecret(
    _ call: MAAPICall, _ text: String, _ path: WireKeypath, _ op: UInt32
  ) throws(NSOError) -> FrameOutcome? {
    guard text.hasPrefix(PasswordHash.clearPrefix) else { return nil }
    let use = try use(call)
    let place = try use.locate(path, call.isRelative)
    guard let node = place.node, let kind = use.model.secretKind(node) else { return nil }
    let (transaction, writer) = (use.transaction, use.writer)
    if transaction.asksHooks(at: place, as: writer) {
      return changeAtLength(use, at: place, op) { (editor) throws(NSOError) in
        try editor.set(place, text: try editor.model.protected(text, kind, at: place.text(editor.model)))
      }
    }
    return connection.elsewhere(op, services) { (_) throws(NSOError) in
      let model = transaction.model
      let stored = try model.protected(text, kind, at: place.text(model))
      try transaction.writeOne(as: writer) { (editor) throws(NSOError) in try editor.set(place, text: stored) }
    }
  }

  private func write(_ keys: CipherKeys, _ op: UInt32, _ out: inout ByteBuffer) {
    let des = keys.tripleDES
    let parts: [[UInt8]?] = [
      des.map { Array($0.key[..<8]) }, des.map { Array($0.key[8..<16]) }, des.map { Array($0.key[16...]) }, des?.initVector,
      keys.aes128, keys.aes128InitVector, keys.aes256,
    ]
    out.writeAnswer(to: op) { (out) throws(NSOError) in
      out.writeTermVersion()
      out.writeTermTuple(arity: parts.count)
      for part in parts {
        if let part { out.writeTermBinary(part) } else { out.writeTermAtom("undefined") }
      }
    }
  }
}

extension Services {
  /// Checks a password, and asks the application about it where it wants to be asked (protocol part 05, section 11.1).
  fileprivate func authenticate(_ request: Authenticate) async throws(NSOError) {
    let origin = request.origin.map {
      LoginOrigin(context: $0.context, address: $0.address, port: UInt16(clamping: $0.port), proto: $0.sessionProtocol)
    }
    // A hash takes milliseconds.
    let local: Result<Void, NSOError> = await withCheckedContinuation { continuation in
      pool.submit { state in
        guard case .active = state else {
          return continuation.resume(returning: .failure(NSOError(.aborted, "the daemon is stopping")))
        }
        do throws(NSOError) {
          continuation.resume(
            returning: .success(
              try engine.authenticate(request.user, password: request.password, from: origin.map { "\($0)" } ?? "")))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    try await engine.approveLogin(request.user, method: "local", local, from: origin)
  }
}
