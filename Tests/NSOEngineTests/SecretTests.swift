import Logging
import NSOModel
import NSOSchema
import NSOSecrets
import NSOStore
import Testing

@testable import NSOEngine

/// Secrets in leafs, authentication, groups.
@Suite struct SecretTests {
  private let aaa = """
    module tailf-aaa {
      yang-version 1.1; namespace "http://tail-f.com/ns/aaa/1.1"; prefix aaa;
      import tailf-common { prefix tailf; }
      container aaa { container authentication { container users { list user {
        key name; leaf name { type string; } leaf password { type tailf:sha-512-digest-string; }
      } } } }
      container vault {
        leaf md5 { type tailf:md5-digest-string; }
        leaf sha { type tailf:sha-256-digest-string; }
        leaf aes { type tailf:aes-cfb-128-encrypted-string; }
        leaf aes256 { type tailf:aes-256-cfb-128-encrypted-string; }
        leaf des { type tailf:des3-cbc-encrypted-string; }
        leaf either { type union { type uint8; type tailf:aes-cfb-128-encrypted-string; } }
      }
    }
    """
  private let nacm = """
    module ietf-netconf-acm {
      yang-version 1.1; namespace "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"; prefix nacm;
      container nacm {
        leaf enable-external-groups { type boolean; default true; }
        container groups { list group { key name; leaf name { type string; } leaf-list user-name { type string; } } }
      }
    }
    """

  private func engine() throws -> TestEngine {
    let folder = try TemporaryFolder()
    let files = try [folder.write("tailf-aaa.yang", aaa), folder.write("ietf-netconf-acm.yang", nacm)]
    // <project>/Tests/NSOEngineTests/SecretTests.swift
    let project = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    let schema = try SchemaLoader(files: files, searchPath: [project + "/Sources/NSODaemon/YANG", project + "/var/yang"]).load()
    return try TestEngine(in: folder, schema: schema)
  }

  private func set(_ engine: TestEngine, _ path: String, _ text: String) async throws {
    let place = try engine.locate(path)
    try await engine.change { editor in
      if place.anchorNode != nil { try editor.ensure(engine.locate(String(path.prefix(while: { $0 != "}" })) + "}")) }
      try editor.set(place, text: text)
    }
  }

  private func text(_ engine: TestEngine, _ path: String) throws -> String {
    guard case .string(let text)? = try engine.value(path) else { return "" }
    return text
  }

  @Test func `clear text is hashed or encrypted, stored forms stay, anything else is refused without being repeated`()
    async throws
  {
    let engine = try engine()
    defer { engine.close() }
    try await set(engine, "/aaa:vault/md5", "$0$secret")
    try await set(engine, "/aaa:vault/sha", "$0$secret")
    #expect(try PasswordHash.matches("secret", text(engine, "/aaa:vault/md5")))
    let hash = try text(engine, "/aaa:vault/sha")
    #expect(hash.hasPrefix("$5$") && PasswordHash.matches("secret", hash))
    try await set(engine, "/aaa:vault/sha", hash)
    #expect(try text(engine, "/aaa:vault/sha") == hash)

    #expect(await failure { try await set(engine, "/aaa:vault/aes", "$0$secret") }?.code == .unavailable)
    let keys = CipherKeys(aes128: [UInt8](repeating: 7, count: 16), aes256: [UInt8](repeating: 8, count: 32))
    engine.engine.secrets.settings.keys = keys
    for (leaf, prefix) in [("aes", "$8$"), ("aes256", "$9$"), ("either", "$8$")] {
      try await set(engine, "/aaa:vault/\(leaf)", "$0$secret")
      let stored = try text(engine, "/aaa:vault/\(leaf)")
      #expect(stored.hasPrefix(prefix) && !stored.contains("secret"))
      #expect(try EncryptedString.decrypt(stored, keys) == "secret")
      try await set(engine, "/aaa:vault/\(leaf)", stored)
      #expect(try text(engine, "/aaa:vault/\(leaf)") == stored)
    }
    try await set(engine, "/aaa:vault/either", "5")
    #expect(try engine.value("/aaa:vault/either") == .uint8(5))
    #expect(await failure { try await set(engine, "/aaa:vault/des", "$0$secret") }?.code == .unavailable)
    for (leaf, bad) in [
      ("aes", "letmein"), ("sha", "letmein"), ("md5", "$5$letmein$x"), ("aes256", "$8$letmein"), ("aes", "$9$AAAA"),
    ] {
      let error = await failure { try await set(engine, "/aaa:vault/\(leaf)", bad) }
      #expect(error?.code == .badType)
      #expect(error?.message.contains("letmein") == false, "\(error?.message ?? "")")
    }
    // A typed value is stored as it is (protocol part 04, SET_ELEM).
    let place = try engine.locate("/aaa:vault/aes")
    try await engine.change { editor in try editor.set(place, .string("$8$anything")) }
    #expect(try text(engine, "/aaa:vault/aes") == "$8$anything")

    // Documents are text.
    let transaction = try engine.start()
    let load = try ConfigurationLoad(transaction, LoadOptions(format: .xml, mode: .merge))
    try load.feed(Array("<vault xmlns='http://tail-f.com/ns/aaa/1.1'><sha>$0$other</sha><aes>$0$word</aes></vault>".utf8))
    try load.finish()
    try await engine.engine.apply(transaction, keepOpen: false)
    #expect(try PasswordHash.matches("other", text(engine, "/aaa:vault/sha")))
    #expect(try EncryptedString.decrypt(text(engine, "/aaa:vault/aes"), keys) == "word")
  }

