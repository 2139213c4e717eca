import Testing

@testable import NSOSecrets

@Suite struct SecretsTests {
  private let keys = CipherKeys(
    tripleDES: CipherKeys.TripleDES(key: Array(1...24), initVector: Array(1...8)), aes128: Array(0..<16),
    aes128InitVector: Array(16..<32), aes256: Array(0..<32))

  @Test func `what is encrypted decrypts with the same keys only`() throws {
    for scheme in EncryptedString.Scheme.allCases {
      for text in ["", "s", "sixteen letters!", "In god we trust.", "äöü 🔑", String(repeating: "x", count: 1000)] {
        let stored = try EncryptedString.encrypt(text, scheme, keys)
        #expect(stored.hasPrefix(scheme.prefix))
        #expect(EncryptedString.isWellFormed(stored, scheme))
        #expect(try EncryptedString.decrypt(stored, keys) == text)
        // A new initial vector each time.
        #expect(try EncryptedString.encrypt(text, scheme, keys) != stored)
        #expect(throws: SecretError.self) { try EncryptedString.decrypt(stored, CipherKeys()) }
      }
      #expect(throws: SecretError.self) { try EncryptedString.encrypt("x", scheme, CipherKeys()) }
      #expect(throws: SecretError.self) { try EncryptedString.encrypt("a\0b", scheme, keys) }
    }
  }

  /// Made with the program openssl: `printf 'secret\0...' | openssl enc -aes-128-cfb -K ... -iv ... -nopad`.
  @Test func `values made elsewhere decrypt`() throws {
    for (stored, text) in Self.foreign { #expect(try EncryptedString.decrypt(stored, keys) == text) }
  }

  static let foreign: [(String, String)] = [
    ("$7$ZGVmZ2hpamt3PyYcKkB3K10kfsaVBtklVHq+z4xINaw=", "In god we trust."),
    ("$8$ZGVmZ2hpamtsbW5vcHFyc9fRTvvSeM4PaCdh+uSW8LUMy25uufldwwVSgGWhvAT5", "In god we trust."),
    ("$8$ZGVmZ2hpamtsbW5vcHFyc+3XAe7J", "short"),
    ("$9$ZGVmZ2hpamtsbW5vcHFyc9q2MUfZRJs6G63L2ZPM5PIRiTkwTBW/g/UtJM91ClgN", "In god we trust."),
    ("$3$ULeN4Hqcon/QwLYAhPDo0bCPMkYsLc8G", "In god we trust."),
    ("$4$TpDPE46xIxn1Lppj++fmvbeF2pkZxmYjxzuq58ztHMA=", "In god we trust."),
  ]

  @Test func `damaged values are refused without a trace of the secret`() throws {
    for bad in [
      "", "secret", "$8$", "$8$!!!", "$8$AAAA", "$9$AAAA", "$7$" + "AAAAAAAAAAAAAAAA", "$5$salt$hash",
      "$8$AAAAAAAAAAAAAAAAAAAAAP//////",
    ] {
      #expect(throws: SecretError.self) { try EncryptedString.decrypt(bad, CipherKeys(aes128: Array(0..<16))) }
    }
    #expect("\(keys)" == "CipherKeys(3DES, AES-128, AES-256)")
    var text = ""
    dump(keys, to: &text)
    #expect(!text.contains("15"))
  }

  @Test func `hashes have their forms and match what was hashed`() throws {
    for algorithm in PasswordHash.Algorithm.allCases {
      let hash = try PasswordHash.hash("secret", algorithm)
      #expect(hash.hasPrefix(algorithm.prefix))
      #expect(!hash.contains("rounds"))
      #expect(PasswordHash.matches("secret", hash))
      #expect(!PasswordHash.matches("Secret", hash))
      #expect(!PasswordHash.matches("", hash))
      #expect(try PasswordHash.hash("secret", algorithm) != hash)
    }
    #expect(try PasswordHash.hash("x", .sha256, rounds: 1000).hasPrefix("$5$rounds=1000$"))
    // The examples of the specification of the SHA algorithms.
    #expect(
      PasswordHash.matches(
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"))
    #expect(PasswordHash.matches("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"))
    #expect(PasswordHash.matches("clear", "$0$clear"))
    for bad in ["", "$0$clearer", "$1$", "$6$", "*", "clear", "$2b$10$abc"] { #expect(!PasswordHash.matches("clear", bad)) }
    #expect(throws: SecretError.self) { try PasswordHash.hash("a\0b", .sha512) }
    #expect(throws: SecretError.self) { try PasswordHash.hash(String(repeating: "x", count: 10_000), .sha512) }
  }
}
