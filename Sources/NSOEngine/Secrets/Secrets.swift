public import NSOModel
import NSOSchema
public import NSOSecrets
import Synchronization

/// How secrets are stored (protocol part 08: `crypt-hash` and `encrypted-strings` of `ncs.conf`). May change while the daemon runs.
public final class Secrets: Sendable {
  public struct Settings: Sendable {
    /// For types that leave the algorithm open.
    public var hash = PasswordHash.Algorithm.sha512
    public var rounds = PasswordHash.defaultRounds
    public var keys = CipherKeys()

    public init() {}
  }

  private let state = Mutex(Settings())

  public init() {}

  public var settings: Settings {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

/// A leaf type whose clear text is not stored.
public enum SecretKind: Hashable, Sendable {
  /// Nil: the algorithm that is set.
  case hash(PasswordHash.Algorithm?)
  case cipher(EncryptedString.Scheme)

  private static let common = "http://tail-f.com/yang/common"

  init?(_ type: SchemaType) {
    let type = type.valueType
    if case .union(let members) = type.kind {
      guard let found = members.lazy.compactMap(SecretKind.init).first else { return nil }
      self = found
      return
    }
    for name in type.typedefs {
      switch (name.namespace, name.name) {
      case (Self.common, "md5-digest-string"): self = .hash(.md5)
      case (Self.common, "sha-256-digest-string"): self = .hash(.sha256)
      case (Self.common, "sha-512-digest-string"): self = .hash(.sha512)
      case ("urn:ietf:params:xml:ns:yang:iana-crypt-hash", "crypt-hash"): self = .hash(nil)
      case (Self.common, "des3-cbc-encrypted-string"): self = .cipher(.tripleDES)
      case (Self.common, "aes-cfb-128-encrypted-string"): self = .cipher(.aes128)
      case (Self.common, "aes-256-cfb-128-encrypted-string"): self = .cipher(.aes256)
      default: continue
      }
      return
    }
    return nil
  }
}

extension DataModel {
  /// The stored form of a text for a leaf of a secret type: what follows `$0$` is clear text and is hashed or encrypted, everything else
  /// must have its form already. Takes milliseconds for a hash.
  /// - Throws: BADTYPE, UNAVAILABLE when there is no key. No text has any of the secret.
  public func protected(_ text: String, _ kind: SecretKind, at place: @autoclosure () -> String) throws(NSOError) -> String {
    let settings = secrets.settings
    do throws(SecretError) {
      switch kind {
      case .hash(let algorithm):
        guard text.hasPrefix(PasswordHash.clearPrefix) else { return text }
        let clear = String(text.dropFirst(PasswordHash.clearPrefix.count))
        return try PasswordHash.hash(clear, algorithm ?? settings.hash, rounds: settings.rounds)
      case .cipher(let scheme):
        if text.hasPrefix(EncryptedString.clearPrefix) {
          let clear = String(text.dropFirst(EncryptedString.clearPrefix.count))
          return try EncryptedString.encrypt(clear, scheme, settings.keys)
        }
        guard EncryptedString.isWellFormed(text, scheme) else {
          throw SecretError(
            "the value is neither encrypted with \(scheme.name) (\(scheme.prefix) and base64) nor clear text (write $0$ in front of it)"
          )
        }
        return text
      }
    } catch {
      let lacksKey = if case .cipher(let scheme) = kind { (try? scheme.key(in: settings.keys)) == nil } else { false }
      guard lacksKey, text.hasPrefix(EncryptedString.clearPrefix) else { throw NSOError(.badType, "\(place()): \(error)") }
      throw NSOError(
        .unavailable, "\(place()): \(error): configure it in ncs.conf, /ncs-config/encrypted-strings, and reload")
    }
  }
}
