import NSOClient
import NSOModel
import NSOSecrets
import NSOWire
import Testing

/// Secrets and passwords with the real daemon.
@Suite struct SecretTests {
  private static let model = """
    module small {
      yang-version 1.1; namespace "urn:small"; prefix s;
      import tailf-common { prefix tailf; }
      container top {
        leaf secret { type tailf:aes-cfb-128-encrypted-string; }
        leaf strong { type tailf:aes-256-cfb-128-encrypted-string; }
        leaf hash { type tailf:sha-256-digest-string; }
      }
    }
    """
  private static func settings(_ generations: [Int], rounds: Int = 5000) -> String {
    "<encrypted-strings>"
      + generations.map { generation in
        let digit = String(generation + 1, radix: 16)
        return
          "<key-rotation><generation>\(generation)</generation><AESCFB128><key>\(String(repeating: digit, count: 32))</key></AESCFB128>"
          + "<AES256CFB128><key>\(String(repeating: digit, count: 64))</key></AES256CFB128></key-rotation>"
      }.joined()
      + "</encrypted-strings><crypt-hash><rounds>\(rounds)</rounds></crypt-hash>"
  }

  @Test func `secrets are stored encrypted, clients with the keys read them, and no log has them`() async throws {
    let instance = try Instance(settings: Self.settings([0]), model: Self.model)
    let client = NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc")))
    try await instance.withDaemon { _ in
      let result = try await instance.run(
        "ncs_cmd", "-c",
        "mset /s:top/secret '$0$xyzzy plugh'; mset /s:top/strong '$0$xyzzy plugh'; mset /s:top/hash '$0$xyzzy plugh'; mcreate /aaa:aaa/authentication/users/user{ada}; mset /aaa:aaa/authentication/users/user{ada}/uid 77; mset /aaa:aaa/authentication/users/user{ada}/gid 77; mset /aaa:aaa/authentication/users/user{ada}/password '$0$xyzzy plugh'; mset /aaa:aaa/authentication/users/user{ada}/ssh_keydir ''; mset /aaa:aaa/authentication/users/user{ada}/homedir /"
      )
      #expect(result.code == 0, "\(result.errors)")
      let saved = try await instance.run("ncs_load", "-Fp")
      #expect(
        saved.output.contains("<secret>$8$") && saved.output.contains("<strong>$9$") && saved.output.contains("<hash>$5$"))
      #expect(!saved.output.contains("xyzzy"))
      try await client.withMAAPI { maapi in
        let keys = try await maapi.cryptoKeys()
        try await maapi.startUserSession()
        try await maapi.withTransaction(.running, .read) { transaction in
          let secret = try await transaction.getText("/s:top/secret")
          #expect(try keys.decrypt(secret) == "xyzzy plugh")
          let strong = try await transaction.getText("/s:top/strong")
          #expect(try keys.decrypt(strong) == "xyzzy plugh")
        }
        try await maapi.authenticate(user: "ada", password: "xyzzy plugh")
        await #expect(throws: NSOError.self) { try await maapi.authenticate(user: "ada", password: "xyzzy") }
        await #expect(throws: NSOError.self) { try await maapi.authenticate(user: "eve", password: "xyzzy plugh") }
      }
      let dump = try await instance.run("ncs", "--debug-dump", instance.path + "/dump")
      #expect(dump.code == 0)
      let text = try instance.read("dump")
      #expect(!text.contains("xyzzy") && !text.contains(String(repeating: "1", count: 32)))

      // A later generation does not replace the one in use; without it nothing can be decrypted, so it is refused.
      let conf = try instance.read("ncs.conf")
      let first = try #require(conf.firstRange(of: "<encrypted-strings>"))
      let last = try #require(conf.firstRange(of: "</crypt-hash>"))
      func configure(_ settings: String) throws {
        try instance.write("ncs.conf", String(conf[..<first.lowerBound]) + settings + String(conf[last.upperBound...]))
      }
      try configure(Self.settings([0, 1], rounds: 1000))
      #expect(try await instance.run("ncs", "--reload").code == 0)
      #expect(try await instance.run("ncs_cmd", "-c", "mset /s:top/secret '$0$again'; mset /s:top/hash '$0$again'").code == 0)
      #expect(try await instance.run("ncs_cmd", "-c", "mget /s:top/hash").output.hasPrefix("$5$rounds=1000$"))
      try await client.withMAAPI { maapi in
        let keys = try await maapi.cryptoKeys()
        #expect(keys.aes128 == [UInt8](repeating: 0x11, count: 16))
        try await maapi.startUserSession()
        try await maapi.withTransaction(.running, .read) { transaction in
          let again = try await transaction.getText("/s:top/secret")
          #expect(try keys.decrypt(again) == "again")
        }
      }
      try configure(Self.settings([1]))
      let refused = try await instance.run("ncs", "--reload")
      #expect(refused.code != 0 && refused.errors.contains("generation 0"), "\(refused.errors)")
    }
    let log = try instance.read("ncs.log", in: instance.path + "/logs")
    #expect(
      !log.contains("xyzzy") && !log.contains("11111111111111111111111111111111") && log.contains("authentication failed"))
  }
}
