public import NSOWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The daemon that a client talks to: its address, the secret that it may want, and where both were said.
public struct Endpoint: Hashable, Sendable {
  public var address: IPCAddress
  /// File with the shared secret. With one the client takes part in the access check (protocol part 01, section 3), which must then
  /// be on in the daemon too.
  public var secretFile: String?
  /// For error texts: `127.0.0.1:4569 (the default)`.
  public var explanation: String
  /// For error texts: `from NCS_IPC_ACCESS_FILE`.
  public var secretSource: String
  /// What the user should know about the environment, one line each.
  public var warnings: [String] = []

  /// An address that the program knows.
  public init(_ address: IPCAddress, secretFile: String? = nil) {
    self.address = address
    self.secretFile = secretFile
    explanation = address.description
    secretSource = "given by the program"
  }

  /// What options and environment say: an option wins, then `NCS_IPC_PATH`, then `NCS_IPC_ADDR` and `NCS_IPC_PORT`, then TCP
  /// 127.0.0.1:4569; the secret's file is an option or `NCS_IPC_ACCESS_FILE` (protocol part 08, section 1).
  ///
  /// - Parameter environment: nil for that of this process.
  public init(
    options: IPCEnvironment.Options = .init(), environment: [String: String]? = nil
  ) throws(IPCEnvironment.Failure) {
    let found = try IPCEnvironment(options, environment: environment ?? Self.processEnvironment)
    address = found.address
    secretFile = found.accessFile?.value
    explanation = found.explanation
    secretSource = found.accessFile?.source.description ?? ""
    warnings = found.warnings
  }

  /// The environment variables of this process.
  public static var processEnvironment: [String: String] {
    var variables: [String: String] = [:]
    var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = environ
    while let entry = next?.pointee {
      let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
      next = next.map { $0 + 1 }
    }
    return variables
  }
}

extension Endpoint: CustomStringConvertible {
  public var description: String { explanation }
}
