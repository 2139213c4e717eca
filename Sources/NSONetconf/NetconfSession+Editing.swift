import NSODocument
import NSOEngine
import NSOModel

extension NetconfSession {
  /// A commit that others were faster than is tried again so often.
  private static let attempts = 10

  func edit(_ operation: DocumentTree, _ request: NetconfRequest) async throws -> Outcome {
    try require(operation, only: ["target", "default-operation", "test-option", "error-option", "config", "url"])
    let target = try datastore("target", in: operation)
    guard target != .startup else {
      throw RPCError.invalidValue("edit-config writes running or candidate: startup is written by copy-config", "target")
    }
    try requireWritable(target)
    let byDefault = try word("default-operation", in: operation, of: ["merge", "replace", "none"])
    let test = try word("test-option", in: operation, of: ["test-then-set", "set", "test-only"])
    // Whatever it is: nothing is left half done.
    _ = try word("error-option", in: operation, of: ["stop-on-error", "continue-on-error", "rollback-on-error"])
    guard operation.child("url") == nil else {
      throw RPCError.notSupported("edit-config: url is not supported (capability :url)")
    }
    guard operation.child("config") != nil else {
      throw RPCError.missingElement("config", "edit-config needs the parameter config")
    }
    var options = LoadOptions(format: .xml, mode: .merge, hidesHidden: true)
    options.edit = byDefault.flatMap { LoadOptions.DefaultOperation(rawValue: $0) } ?? .merge
    try await changing(target) { transaction in
      try await self.load(request, options, into: transaction)
      // The candidate may be incomplete until it is committed, unless a test is asked for.
      if test == "test-only" || (test == "test-then-set" && target == .candidate) {
        try await self.heedingNoWarnings { () async throws(NSOError) in
          try await self.engine.validate(transaction, unlock: true, force: true)
        }
      }
      return test != "test-only"
    }
    return .ok
  }

  func copy(_ operation: DocumentTree, _ request: NetconfRequest) async throws -> Outcome {
    guard operation.child("with-defaults", in: NetconfNames.withDefaults) == nil else {
      throw RPCError.notSupported("copy-config: with-defaults is not supported: copies have what is set")
    }
    try require(operation, only: ["target", "source"])
    let target = try datastore("target", in: operation)
    guard let source = operation.child("source") else {
      throw RPCError.missingElement("source", "copy-config needs the parameter source")
    }
    guard source.child("config") == nil else {
      guard source.children.count == 1 else { throw RPCError.badElement("source", "source is one datastore or config") }
      try requireWritable(target)
      let options = LoadOptions(format: .xml, mode: .create, hidesHidden: true)
      try await changing(target) { transaction in
        var options = options
        options.edit = .replace
        try await self.load(request, options, into: transaction)
        return true
      }
      return .ok
    }
    let origin = try datastore("source", in: operation)
    guard origin != target else { throw RPCError.invalidValue("source and target are the same datastore", "target") }
    if origin == .running, target == .startup {
      try await engine.copyRunningToStartup(session)
      return .ok
    }
    try requireWritable(target)
    try await changing(target) { transaction in
      let from = try self.engine.startTransaction(self.session, on: origin, .read)
      defer { self.engine.finish(from) }
      let write = try transaction.takingOver(from: from, below: .root)
      if transaction.asksHooks(at: .root, as: .owner) {
        try await transaction.writeThroughHooks(as: .owner, write)
      } else {
        try await self.look(transaction.model) { () throws(NSOError) in try transaction.writeAtLength(as: .owner, write) }
      }
      return true
    }
    return .ok
  }

  func delete(_ target: DatabaseName) async throws -> Outcome {
    guard target == .startup else {
      throw RPCError(
        .protocol, "invalid-value", "\(target) cannot be deleted: only startup can", info: [("bad-element", "\(target)")])
    }
    try await engine.deleteConfiguration(of: .startup, session)
    return .ok
  }

  func validate(_ operation: DocumentTree, _ request: NetconfRequest) async throws -> Outcome {
    try require(operation, only: ["source"])
    guard let source = operation.child("source") else {
      throw RPCError.missingElement("source", "validate needs the parameter source")
    }
    guard source.child("config") == nil else {
      guard source.children.count == 1 else { throw RPCError.badElement("source", "source is one datastore or config") }
      let transaction = try engine.startTransaction(session, on: .running, .readWrite, isInternal: true)
      defer { engine.finish(transaction) }
      var options = LoadOptions(format: .xml, mode: .create, hidesHidden: true)
      options.edit = .replace
      try await load(request, options, into: transaction)
      try await heedingNoWarnings { () async throws(NSOError) in try await engine.validate(transaction, unlock: true) }
      return .ok
    }
    let database = try datastore("source", in: operation)
    if database == .candidate {
      try await heedingNoWarnings { () async throws(NSOError) in try await engine.validateCandidate(session) }
      return .ok
    }
    let transaction = try engine.startTransaction(session, on: database, .read)
    defer { engine.finish(transaction) }
    let model = transaction.model
    let view = try transaction.view()
    let faults = try await look(model) { () throws(NSOError) in try view.validateConfiguration() }
    if let first = faults.first { throw RPCError(first, model) }
    return .ok
  }

  // MARK: Helpers

  private func requireWritable(_ target: DatabaseName) throws(RPCError) {
    guard target == .running, engine.configuration.datastores.running != .readWrite else { return }
    throw RPCError.notSupported(
      "running is written through the candidate only (datastores/running/access in ncs.conf, no capability :writable-running)")
  }

  /// Warnings of validation points are not told (protocol part 05).
  private func heedingNoWarnings(_ body: () async throws(NSOError) -> Void) async throws(NSOError) {
    do throws(NSOError) { try await body() } catch {
      guard error.code == .validationWarning else { throw error }
    }
  }

  /// Changes a datastore in a transaction of its own, again where somebody else has written in between what was read.
  /// - Parameter change: false: nothing is to be committed.
  private func changing(_ database: DatabaseName, _ change: (Transaction) async throws -> Bool) async throws {
    var attempt = 1
    while true {
      let transaction = try engine.startTransaction(session, on: database, .readWrite)
      defer { engine.finish(transaction) }
      do {
        if try await change(transaction) { try await engine.apply(transaction, keepOpen: false) }
        return
      } catch let error as NSOError {
        guard error.code == .transactionConflict, attempt < Self.attempts, !Task.isCancelled else {
          throw RPCError(error, transaction.model)
        }
        attempt += 1
      }
    }
  }

  /// Writes what stands in `config` into a transaction.
  private func load(_ request: NetconfRequest, _ options: LoadOptions, into transaction: Transaction) async throws {
    let load = try ConfigurationLoad(transaction, options, as: .owner)
    do throws(NSOError) {
      try await look(transaction.model) { () throws(NSOError) in
        do {
          try request.forEachConfigEvent { try load.take($0) }
        } catch {
          throw error as? NSOError ?? NSOError(.badConfig, "\(error)")
        }
        if !load.asksHooks { try load.finish() }
      }
      if load.asksHooks { try await load.finishThroughHooks() }
    } catch {
      load.abandon()
      throw RPCError(error, load.fault, transaction.model)
    }
  }
}
