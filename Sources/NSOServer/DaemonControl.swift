public import NSOEngine
public import NSOModel
public import NSOSchema

/// What clients may ask of the daemon as a whole (protocol part 04, section 4.13). Whoever runs the daemon implements it.
public protocol DaemonControl: Sendable {
  /// Begins to stop, and returns. Clients that wait for the end see their connection close.
  func stop()

  /// Reads the configuration file again and reopens the logs. On an error everything stays as it was.
  func reload() async throws(NSOError)

  /// Closes and reopens the log files.
  func reopenLogs() async throws(NSOError)

  /// Goes on to start phase 1 or 2, for a daemon that was told to wait in phase 0.
  /// - Throws: START_FAILED, or BADSTATE when the phase is not the next one.
  func start(phase: Int) async throws(NSOError)

  /// The text of `ncs --status` (protocol part 08, section 2.5).
  func statusText() async -> String

  /// The text of `ncs --debug-dump`: the status and what helps to find out why something goes wrong. No secrets.
  func dumpText() async -> String

  /// Reads YANG modules for an upgrade of the schema. Blocks for some tenths of a second.
  /// - Parameter directories: the new load path; empty: the one that the daemon was started with, read again.
  /// - Throws: BAD_CONFIG, with file and line.
  func loadSchema(_ directories: [String]) throws(NSOError) -> Schema

  /// Loads the initial data of modules that an upgrade of the schema brings into its transaction. Blocks.
  /// - Parameters:
  ///   - namespaces: of these modules; what else the files have is passed over.
  ///   - directories: as of ``loadSchema(_:)``; searched too.
  /// - Returns: the files that had any.
  /// - Throws: BAD_CONFIG, with the file.
  func loadInitialData(
    _ transaction: Transaction, of namespaces: Set<String>, _ directories: [String]
  ) throws(NSOError) -> [String]

  /// What whoever upgrades has to know besides what the upgrade means for the data; lines of text.
  func upgradeNotes(_ directories: [String]) -> [String]

  /// Reads again what is kept of users and groups (AAA_RELOAD).
  func reloadAAA() async throws(NSOError)
}

extension DaemonControl {
  public func reloadAAA() async throws(NSOError) {}

  public func loadInitialData(
    _ transaction: Transaction, of namespaces: Set<String>, _ directories: [String]
  ) throws(NSOError) -> [String] { [] }

  public func upgradeNotes(_ directories: [String]) -> [String] { [] }

  public func loadSchema(_ directories: [String]) throws(NSOError) -> Schema {
    throw NSOError(.unavailable, "the schema of this daemon cannot be upgraded while it runs")
  }
}
