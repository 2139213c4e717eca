import NSODocument
import NSOEngine
import NSOModel

extension Daemon {
  /// Loads the initial data into a database that has never been committed to: every `.xml` file of `cdb/init-path/dir`, then of
  /// `cdb/db-dir`, by name, in one transaction (protocol part 08, section 2.9).
  func loadInitialData(_ configuration: DaemonConfiguration) async throws {
    guard engine.hasNoCommit else { return }
    let files = try (configuration.initialDataDirectories + [configuration.databaseDirectory]).flatMap(Self.documents)
    guard !files.isEmpty else { return }
    let session = try engine.sessions.start(UserSessionRequest(user: "system", context: "system", proto: .system))
    defer { engine.sessions.end(session) }
    let transaction = try engine.startTransaction(session, on: .running, .readWrite, isInitial: true)
    for file in files {
      log.record(.initialDataLoad, file)
      let options = LoadOptions(format: .xml, mode: .merge)
      do {
        let load = try ConfigurationLoad(transaction, options)
        try DocumentFile.read(file) { bytes in try load.feed(Array(bytes)) }
        try load.finish()
      } catch {
        throw Self.faulty(file, error)
      }
    }
    do {
      try await engine.apply(transaction, keepOpen: false)
    } catch {
      throw Self.faulty(files.joined(separator: ", "), error)
    }
  }

  private static func documents(in directory: String) throws(StartFailure) -> [String] {
    guard let names = Directory.names(in: directory) else {
      throw StartFailure(
        .badInitialData, .fileError, "\(directory): cannot look for initial data; check cdb/init-path/dir and cdb/db-dir")
    }
    return names.filter { $0.hasSuffix(".xml") && !$0.hasPrefix(".") }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { directory + "/" + $0 }
  }

  private static func faulty(_ file: String, _ error: any Error) -> StartFailure {
    let reason = (error as? NSOError)?.message ?? "\(error)"
    return StartFailure(.badInitialData, .fileError, "initial data \(file): \(reason)")
  }
}
