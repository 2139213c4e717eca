internal import CCrypto
internal import NSOModel

/// The forms of encrypted strings (protocol part 04, GET_CRYPTO_KEYS): a prefix, then base64 of the initial vector and the cipher text.
/// The clear text ends at the first NUL byte.
public enum EncryptedString {
  public enum Scheme: Hashable, Sendable, CaseIterable {
    /// 3DES in CBC mode, `$7$`.
    case tripleDES
    /// AES with 128 bits in CFB mode, `$8$`.
    case aes128
    /// AES with 256 bits in CFB mode, `$9$`.
    case aes256

    public var prefix: String {
      switch self {
      case .tripleDES: "$7$"
      case .aes128: "$8$"
      case .aes256: "$9$"
      }
    }

    /// As people know it.
    public var name: String {
      switch self {
      case .tripleDES: "3DES"
      case .aes128: "AES-128"
      case .aes256: "AES-256"
      }
    }

    /// In bytes; also that of the initial vector.
    var blockSize: Int { self == .tripleDES ? 8 : 16 }

    /// The key that it uses.
    public func key(in keys: CipherKeys) throws(SecretError) -> [UInt8] {
      let key: [UInt8]? =
        switch self {
        case .tripleDES: keys.tripleDES?.key
        case .aes128: keys.aes128
        case .aes256: keys.aes256
        }
      let wanted = self == .tripleDES ? 24 : self == .aes128 ? 16 : 32
      guard let key, key.count == wanted else { throw SecretError("there is no key for \(name)") }
      return key
    }

    fileprivate var algorithm: OpaquePointer? {
      switch self {
      case .tripleDES: EVP_des_ede3_cbc()
      case .aes128: EVP_aes_128_cfb128()
      case .aes256: EVP_aes_256_cfb128()
      }
    }
  }

  /// What clear text begins with where an encrypted string is expected.
  public static let clearPrefix = "$0$"

  /// The stored form of a text, with a new initial vector.
  public static func encrypt(_ clear: String, _ scheme: Scheme, _ keys: CipherKeys) throws(SecretError) -> String {
    guard !clear.utf8.contains(0) else { throw SecretError("a text with a NUL character cannot be encrypted") }
    let key = try scheme.key(in: keys)
    var generator = SystemRandomNumberGenerator()
    let vector = (0..<scheme.blockSize).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    var padded = Array(clear.utf8)
    // At least one NUL, so that the end can be found.
    repeat { padded.append(0) } while padded.count % scheme.blockSize != 0
    return scheme.prefix + Base64.encode(vector + (try run(scheme, key, vector, padded, encrypts: true)))
  }

  /// The clear text of a stored form.
  /// - Throws: when it is none, or there is no key for it. A wrong key shows only where the result is not UTF-8.
  public static func decrypt(_ stored: String, _ keys: CipherKeys) throws(SecretError) -> String {
    let scheme: Scheme
    var vector: [UInt8]?
    switch String(stored.prefix(3)) {
    case "$7$": scheme = .tripleDES
    case "$8$": scheme = .aes128
    case "$9$": scheme = .aes256
    case "$3$":
      scheme = .tripleDES
      vector = keys.tripleDES?.initVector ?? []
    case "$4$":
      scheme = .aes128
      vector = keys.aes128InitVector ?? []
    case clearPrefix: return String(stored.dropFirst(3))
    default: throw SecretError("the text is no encrypted string: those begin with $7$, $8$ or $9$")
    }
    guard var bytes = Base64.decode(String(stored.dropFirst(3))) else { throw SecretError("the encrypted string is no base64") }
    let key = try scheme.key(in: keys)
    if vector == nil {
      vector = Array(bytes.prefix(scheme.blockSize))
      bytes.removeFirst(min(scheme.blockSize, bytes.count))
    }
    guard let vector, vector.count == scheme.blockSize else {
      throw SecretError("the encrypted string is too short, or has no initial vector for \(scheme.name)")
    }
    guard scheme != .tripleDES || bytes.count % scheme.blockSize == 0 else {
      throw SecretError("the encrypted string is cut short")
    }
    let clear = try run(scheme, key, vector, bytes, encrypts: false)
    guard let text = String(validating: clear.prefix { $0 != 0 }, as: UTF8.self) else {
      throw SecretError("the encrypted string does not decrypt to text: it was encrypted with another key")
    }
    return text
  }

  /// Whether a text has a stored form that could be decrypted with the right key.
  public static func isWellFormed(_ stored: String, _ scheme: Scheme) -> Bool {
    guard stored.hasPrefix(scheme.prefix), let bytes = Base64.decode(String(stored.dropFirst(3))) else { return false }
    return bytes.count > scheme.blockSize
  }

  private static func run(
    _ scheme: Scheme, _ key: [UInt8], _ vector: [UInt8], _ input: [UInt8], encrypts: Bool
  ) throws(SecretError) -> [UInt8] {
    guard let context = EVP_CIPHER_CTX_new() else { throw SecretError("no memory for \(scheme.name)") }
    defer { EVP_CIPHER_CTX_free(context) }
    guard EVP_CipherInit_ex(context, scheme.algorithm, nil, key, vector, encrypts ? 1 : 0) == 1,
      EVP_CIPHER_CTX_set_padding(context, 0) == 1
    else { throw SecretError("the system's libcrypto does not offer \(scheme.name)") }
    var output = [UInt8](repeating: 0, count: input.count + scheme.blockSize)
    var count: Int32 = 0
    var rest: Int32 = 0
    guard input.count < Int(Int32.max) - 64,
      EVP_CipherUpdate(context, &output, &count, input, Int32(input.count)) == 1,
      output.withUnsafeMutableBufferPointer({ buffer in
        buffer.baseAddress.map { EVP_CipherFinal_ex(context, $0 + Int(count), &rest) } ?? 0
      }) == 1
    else { throw SecretError("\(scheme.name) failed") }
    return Array(output.prefix(Int(count + rest)))
  }
}
