import NSOModel
public import NSONetconf

/// The NETCONF server (protocol part 08, section 7.2, `/ncs-config/netconf-north-bound`).
extension DaemonConfiguration {
  /// Where and how NETCONF is spoken.
  public struct Netconf: Hashable, Sendable {
    public var settings = NetconfSettings()
    /// Addresses in clear text; none where that is off.
    public var tcp: [NetconfTCPServer.Address] = []
    /// TCP keep-alive of these.
    public var keepsAlive = false
  }

  func readNetconf() throws -> Netconf {
    var netconf = Netconf()
    let base = "netconf-north-bound"
    netconf.settings.extendedSessions = try tree.flag("\(base)/extended-sessions")
    netconf.settings.idleTimeout = try duration("\(base)/idle-timeout")
    netconf.settings.writeTimeout = try duration("\(base)/write-timeout")
    netconf.settings.logsReplies = try tree.flag("logs/netconf-log/log-reply-status")
    let transport = "\(base)/transport/tcp"
    guard try tree.flag("\(base)/enabled"), try tree.flag("\(transport)/enabled") else { return netconf }
    netconf.keepsAlive = try tree.flag("\(transport)/keepalive")
    guard case .uint16(let port)? = try tree.value("\(transport)/port") else {
      throw ConfigurationTree.UnknownPath(path: "\(transport)/port of the expected type")
    }
    let main = try (tree.text("\(transport)/ip") ?? "0.0.0.0", "\(port)")
    let extra = try zip(
      tree.written("\(transport)/extra-listen/ip").map(\.text), tree.written("\(transport)/extra-listen/port").map(\.text))
    for (ip, port) in [main] + extra {
      guard let address = IPAddress(ip), let port = UInt16(port) else {
        throw try ConfigurationError(
          place(of: transport), "\(transport): \(ip) port \(port) is no address to listen on",
          remedy: "write an IPv4 or IPv6 address, and a port")
      }
      let one = NetconfTCPServer.Address(address, port: port)
      if !netconf.tcp.contains(one) { netconf.tcp.append(one) }
    }
    return netconf
  }
}
