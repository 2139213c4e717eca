import Logging
import NIOCore
import NSOClient
import NSOModel
import NSOWire
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The outside world of a tool: its streams and its environment. Tests put their own in.
struct ToolIO: Sendable {
  var program: String
  var environment: [String: String]
  /// Bytes to standard output; answers the operating system's error number, 0 for none.
  var writeOutput: @Sendable (ByteBuffer) -> Int32
  /// Text to standard error.
  var writeError: @Sendable (String) -> Void
  /// Where progress is shown; nil for nowhere.
  var terminal: Terminal?
  /// Why results did not get where they should; 0 when all did.
  let outputFailure = OutputFailure()

  /// Of this process.
  static func process(_ program: String) -> ToolIO {
    ToolIO(
      program: program, environment: Endpoint.processEnvironment,
      writeOutput: { bytes in bytes.withUnsafeReadableBytes { FileDescriptorOutput.standardOutput.write($0) } },
      writeError: { FileDescriptorOutput.standardError.write($0) }, terminal: .standardError)
  }

  /// One line of results.
  func print(_ line: String) { outputFailure.note(writeOutput(ByteBuffer(string: line + "\n"))) }

  /// One line about what is wrong, with the program's name.
  func complain(_ what: String) { writeError("\(program): \(what)\n") }
}

/// The first failure to write results. Nobody reading any more (`| head`) is none.
final class OutputFailure: Sendable {
  private let number = Mutex<Int32>(0)

  func note(_ problem: Int32) { number.withLock { if $0 == 0, problem != EPIPE { $0 = problem } } }

  /// - Throws: `ToolError` when something was lost.
  func check() throws(ToolError) {
    let problem = number.withLock { $0 }
    guard problem == 0 else { throw ToolError("standard output: \(systemErrorText(problem)); the results are not complete") }
  }
}

/// How a tool ends.
enum ToolExit {
  static let success: Int32 = 0
  static let failure: Int32 = 1
  static let usage: Int32 = 2
}

extension ToolIO {
  /// Runs a tool and tells why it failed: exit code 2 for a command line that cannot be understood, 1 for everything else.
  func exitCode(_ body: () async throws -> Int32) async -> Int32 {
    do {
      return try await body()
    } catch let error as UsageError {
      complain(error.description)
      return ToolExit.usage
    } catch {
      complain(describe(error))
      return ToolExit.failure
    }
  }
}

/// A failure of the tool itself, for people.
struct ToolError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}

/// An error as a tool shows it: the daemon's words, and the published name of the code for scripts and manuals.
func describe(_ error: any Error) -> String {
  switch error {
  case let error as NSOError: error.message.isEmpty ? error.code.description : "\(error.message) (\(error.code))"
  case is CancellationError: "cancelled"
  default: "\(error)"
  }
}

extension ConnectionSettings {
  /// The client for these options, with warnings about the environment on standard error.
  /// - Throws: `UsageError` for an address that makes no sense.
  func client(_ io: ToolIO, limits: ConnectionLimits = ConnectionLimits()) throws(UsageError) -> NSOClient {
    let endpoint = try endpoint(io.environment) { io.complain($0) }
    let handler: any LogHandler = debug > 0 ? StandardErrorLog(writeError: io.writeError) : SwiftLogNoOpLogHandler()
    var logger = Logger(label: "nso.\(io.program)") { _ in handler }
    logger.logLevel = debug > 1 ? .trace : .debug
    return NSOClient(endpoint: endpoint, configuration: .init(limits: limits), logger: logger)
  }

  /// Where the daemon is, with warnings about the environment.
  /// - Throws: `UsageError` for an address that makes no sense.
  func endpoint(_ environment: [String: String], complain: (String) -> Void) throws(UsageError) -> Endpoint {
    let options = IPCEnvironment.Options(path: socketPath, host: address, port: port, accessFile: accessFile)
    let endpoint: Endpoint
    do throws(IPCEnvironment.Failure) {
      endpoint = try Endpoint(options: options, environment: environment)
    } catch {
      throw UsageError(error.description)
    }
    for warning in endpoint.warnings { complain("warning: \(warning)") }
    return endpoint
  }

  /// Starts the user session that the options ask for. Without any it is one of context `system`, free of authorization.
  func startSession(_ maapi: MAAPI) async throws {
    let user = user ?? "system"
    let groups = groups.isEmpty && self.user != nil ? [user] : groups
    try await maapi.startUserSession(user: user, groups: groups, context: context ?? "system", over: .system)
  }
}

/// `-d`: one line per message on standard error.
private struct StandardErrorLog: LogHandler {
  var writeError: @Sendable (String) -> Void
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .debug

  init(writeError: @escaping @Sendable (String) -> Void) { self.writeError = writeError }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let facts = self.metadata.merging(event.metadata ?? [:]) { $1 }
    let text = facts.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    writeError("\(event.level): \(event.message)\(text)\n")
  }
}
