/// The keys of the encrypted string types (protocol part 04, GET_CRYPTO_KEYS). Printing one shows which keys there are, not the keys.
public struct CipherKeys: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  public struct TripleDES: Hashable, Sendable {
    /// Three keys of 8 bytes.
    public var key: [UInt8]
    /// For values of the oldest form, which have none of their own. 8 bytes.
    public var initVector: [UInt8]

    public init?(key: [UInt8], initVector: [UInt8]) {
      guard key.count == 24, initVector.count == 8 else { return nil }
      self.key = key
      self.initVector = initVector
    }
  }

  public var tripleDES: TripleDES?
  /// 16 bytes.
  public var aes128: [UInt8]?
  /// For values of the oldest form, which have none of their own. 16 bytes.
  public var aes128InitVector: [UInt8]?
  /// 32 bytes.
  public var aes256: [UInt8]?

  public init(
    tripleDES: TripleDES? = nil, aes128: [UInt8]? = nil, aes128InitVector: [UInt8]? = nil, aes256: [UInt8]? = nil
  ) {
    self.tripleDES = tripleDES
    self.aes128 = aes128
    self.aes128InitVector = aes128InitVector
    self.aes256 = aes256
  }

  public var isEmpty: Bool { tripleDES == nil && aes128 == nil && aes256 == nil }

  public var description: String {
    let names = [tripleDES == nil ? nil : "3DES", aes128 == nil ? nil : "AES-128", aes256 == nil ? nil : "AES-256"]
    let known = names.compactMap { $0 }
    return "CipherKeys(\(known.isEmpty ? "none" : known.joined(separator: ", ")))"
  }

  public var customMirror: Mirror { Mirror(self, children: []) }
}
