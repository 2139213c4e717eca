/// The one place that decides where a client finds the daemon, and with which secret (protocol part 01, section 2; part 08).
///
/// An option of the caller wins, then `NCS_IPC_PATH`, then `NCS_IPC_ADDR` and `NCS_IPC_PORT`, then TCP 127.0.0.1:4569.
/// Empty variables count as unset.
public struct IPCEnvironment: Hashable, Sendable {
  /// Where a part of the address came from, for error texts.
  public enum Source: Hashable, Sendable, CustomStringConvertible {
    /// An argument of the program or of the API.
    case option
    case variable(String)
    case builtIn

    public var description: String {
      switch self {
      case .option: "given by option"
      case .variable(let name): "from \(name)"
      case .builtIn: "the default"
      }
    }
  }

  public struct Sourced<T: Hashable & Sendable>: Hashable, Sendable {
    public var value: T
    public var source: Source
  }

  /// What the caller was told explicitly.
  public struct Options: Hashable, Sendable {
    public var path: String?
    public var host: String?
    public var port: Int?
    public var accessFile: String?

    public init(path: String? = nil, host: String? = nil, port: Int? = nil, accessFile: String? = nil) {
      self.path = path
      self.host = host
      self.port = port
      self.accessFile = accessFile
    }
  }

  /// A part of the address that makes no sense: what was said, and where.
  public enum Failure: Error, Hashable, CustomStringConvertible {
    case badPort(String, Source)
    case badHost(String, Source)
    /// An option without a value: the name of the part.
    case empty(String, Source)

    public var description: String {
      switch self {
      case .badPort(let text, let source): "\"\(text)\" (\(source)) is no port number; give 1 to 65535"
      case .badHost(let text, let source):
        "\"\(text)\" (\(source)) is no host name or address; " + Self.remedy(for: text)
      case .empty(let part, let source): "\(part) is empty (\(source)); give one, or leave it out"
      }
    }

    private static func remedy(for host: String) -> String {
      let parts = host.split(separator: ":", omittingEmptySubsequences: false)
      if parts.count == 2, IPCEnvironment.port(String(parts[1])) != nil {
        return "give \(parts[0]) alone, and the port \(parts[1]) as the option for it or in NCS_IPC_PORT"
      }
      if host.hasPrefix("[") { return "give an IPv6 address such as ::1, and the port as the option for it or in NCS_IPC_PORT" }
      return host.contains("/")
        ? "the path of a Unix socket goes in NCS_IPC_PATH" : "give for example 127.0.0.1, ::1 or localhost"
    }
  }

  public let address: IPCAddress
  /// Where host or path came from, and where the port did (the same for a path).
  public let source: Source
  public let portSource: Source
  /// The file with the shared secret; nil: no access check.
  public let accessFile: Sourced<String>?
  /// What the user should know, one line each.
  public let warnings: [String]

  public init(_ options: Options = Options(), environment: [String: String]) throws(Failure) {
    func variable(_ name: String) -> Sourced<String>? {
      guard let value = environment[name], !value.isEmpty else { return nil }
      return Sourced(value: value, source: .variable(name))
    }
    var warnings: [String] = []
    let hasTCPOption = options.host != nil || options.port != nil
    for (part, value) in [("the socket path", options.path), ("the secret file's name", options.accessFile)] where value == "" {
      throw .empty(part, .option)
    }

    if let path = options.path ?? (hasTCPOption ? nil : variable("NCS_IPC_PATH")?.value) {
      address = .unix(path: path)
      source = options.path == nil ? .variable("NCS_IPC_PATH") : .option
      portSource = source
    } else {
      var host =
        options.host.map { Sourced(value: $0, source: .option) } ?? variable("NCS_IPC_ADDR")
        ?? Sourced(value: IPCAddress.defaultHost, source: .builtIn)
      host.value = try Self.host(host)
      let port: Sourced<Int>
      if let number = options.port {
        guard (1...65535).contains(number) else { throw .badPort(String(number), .option) }
        port = Sourced(value: number, source: .option)
      } else if let text = variable("NCS_IPC_PORT") {
        guard let number = Self.port(text.value) else { throw .badPort(text.value, text.source) }
        port = Sourced(value: number, source: text.source)
      } else {
        port = Sourced(value: IPCAddress.defaultPort, source: .builtIn)
      }
      address = .tcp(host: host.value, port: port.value)
      source = host.source
      portSource = port.source
      if options.host == nil, variable("NCS_IPC_ADDR") == nil, let wrong = variable("NCS_IPC_ADDRESS") {
        warnings.append(
          "NCS_IPC_ADDRESS=\(wrong.value) is ignored: the variable is NCS_IPC_ADDR. Using \(host.value).")
      }
    }
    accessFile = options.accessFile.map { Sourced(value: $0, source: .option) } ?? variable("NCS_IPC_ACCESS_FILE")
    self.warnings = warnings
  }

  /// A port number as a person writes it; nil for anything but 1 to 65535 in plain digits.
  public static func port(_ text: String) -> Int? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = Int(text) else {
      return nil
    }
    return (1...65535).contains(number) ? number : nil
  }

  /// A host as a person writes it: an IPv6 address may stand in brackets, as it does before a port.
  private static func host(_ host: Sourced<String>) throws(Failure) -> String {
    let text = host.value
    if text.hasPrefix("["), text.hasSuffix("]"), text.dropFirst().dropLast().contains(":") {
      return String(text.dropFirst().dropLast())
    }
    // Names and addresses have none of these. A look-up would only find that out later, and say less.
    let colons = text.utf8.count { $0 == UInt8(ascii: ":") }
    let isSound =
      !text.isEmpty && colons != 1
      && text.utf8.allSatisfy { byte in
        byte > UInt8(ascii: " ") && byte != 0x7F && !"[]/\"'".utf8.contains(byte)
      }
    guard isSound else { throw .badHost(text, host.source) }
    return text
  }

  /// The address and where it came from: `127.0.0.1:4570 (address the default, port from NCS_IPC_PORT)`.
  public var explanation: String {
    switch address {
    case .unix: "\(address) (\(source))"
    case .tcp where source == portSource: "\(address) (\(source))"
    case .tcp: "\(address) (address \(source), port \(portSource))"
    }
  }
}
