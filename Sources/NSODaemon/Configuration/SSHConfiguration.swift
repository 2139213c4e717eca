import NSOModel
public import NSOSSH
import NSOSchema

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The SSH server (protocol part 08, section 7.2: `aaa/ssh-...`, `ssh`, `cli/ssh`).
extension DaemonConfiguration {
  /// What is to be served over SSH, and why something is not.
  public struct SSH: Sendable {
    public var settings = SSHSettings()
    /// It was not asked for: one line in the log.
    public var notices: [String] = []
    /// It was, but cannot be.
    public var faults: [String] = []
    /// No key of the host can be used.
    public var lacksHostKey = false
  }

  /// The services that SSH can carry, and where `ncs.conf` speaks of them.
  private static let sshServices = [
    (service: "cli", setting: "cli/ssh", isOn: ["cli/enabled", "cli/ssh/enabled"], hasBanner: true),
    (
      service: "netconf", setting: "netconf-north-bound/transport/ssh",
      isOn: ["netconf-north-bound/enabled", "netconf-north-bound/transport/ssh/enabled"], hasBanner: false
    ),
  ]

  /// Reads the files that the settings name, too: may wait for the disk.
  func readSSH() throws -> SSH {
    var ssh = SSH()
    let enabled = try Self.sshServices.filter { try $0.isOn.allSatisfy { try tree.flag($0) } }
    guard !enabled.isEmpty else { return ssh }
    guard let directory = try tree.text("aaa/ssh-server-key-dir"), !directory.isEmpty else {
      let asked = try enabled.filter { try !tree.written($0.setting + "/enabled").isEmpty }.map(\.setting)
      let text = "SSH is off: aaa/ssh-server-key-dir is not set in ncs.conf (Documentation/SSH.md says how to switch it on)"
      if asked.isEmpty {
        ssh.notices.append(text)
      } else {
        ssh.faults.append("\(asked.joined(separator: ", "))/enabled has no effect: \(text)")
      }
      return ssh
    }
    let found = HostKey.load(from: directory)
    ssh.faults += found.faults.map { "SSH: \($0)" }
    guard !found.keys.isEmpty else {
      ssh.lacksHostKey = true
      ssh.faults.append("SSH is off: there is no host key that can be used in \(directory) (aaa/ssh-server-key-dir)")
      return ssh
    }
    ssh.settings.hostKeys = found.keys
    for service in enabled {
      ssh.settings.listeners += try listeners(of: service.service, service.setting)
      if service.hasBanner { ssh.settings.banners[service.service] = try banner(service.setting, &ssh.faults) }
    }
    try readLimits(&ssh.settings)
    try readAlgorithms(&ssh.settings, &ssh.faults)
    ssh.lacksHostKey = ssh.settings.listeners.isEmpty
    return ssh
  }

  private func listeners(of service: String, _ setting: String) throws -> [SSHSettings.Listener] {
    var places = [(try tree.text("\(setting)/ip") ?? "", try number("\(setting)/port"), try place(of: "\(setting)/ip"))]
    for entry in try tree.written("\(setting)/extra-listen") {
      func text(_ name: String) -> String {
        entry.children.first { tree.schema[$0.id].name.name == name }?.text ?? ""
      }
      places.append((text("ip"), UInt64(text("port")) ?? 0, entry.place))
    }
    var listeners: [SSHSettings.Listener] = []
    for (ip, port, place) in places {
      guard let address = IPAddress(ip) else {
        throw ConfigurationError(
          place, "\(setting): \"\(ip)\" is not an IP address", remedy: "write an IPv4 or IPv6 address")
      }
      let listener = SSHSettings.Listener(
        service: service, address: address, port: UInt16(clamping: port), setting: setting)
      if !listeners.contains(listener) { listeners.append(listener) }
    }
    return listeners
  }

  private func banner(_ setting: String, _ faults: inout [String]) throws -> String {
    var text = try tree.text("\(setting)/banner") ?? ""
    guard let file = try tree.text("\(setting)/banner-file"), !file.isEmpty else { return text }
    if let content = Self.smallFile(file) {
      text += content
    } else {
      faults.append("SSH: \(setting)/banner-file: \(file) cannot be read, or has more than 64 KiB; it is left out")
    }
    return text
  }

  private static func smallFile(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: (64 << 10) + 1)
    let count = fread(&bytes, 1, bytes.count, file)
    guard ferror(file) == 0, count < bytes.count else { return nil }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  private func readLimits(_ settings: inout SSHSettings) throws {
    settings.publicKeys =
      switch try tree.value("aaa/ssh-pubkey-authentication") {
      case .enumeration(0): .none
      case .enumeration(1): .local
      default: .system
      }
    func limit(_ path: String) throws -> Duration? {
      let duration = try duration(path)
      return duration > .zero ? duration : nil
    }
    settings.graceTime = try limit("aaa/ssh-login-grace-time")
    // "unbounded" is no number.
    if case .uint32(let tries)? = try tree.value("aaa/ssh-max-auth-tries") { settings.attempts = Int(tries) }
    settings.idleTime = try limit("ssh/idle-connection-timeout")
    // Nor is "infinity" a text.
    settings.aliveInterval =
      try tree.text("ssh/client-alive-interval") == nil ? nil : limit("ssh/client-alive-interval")
    settings.aliveCount = Int(clamping: try number("ssh/client-alive-count-max"))
    settings.rekeyBytes = try number("ssh/rekey-limit/bytes")
    settings.rekeySeconds = UInt32(
      clamping: try number("ssh/rekey-limit/minutes").multipliedReportingOverflow(by: 60).partialValue)
  }

  private func readAlgorithms(_ settings: inout SSHSettings, _ faults: inout [String]) throws {
    func list(_ name: String) throws -> String {
      (try tree.text("ssh/algorithms/\(name)") ?? "").filter { !$0.isWhitespace }
    }
    settings.algorithms.hostKeys = try list("server-host-key")
    settings.algorithms.keyExchange = try list("kex")
    settings.algorithms.macs = try list("mac")
    settings.algorithms.ciphers = try list("encryption")
    // Without one that fits, no client could be served.
    let names = settings.algorithms.hostKeys.split(separator: ",")
    let fitting = settings.hostKeys.filter { key in
      names.isEmpty || names.contains { $0 == key.type || key.type == "ssh-rsa" && $0.hasPrefix("rsa-sha2-") }
    }
    guard fitting.isEmpty else { return }
    settings.listeners = []
    faults.append(
      "SSH is off: none of the host keys (\(settings.hostKeys.map(\.type).joined(separator: ", "))) is of a kind in ssh/algorithms/server-host-key"
    )
  }

  private func number(_ path: String) throws -> UInt64 {
    switch try tree.value(path) {
    case .uint16(let number)?: UInt64(number)
    case .uint32(let number)?: UInt64(number)
    case .uint64(let number)?: number
    default: throw ConfigurationTree.UnknownPath(path: "\(path) of the expected type")
    }
  }
}
