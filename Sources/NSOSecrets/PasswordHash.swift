internal import CCrypt

/// Password hashes in the forms of crypt(3): `$1$` MD5, `$5$` SHA-256, `$6$` SHA-512. Computing one takes milliseconds, and more with
/// more rounds: not for an event loop.
public enum PasswordHash {
  public enum Algorithm: Hashable, Sendable, CaseIterable {
    case md5, sha256, sha512

    /// What a hash begins with.
    public var prefix: String {
      switch self {
      case .md5: "$1$"
      case .sha256: "$5$"
      case .sha512: "$6$"
      }
    }
  }

  /// What clear text begins with where a hash is expected.
  public static let clearPrefix = "$0$"
  /// The number of rounds that is not written into a hash.
  public static let defaultRounds = 5000

  /// The hash of a text with a new salt.
  /// - Parameter rounds: of the SHA algorithms, 1000 to 999,999,999.
  public static func hash(_ clear: String, _ algorithm: Algorithm, rounds: Int = defaultRounds) throws(SecretError) -> String {
    var setting = algorithm.prefix
    if algorithm != .md5, rounds != defaultRounds { setting += "rounds=\(min(max(rounds, 1000), 999_999_999))$" }
    var generator = SystemRandomNumberGenerator()
    let letters = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    for _ in 0..<(algorithm == .md5 ? 8 : 16) { setting.append(letters[Int.random(in: 0..<64, using: &generator)]) }
    return try crypt(clear, setting + "$")
  }

  /// Whether a text is the one that was hashed. A stored value after `$0$` is clear text itself.
  public static func matches(_ clear: String, _ stored: String) -> Bool {
    if stored.hasPrefix(clearPrefix) {
      return isEqual(Array(clear.utf8), Array(stored.utf8.dropFirst(clearPrefix.utf8.count)))
    }
    guard Algorithm.allCases.contains(where: { stored.hasPrefix($0.prefix) }), let hash = try? crypt(clear, stored) else {
      return false
    }
    return isEqual(Array(hash.utf8), Array(stored.utf8))
  }

  /// Whether ``matches(_:_:)`` takes no more than some milliseconds. Whoever stores a hash says how many rounds it takes.
  public static func costsLittle(_ stored: String) -> Bool { !stored.dropFirst(3).hasPrefix("rounds=") }

  /// Takes as long for any two texts of the same length.
  private static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    var difference = a.count ^ b.count
    for (x, y) in zip(a, b) { difference |= Int(x ^ y) }
    return difference == 0
  }

  private static func crypt(_ clear: String, _ setting: String) throws(SecretError) -> String {
    guard !clear.utf8.contains(0) else { throw SecretError("a password with a NUL character cannot be hashed") }
    // Large enough for any version of the library, and of its own for each call.
    let size = 64 << 10
    let work = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    work.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    defer {
      work.initializeMemory(as: UInt8.self, repeating: 0, count: size)
      work.deallocate()
    }
    guard let made = crypt_rn(clear, setting, work, Int32(size)) else {
      throw SecretError("the password cannot be hashed: it is too long, or the system does not know the algorithm")
    }
    let text = String(cString: made)
    // Failures are tokens that no hash begins with.
    guard text.hasPrefix("$") else { throw SecretError("the password cannot be hashed: the setting of the hash is damaged") }
    return text
  }
}
