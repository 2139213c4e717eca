import ExternalTerm
import NSOModel
public import NSOSecrets
import NSOTerms
import NSOWire

// Encrypted strings (protocol part 04, GET_CRYPTO_KEYS): the daemon stores and gives them encrypted; whoever may read its keys decrypts
// them.

extension MAAPI {
  /// The daemon's keys of the encrypted string types. Keep them in memory only.
  /// - Throws: `accessDenied` for users that the daemon maps by their uid.
  public func cryptoKeys() async throws -> CipherKeys {
    guard case .term(let encoded) = try await reply(to: .getCryptoKeys), case .tuple(let parts) = try encoded.term(),
      parts.count == 6 || parts.count == 7
    else { throw ReplyMismatch() }
    func bytes(_ index: Int, _ count: Int) -> [UInt8]? {
      guard parts.indices.contains(index), case .binary(let bytes) = parts[index], bytes.count == count else { return nil }
      return bytes
    }
    var keys = CipherKeys(aes128: bytes(4, 16), aes128InitVector: bytes(5, 16), aes256: bytes(6, 32))
    if let first = bytes(0, 8), let second = bytes(1, 8), let third = bytes(2, 8), let vector = bytes(3, 8) {
      keys.tripleDES = CipherKeys.TripleDES(key: first + second + third, initVector: vector)
    }
    return keys
  }
}

extension CipherKeys {
  /// The clear text of a value as the daemon gives it (`$7$`, `$8$` or `$9$` and base64).
  /// - Throws: `SecretError` when there is no key for it, or it is damaged.
  public func decrypt(_ stored: String) throws(SecretError) -> String { try EncryptedString.decrypt(stored, self) }
}
