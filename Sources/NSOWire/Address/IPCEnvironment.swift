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

  public enum Failure: Error, Hashable, CustomStringConvertible {
    case badPort(String, Source)

    public var description: String {
      switch self {
      case .badPort(let text, let source): "\"\(text)\" (\(source)) is no port number; give 1 to 65535"
      }
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

    if let path = options.path ?? (hasTCPOption ? nil : variable("NCS_IPC_PATH")?.value) {
      address = .unix(path: path)
      source = options.path == nil ? .variable("NCS_IPC_PATH") : .option
      portSource = source
    } else {
      let host =
        options.host.map { Sourced(value: $0, source: .option) } ?? variable("NCS_IPC_ADDR")
        ?? Sourced(value: IPCAddress.defaultHost, source: .builtIn)
      let port: Sourced<Int>
      if let number = options.port {
        guard (1...65535).contains(number) else { throw .badPort(String(number), .option) }
        port = Sourced(value: number, source: .option)
      } else if let text = variable("NCS_IPC_PORT") {
        guard let number = Int(text.value), (1...65535).contains(number) else { throw .badPort(text.value, text.source) }
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

  /// The address and where it came from: `127.0.0.1:4570 (address the default, port from NCS_IPC_PORT)`.
  public var explanation: String {
    switch address {
    case .unix: "\(address) (\(source))"
    case .tcp where source == portSource: "\(address) (\(source))"
    case .tcp: "\(address) (address \(source), port \(portSource))"
    }
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension IPCEnvironment {
  /// As seen by this process.
  public init(_ options: Options = Options()) throws(Failure) {
    var environment: [String: String] = [:]
    for name in ["NCS_IPC_PATH", "NCS_IPC_ADDR", "NCS_IPC_PORT", "NCS_IPC_ADDRESS", "NCS_IPC_ACCESS_FILE"] {
      if let value = getenv(name) { environment[name] = String(cString: value) }
    }
    try self.init(options, environment: environment)
  }
}
