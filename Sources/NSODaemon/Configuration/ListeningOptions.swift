import NSOModel
import NSOWire

/// Where to listen as the command line says it, whatever the configuration file says: for daemons that are started by hand, by
/// tests or in CI.
public struct ListeningOptions: Hashable, Sendable {
  /// `--address`: the only TCP address.
  public var address: String?
  /// `--port`
  public var port: UInt16?
  /// `--socket-path`
  public var socketPath: String?
  /// `--access-file`: the access check is on, with the secret in this file.
  public var accessFile: String?

  public init(address: String? = nil, port: UInt16? = nil, socketPath: String? = nil, accessFile: String? = nil) {
    self.address = address
    self.port = port
    self.socketPath = socketPath
    self.accessFile = accessFile
  }

  var hasTCP: Bool { address != nil || port != nil }

  /// The options that were given.
  var said: [String] {
    [
      ("--address", address), ("--port", port.map { "\($0)" }), ("--socket-path", socketPath), ("--access-file", accessFile),
    ].compactMap { option, value in value == nil ? nil : option }
  }
}

extension DaemonConfiguration.Source {
  /// What decides before the configuration file does: options, and for a daemon without a file the variables that its clients go by.
  func listening(hasFile: Bool) throws(ConfigurationError) -> (options: ListeningOptions, origins: [String]) {
    var listening = listeningOptions
    var origins = listening.said
    guard ephemeralDirectory != nil, !hasFile else { return (listening, origins) }
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    func fill<T>(_ part: WritableKeyPath<ListeningOptions, T?>, _ name: String, _ value: T?) {
      guard let value, listening[keyPath: part] == nil else { return }
      listening[keyPath: part] = value
      origins.append("\(name) in the daemon's environment")
    }
    // As for clients, an option for TCP or a socket path puts the other transport's variables out of force.
    if listening.socketPath == nil, listening.hasTCP || variable("NCS_IPC_PATH") == nil {
      fill(\.address, "NCS_IPC_ADDR", variable("NCS_IPC_ADDR"))
      if let text = variable("NCS_IPC_PORT") {
        guard let port = IPCEnvironment.port(text).flatMap(UInt16.init(exactly:)) else {
          throw ConfigurationError(
            .init(file: "NCS_IPC_PORT"), "\"\(text)\" is not a port number", remedy: "give 1 to 65535, or unset it")
        }
        fill(\.port, "NCS_IPC_PORT", port)
      }
    }
    fill(\.accessFile, "NCS_IPC_ACCESS_FILE", variable("NCS_IPC_ACCESS_FILE"))
    return (listening, origins)
  }
}
