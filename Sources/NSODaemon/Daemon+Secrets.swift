import Logging
import NSOEngine
public import NSOModel
import NSOSchema
import NSOSecrets

/// How secrets are stored and users are known: what `ncs.conf` says of it (protocol part 08, section 7.2), in force from the start or reload on.
extension Daemon {
  /// - Throws: when keys are faulty, or those are missing that data is encrypted with; nothing has changed then.
  func applySecrets(_ configuration: DaemonConfiguration) throws {
    let keys = try configuration.cipherKeys()
    var settings = Secrets.Settings()
    settings.hash = try configuration.hashAlgorithm()
    settings.rounds = try configuration.hashRounds()
    var active: Int?
    let isInUse = try engine.rememberedKeyGeneration() != nil
    if !keys.isEmpty || isInUse {
      let generation = try engine.keyGeneration(among: Array(keys.keys))
      settings.keys = keys[generation] ?? CipherKeys()
      active = generation
    }
    engine.secrets.settings = settings
    engine.aaa = try configuration.aaaSettings(systemGroups: SystemGroups.read())
    if let active { log.write(level: .info, text: "secrets: \(settings.keys), generation \(active)") }
  }

  /// Users and passwords are looked up when they are needed; what is kept of them is the system's groups.
  public func reloadAAA() async throws(NSOError) { engine.aaa.systemGroups = SystemGroups.read() }
}

extension DaemonConfiguration {
  fileprivate func hashAlgorithm() throws -> PasswordHash.Algorithm {
    switch try tree.value("crypt-hash/algorithm") {
    case .enumeration(0): .md5
    case .enumeration(1): .sha256
    default: .sha512
    }
  }

  fileprivate func hashRounds() throws -> Int {
    guard case .uint32(let rounds)? = try tree.value("crypt-hash/rounds") else { return PasswordHash.defaultRounds }
    return Int(rounds)
  }

  fileprivate func aaaSettings(systemGroups: [String: [String]]) throws -> AAASettings {
    var settings = AAASettings()
    settings.localAuthentication = try tree.flag("aaa/local-authentication/enabled")
    settings.asksApplication = try tree.flag("aaa/authentication-callback/enabled")
    settings.authorizes = try tree.flag("aaa/authorization/enabled")
    settings.asksApplicationToAuthorize = try tree.flag("aaa/authorization/callback/enabled")
    settings.defaultGroup = try tree.text("aaa/default-group")
    // The value of an enumeration is its place.
    settings.auditsUserNames = try tree.value("aaa/audit-user-name") != .enumeration(1)
    if case .uint16(let length)? = try tree.value("aaa/max-password-length") { settings.maximumPasswordLength = Int(length) }
    settings.systemGroups = systemGroups
    return settings
  }

  /// The keys by generation; those without one are of generation -1.
  fileprivate func cipherKeys() throws -> [Int: CipherKeys] {
    var all: [Int: CipherKeys] = [:]
    let single = CipherKeys(
      aes128: try key("encrypted-strings/AESCFB128/key"), aes256: try key("encrypted-strings/AES256CFB128/key"))
    if !single.isEmpty { all[-1] = single }
    for entry in try tree.written("encrypted-strings/key-rotation") {
      func text(_ path: [String]) -> String? {
        var node = entry
        for name in path {
          guard let child = node.children.first(where: { tree.schema[$0.id].name.name == name }) else { return nil }
          node = child
        }
        return node.text
      }
      guard let number = text(["generation"]).flatMap({ Int($0) }) else { continue }
      guard all[number] == nil else {
        throw ConfigurationError(
          entry.place, "encrypted-strings: the keys of generation \(number) are given twice",
          remedy: "give each generation once; keys without generation count as -1")
      }
      all[number] = CipherKeys(
        aes128: text(["AESCFB128", "key"]).flatMap(Self.bytes), aes256: text(["AES256CFB128", "key"]).flatMap(Self.bytes))
    }
    return all
  }

  private func key(_ path: String) throws -> [UInt8]? { try tree.written(path).first.flatMap { Self.bytes($0.text) } }

  private static func bytes(_ hex: String) -> [UInt8]? {
    let digits = hex.compactMap(\.hexDigitValue)
    guard digits.count == hex.count, digits.count.isMultiple(of: 2) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