  @Test func `passwords of users are checked, and failures do not tell why`() async throws {
    let engine = try engine()
    defer { engine.close() }
    try await set(engine, "/aaa:aaa/authentication/users/user{ada}/password", "$0$engine")
    try engine.engine.authenticate("ada", password: "engine")
    var texts: Set<String> = []
    for (user, password) in [("ada", "Engine"), ("ada", ""), ("bob", "engine"), ("", "")] {
      let error = await failure { try engine.engine.authenticate(user, password: password) }
      #expect(error?.code == .accessDenied)
      texts.insert(error?.message ?? "")
    }
    #expect(texts.count == 1)
    engine.engine.aaa.maximumPasswordLength = 5
    #expect(await failure { try engine.engine.authenticate("ada", password: "engine") }?.code == .accessDenied)
    engine.engine.aaa = AAASettings()
    engine.engine.aaa.localAuthentication = false
    #expect(await failure { try engine.engine.authenticate("ada", password: "engine") }?.code == .accessDenied)
  }

  @Test func `groups come from the data, the system and the default`() async throws {
    let engine = try engine()
    defer { engine.close() }
    #expect(try engine.engine.groups(of: "ada") == [])
    engine.engine.aaa.defaultGroup = "guests"
    #expect(try engine.engine.groups(of: "ada") == ["guests"])
    engine.engine.aaa.systemGroups = ["ada": ["wheel", "ops"]]
    try await engine.change { editor in
      for group in ["ops", "dev"] {
        try editor.ensure(engine.locate("/nacm:nacm/groups/group{\(group)}"))
        try editor.ensure(engine.locate("/nacm:nacm/groups/group{\(group)}/user-name{ada}"))
      }
    }
    #expect(try engine.engine.groups(of: "ada") == ["dev", "ops", "wheel"])
    try await set(engine, "/nacm:nacm/enable-external-groups", "false")
    #expect(try engine.engine.groups(of: "ada") == ["dev", "ops"])
    #expect(try engine.engine.groups(of: "bob") == ["guests"])
  }

  @Test func `the generation of keys is remembered`() throws {
    let engine = try engine()
    defer { engine.close() }
    #expect(try engine.engine.rememberedKeyGeneration() == nil)
    #expect(try engine.engine.keyGeneration(among: [0, 2, -1]) == 2)
    #expect(try engine.engine.keyGeneration(among: [2, 3]) == 2)
    #expect(code { _ = try engine.engine.keyGeneration(among: [3]) } == .badConfig)
  }

  private func failure(_ body: () async throws -> Void) async -> NSOError? {
    do {
      try await body()
      return nil
    } catch { return error as? NSOError ?? NSOError(.internal, "\(error)") }
  }
}
