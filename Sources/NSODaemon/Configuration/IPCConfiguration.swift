import NSOModel
import NSOWire

extension DaemonConfiguration {
  /// Where to listen: what options of the command line say, then NCS_IPC_PATH, then the file.
  func readIPC(_ source: Source) throws -> IPC {
    var (options, origins) = try source.listening(hasFile: tree.root != nil)
    let path = source.environment["NCS_IPC_PATH"].flatMap { $0.isEmpty ? nil : $0 }
    if let path, options.socketPath == nil, !options.hasTCP {
      options.socketPath = path
      origins.append("NCS_IPC_PATH in the daemon's environment")
    }
    let withTCP = try tree.flag("ncs-local-ipc/with-tcp")
    var unixPath = options.socketPath
    if unixPath == nil, !options.hasTCP || withTCP, try tree.flag("ncs-local-ipc/enabled") {
      unixPath = try tree.text("ncs-local-ipc/path")
    }
    if let unixPath, unixPath.isEmpty {
      if options.socketPath != nil {
        throw ConfigurationError(.init(file: "--socket-path"), "the path is empty", remedy: "name a socket file")
      }
      throw try ConfigurationError(place(of: "ncs-local-ipc/path"), "ncs-local-ipc/path is empty", remedy: "name a socket file")
    }
    let addresses = unixPath == nil || withTCP || options.hasTCP ? try tcpAddresses(options) : []
    guard case .uint16(let port)? = try tree.value("ncs-ipc-address/port"),
      case .int32(let backlog)? = try tree.value("ncs-ipc-listen-backlog"),
      case .uint16(let unfinished)? = try tree.value("api/max-unfinished-connections")
    else {
      throw ConfigurationTree.UnknownPath(
        path: "ncs-ipc-address/port, ncs-ipc-listen-backlog or api/max-unfinished-connections of the expected type")
    }
    return IPC(
      unixPath: unixPath, origins: origins,
      unixMode: try tree.text("ncs-local-ipc/mode").flatMap { UInt16($0, radix: 8) } ?? 0o600,
      tcpAddresses: addresses, tcpPort: options.port ?? port, backlog: max(1, backlog), secret: try secret(options),
      connectTimeLimit: try timeLimit("api/connect-timeout"), unfinishedConnections: Int(unfinished))
  }

  private func tcpAddresses(_ options: ListeningOptions) throws -> [IPAddress] {
    if let text = options.address {
      guard let address = IPAddress(text == "localhost" ? "127.0.0.1" : text) else {
        throw ConfigurationError(
          .init(file: "--address"), "\"\(text)\" is not an IP address", remedy: "give an IPv4 or IPv6 address of this host")
      }
      return [address]
    }
    var addresses: [IPAddress] = []
    let main = try tree.text("ncs-ipc-address/ip") ?? "127.0.0.1"
    addresses.append(try address(main, "ncs-ipc-address/ip", tree.written("ncs-ipc-address/ip").first))
    for node in try tree.written("ncs-ipc-extra-listen-ip") {
      let extra = try address(node.text, "ncs-ipc-extra-listen-ip", node)
      if !addresses.contains(extra) { addresses.append(extra) }
    }
    // The system refuses an address beside the one that stands for all of its kind.
    for all in addresses.filter(\.isUnspecified) { addresses.removeAll { $0 != all && $0.isSameKind(as: all) } }
    return addresses
  }

  /// The secret of the access check; nil: no check.
  private func secret(_ options: ListeningOptions) throws -> AccessSecret? {
    if let file = options.accessFile {
      do throws(SecretFile.Fault) {
        return try SecretFile.read(file)
      } catch {
        throw ConfigurationError(.init(file: "--access-file"), error.reason, remedy: error.remedy)
      }
    }
    guard try tree.flag("ncs-ipc-access-check/enabled") else { return nil }
    let file = try tree.text("ncs-ipc-access-check/filename") ?? ""
    do throws(SecretFile.Fault) {
      return try SecretFile.read(file)
    } catch {
      throw try ConfigurationError(place(of: "ncs-ipc-access-check/filename"), error.reason, remedy: error.remedy)
    }
  }

  private func address(_ text: String, _ path: String, _ node: ConfigurationTree.Node?) throws -> IPAddress {
    guard let address = IPAddress(text) else {
      throw try ConfigurationError(
        node?.place ?? place(of: path), "\(path): \"\(text)\" is not an IP address", remedy: "write an IPv4 or IPv6 address")
    }
    return address
  }

  /// Settings of where to listen that others put out of force.
  mutating func noteListening() throws {
    let hasPath = try !tree.written("ncs-local-ipc/path").isEmpty
    let tcp = try ["ncs-ipc-address/ip", "ncs-ipc-address/port", "ncs-ipc-extra-listen-ip"].filter {
      try !tree.written($0).isEmpty
    }
    if !ipc.origins.isEmpty {
      // Without a file nobody expects anything else.
      guard tree.root != nil else { return }
      let places = (ipc.unixPath.map { [$0] } ?? []) + ipc.tcpAddresses.map { "\($0) port \(ipc.tcpPort)" }
      notices.append(
        "\(ipc.origins.joined(separator: ", ")) came before the configuration file: the daemon listens on \(places.joined(separator: ", "))"
      )
      return
    }
    if ipc.unixPath == nil, hasPath {
      notices.append("ncs-local-ipc/path has no effect: ncs-local-ipc/enabled is not true")
    }
    if ipc.tcpAddresses.isEmpty, !tcp.isEmpty {
      notices.append(
        "\(tcp.joined(separator: ", ")) without effect beside the Unix socket: for both set ncs-local-ipc/with-tcp (namespace urn:swift-nso:config)"
      )
    }
    let given = try Set(
      (tree.written("ncs-ipc-address/ip") + tree.written("ncs-ipc-extra-listen-ip")).compactMap { IPAddress($0.text) })
    for address in given.subtracting(ipc.tcpAddresses).map(\.description).sorted() where !ipc.tcpAddresses.isEmpty {
      notices.append(
        "\(address) is among the addresses that \(ipc.tcpAddresses.map(\.description).joined(separator: ", ")) stands for")
    }
  }
}

extension IPAddress {
  /// Both IPv4, or both IPv6.
  fileprivate func isSameKind(as other: IPAddress) -> Bool {
    switch (self, other) {
    case (.v4, .v4), (.v6, .v6): true
    default: false
    }
  }
}
