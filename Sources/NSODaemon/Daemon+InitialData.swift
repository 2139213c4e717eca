import NSODocument
public import NSOEngine
public import NSOModel

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
      do { _ = try Self.load(file, into: transaction) } catch { throw Self.faulty(file, error) }
    }
    do {
      try await engine.apply(transaction, keepOpen: false)
    } catch {
      throw Self.faulty(files.joined(separator: ", "), error)
    }
  }

  /// As at the first start, for modules that an upgrade brings: of the files in the same places, and in the new load path, what belongs to
  /// them.
  public func loadInitialData(
    _ transaction: Transaction, of namespaces: Set<String>, _ directories: [String]
  ) throws(NSOError) -> [String] {
    var loaded: [String] = []
    var seen: Set<String> = []
    do throws(StartFailure) {
      for place in startConfiguration.initialDataDirectories + [startConfiguration.databaseDirectory] + directories {
        for file in try Self.documents(in: place) where seen.insert(file).inserted {
          do { if try Self.load(file, into: transaction, of: namespaces) { loaded.append(file) } } catch {
            throw Self.faulty(file, error)
          }
        }
      }
    } catch {
      throw NSOError(.badConfig, error.text)
    }
    return loaded
  }

  /// - Returns: whether the file has anything of these namespaces.
  private static func load(_ file: String, into transaction: Transaction, of namespaces: Set<String>? = nil) throws -> Bool {
    let load = try ConfigurationLoad(transaction, LoadOptions(format: .xml, mode: .merge, namespaces: namespaces))
    try DocumentFile.read(file) { bytes in try load.feed(Array(bytes)) }
    try load.finish()
    return load.hasTaken
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
