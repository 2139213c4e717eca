import NIOCore
import NSOClient
import NSOModel
import NSOWire

/// A command of `ncs` to a running daemon (protocol part 08, section 2.3).
public enum ControlCommand: Hashable, Sendable {
  case status
  /// Writes what helps to find out why something goes wrong to a file, or compressed to that name with `.gz`.
  case debugDump(file: String, compressed: Bool)
  /// Returns when the daemon is gone.
  case stop
  case reload
  /// Without waiting for the outcome, for scripts that the daemon itself runs.
  case reloadInBackground
  /// Waits for a start phase. `connecting` is how long to try to connect; `nil` for the 5 seconds that are documented.
  case wait(phase: Int, connecting: Duration?)
  /// Goes on to start phase 1 or 2.
  case startPhase(Int)
  /// Asks all data providers for all that they serve, below a path or in a namespace; empty: everything.
  case checkCallbacks(String)
  /// Takes back the commits from the latest to the one with this number, and commits.
  case rollback(Int64)
  /// Loads XML files into running in one transaction: merged with what is there, or in its place. The daemon opens them.
  case loadXML([String], merges: Bool)
}

/// How a control command reaches the daemon, and how long it may take.
public struct ControlConnection: Hashable, Sendable {
  var settings: ConnectionSettings
  /// For the whole command; `nil`: no limit.
  public var timeout: Duration?
}

/// How a control command ended, as the exit code says it (protocol part 08, section 2.6).
public enum ControlOutcome: Int32, Hashable, Sendable {
  case done = 0
  case failed = 1
  case cannotConnect = 2
  case timedOut = 3
}

extension ControlCommand {
  /// Runs the command.
  /// - Parameters:
  ///   - print: takes what belongs on standard output.
  ///   - complain: takes what belongs on standard error, a line each.
  public func run(
    over connection: ControlConnection, print: @escaping @Sendable (String) -> Void,
    complain: @escaping @Sendable (String) -> Void
  ) async -> ControlOutcome {
    guard let timeout = connection.timeout else { return await run(connection.settings, print, complain) }
    return await withTaskGroup(of: ControlOutcome?.self) { group in
      group.addTask {
        // Once time has run out there is nothing more to say: what breaks then is only broken off.
        await run(connection.settings, print) { if !Task.isCancelled { complain($0) } }
      }
      group.addTask {
        // Cancelled as soon as the command is done.
        guard (try? await Task.sleep(for: timeout)) != nil else { return nil }
        return .timedOut
      }
      defer { group.cancelAll() }
      for await outcome in group {
        guard let outcome else { continue }
        if outcome == .timedOut { complain("gave up after \(timeout.components.seconds) s (--timeout)") }
        return outcome
      }
      return .failed
    }
  }

  private func run(
    _ settings: ConnectionSettings, _ print: @Sendable (String) -> Void, _ complain: @Sendable (String) -> Void
  ) async -> ControlOutcome {
    do {
      let endpoint = try settings.endpoint(Endpoint.processEnvironment, complain: complain)
      try await withConnection(to: endpoint) { maapi in try await perform(maapi, print, complain) }
      return .done
    } catch let error as ConnectionError where error.step != .conversation {
      complain(describe(error))
      return .cannotConnect
    } catch {
      complain(describe(error))
      return .failed
    }
  }

  private func perform(
    _ maapi: MAAPI, _ print: @Sendable (String) -> Void, _ complain: @Sendable (String) -> Void
  ) async throws {
    switch self {
    case .status: print(try await maapi.status())
    case .debugDump(let file, let isCompressed):
      // Opened first: a dump that could not be written need not be made. Only for the user's own eyes: it tells much about the system.
      let output = try OutputFile(path: isCompressed ? file + ".gz" : file, mode: 0o600)
      let text = ByteBuffer(string: try await maapi.debugDump())
      try output.write(isCompressed ? Gzip.compress(text) : text)
      try output.close()
    case .stop: try await maapi.stop()
    case .reload:
      try await maapi.reloadConfiguration()
      // What is as it should be needs no words; what waits for a restart, and warnings, do.
      // Another daemon than ours may have no such text; the reload is done all the same.
      guard let status = try? await maapi.status() else { return }
      for line in status.split(separator: "\n") {
        for mark in ["needs a restart: ", "warning: "] where line.hasPrefix(mark) { complain(String(line)) }
      }
    case .reloadInBackground: try await maapi.reloadConfigurationInBackground()
    case .wait(let phase, _): try await maapi.waitForStart(phase: phase)
    case .startPhase(let phase): try await maapi.startPhase(phase)
    case .checkCallbacks(let part):
      try await maapi.startUserSession(over: .system)
      let lines = try await maapi.checkCallbacks(part)
      guard let summary = lines.first, lines.count > 1 else { return print((lines.first ?? "") + "\n") }
      print(lines.dropFirst().joined(separator: "\n") + "\n")
      throw ToolError(summary)
    case .rollback(let number):
      try await maapi.startUserSession(user: "system", context: "system")
      try await maapi.withTransaction { try await $0.loadRollback(.relative(number)) }
    case .loadXML(let files, let merges): try await Self.load(files, merges: merges, maapi)
    }
  }

  private static func load(_ files: [String], merges: Bool, _ maapi: MAAPI) async throws {
    try await maapi.startUserSession(over: .system)
    try await maapi.withTransaction { transaction in
      for (index, file) in files.enumerated() {
        do {
          try await transaction.load(merges || index > 0 ? [.xml, .merge] : .xml, file: try absolutePath(file))
        } catch let error as NSOError {
          throw ToolError("\(file): \(describe(error))")
        }
      }
    }
  }

  /// Opens a MAAPI connection. Commands that wait for a daemon try again while nothing listens.
  private func withConnection(to endpoint: Endpoint, _ body: (MAAPI) async throws -> Void) async throws {
    // A command that waits for a daemon was told how long connecting may take.
    var limit = Duration.seconds(5)
    if case .wait(_, let connecting?) = self { limit = min(limit, max(connecting, .seconds(1))) }
    let limits = ConnectionLimits(connect: limit, accessCheck: limit, hello: limit)
    let client = NSOClient(endpoint: endpoint, configuration: .init(limits: limits))
    guard case .wait(_, let connecting) = self else { return try await client.withMAAPI(body) }
    let clock = ContinuousClock()
    let deadline = clock.now + (connecting ?? .seconds(5))
    while true {
      do {
        return try await client.withMAAPI(body)
      } catch let error as ConnectionError
        where error.step != .conversation && [.nothingListens, .unreachable, .closed, .timedOut].contains(error.code)
      {
        // There is no event to wait for: the daemon is not there yet.
        guard clock.now < deadline else { throw error }
        try await clock.sleep(for: .milliseconds(50))
      }
    }
  }
}
