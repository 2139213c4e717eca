import NSODocument
public import NSOModel
import NSOSchema
import NSOServer
import NSOStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why the daemon did not start: what to tell, how to log it, how to end.
public struct StartFailure: Error, Sendable, CustomStringConvertible {
  public var exitCode: ExitCode
  public var symbol: LogSymbol
  public var text: String

  public init(_ exitCode: ExitCode, _ symbol: LogSymbol, _ text: String) {
    self.exitCode = exitCode
    self.symbol = symbol
    self.text = text
  }

  public var description: String { text }

  /// Finds exit code and log symbol (protocol part 08, section 2.6; part 06, section 9) for whatever went wrong.
  init(_ error: any Error) {
    switch error {
    case let failure as StartFailure: self = failure
    case let fault as ConfigurationError: self.init(.badConfiguration, .badConfiguration, "\(fault)")
    case let fault as LogFileError: self.init(.badConfiguration, .fileError, "\(fault)")
    case let fault as SchemaError: self.init(.installation, .moduleLoadError, "\(fault)")
    case let fault as InstallationPaths.NotFound: self.init(.installation, .fileError, "\(fault)")
    case let fault as ConfigurationTree.UnknownPath: self.init(.installation, .fileError, "\(fault)")
    case let fault as FileError:
      let isFull = fault.number == ENOSPC || fault.number == EDQUOT
      self.init(isFull ? .databaseFile : .installation, .fileError, "\(fault)")
    case let fault as StoreError: self.init(store: fault)
    // Faults of settings that only the databases show, such as keys that data was encrypted with.
    case let fault as NSOError where fault.code == .badConfig: self.init(.badConfiguration, .badConfiguration, fault.message)
    case let fault as ListenError: self.init(.cannotBind, .bindError, "\(fault)")
    default: self.init(.failure, .internalError, "internal error: \(error)")
    }
  }

  private init(store fault: StoreError) {
    let code: ExitCode
    switch fault.code {
    case .corrupt, .foreign: code = .databaseDamaged
    case .newerFormat: code = .upgradeFailed
    default: code = .databaseFile
    }
    self.init(code, .databaseBootError, fault.message)
  }
}
