import NIOCore
import NSODocument
import NSOEngine
import NSOModel
import NSOSchema

extension NetconfSession {
  /// Carries out an operation.
  /// - Throws: `RPCError`, `NSOError`.
  func perform(_ operation: DocumentTree, _ request: NetconfRequest) async throws -> Outcome {
    switch operation.name.space {
    case .namespace(NetconfNames.base): try await performBase(operation, request)
    case .namespace(NetconfNames.yang) where operation.name.local == "action": try await action(operation)
    case .namespace(NetconfNames.monitoring) where operation.name.local == "get-schema": try await schemaText(operation)
    default: try await rpc(operation)
    }
  }

  private func performBase(_ operation: DocumentTree, _ request: NetconfRequest) async throws -> Outcome {
    switch operation.name.local {
    case "get":
      try require(operation, only: ["filter"], withDefaults: true)
      return try await data(of: .operational, operation)
    case "get-config":
      try require(operation, only: ["source", "filter"], withDefaults: true)
      return try await data(of: try datastore("source", in: operation), operation)
    case "edit-config": return try await edit(operation, request)
    case "copy-config": return try await copy(operation, request)
    case "delete-config":
      try require(operation, only: ["target"])
      return try await delete(try datastore("target", in: operation))
    case "lock":
      try require(operation, only: ["target"])
      return try await lock(try datastore("target", in: operation))
    case "unlock":
      try require(operation, only: ["target"])
      return try await unlock(try datastore("target", in: operation))
    case "commit": return try await commit(operation)
    case "cancel-commit": return try await cancelCommit(operation)
    case "discard-changes":
      try require(operation, only: [])
      try requireCandidate()
      try await engine.resetCandidate(session)
      return .ok
    case "validate": return try await validate(operation, request)
    case "close-session":
      try require(operation, only: [])
      return .close
    case "kill-session": return try killSession(operation)
    default: return try await rpc(operation)
    }
  }

  // MARK: Parameters

  /// - Throws: unknown-element for a parameter that the operation does not have, bad-element for one that comes twice.
  func require(_ operation: DocumentTree, only names: Set<String>, withDefaults: Bool = false) throws(RPCError) {
    var seen: Set<DocumentName> = []
    for child in operation.children {
      let isKnown: Bool =
        switch child.name.space {
        case .namespace(NetconfNames.base): names.contains(child.name.local)
        case .namespace(NetconfNames.withDefaults): withDefaults && child.name.local == "with-defaults"
        default: false
        }
      guard isKnown else {
        throw RPCError.unknownElement(child.name, "\(operation.name.local) has no parameter \(child.name)")
      }
      guard seen.insert(child.name).inserted else {
        throw RPCError.badElement(child.name.local, "\(operation.name.local): \(child.name.local) is given twice")
      }
    }
    if !operation.text.allSatisfy(\.isWhitespace) {
      throw RPCError.badElement(operation.name.local, "\(operation.name.local) holds text where elements are expected")
    }
  }

  /// The one datastore that a parameter names.
  func datastore(_ parameter: String, in operation: DocumentTree) throws -> DatabaseName {
    guard let element = operation.child(parameter) else {
      throw RPCError.missingElement(parameter, "\(operation.name.local) needs the parameter \(parameter)")
    }
    guard element.children.count == 1, let name = element.children.first?.name else {
      throw RPCError.badElement(parameter, "\(parameter) names one datastore")
    }
    guard case .namespace(NetconfNames.base) = name.space else {
      throw RPCError.unknownElement(name, "\(parameter): \(name) is no datastore")
    }
    let database: DatabaseName
    switch name.local {
    case "running": database = .running
    case "candidate": database = .candidate
    case "startup": database = .startup
    case "url": throw RPCError.notSupported("\(operation.name.local): url is not supported (capability :url)")
    case "config":
      throw RPCError.notSupported("\(operation.name.local): \(parameter) cannot be a config here")
    default: throw RPCError.unknownElement(name, "\(parameter): \(name.local) is no datastore")
    }
    do throws(NSOError) { try engine.requireDatastore(database) } catch {
      throw RPCError(.protocol, "invalid-value", error.message, info: [("bad-element", name.local)])
    }
    return database
  }

  func requireCandidate() throws(RPCError) {
    guard engine.configuration.datastores.candidate else {
      throw RPCError.notSupported(
        "the candidate datastore is not enabled (datastores/candidate/enabled in ncs.conf, capability :candidate)")
    }
  }

  /// A parameter that is one of some words.
  func word(_ parameter: String, in operation: DocumentTree, of words: [String]) throws(RPCError) -> String? {
    guard let element = operation.child(parameter) else { return nil }
    let text = element.trimmedText
    guard element.children.isEmpty, words.contains(text) else {
      throw RPCError.invalidValue(
        "\(parameter): \"\(text.prefix(100))\" is none of \(words.joined(separator: ", "))", parameter)
    }
    return text
  }

  // MARK: Sessions

  private func killSession(_ operation: DocumentTree) throws -> Outcome {
    try require(operation, only: ["session-id"])
    guard let text = operation.child("session-id")?.trimmedText else {
      throw RPCError.missingElement("session-id", "kill-session needs the parameter session-id")
    }
    guard let id = Int32(text), id > 0 else {
      throw RPCError.invalidValue("\"\(text.prefix(100))\" is no number of a session", "session-id")
    }
    guard id != session.id else {
      throw RPCError.invalidValue("a session cannot kill itself: use close-session", "session-id")
    }
    let other = try? engine.sessions.session(id)
    guard let other, !other.isSystem, settings.extendedSessions || other.context == "netconf" else {
      throw RPCError.invalidValue("there is no NETCONF session \(id)", "session-id")
    }
    // Denied by default in the model of the operation (RFC 6241: nacm:default-deny-all), and rules for operations are not asked.
    guard session.accessRules == nil || other.user == session.user else {
      throw RPCError(
        .application, "access-denied",
        "session \(id) belongs to \(other.user): \(session.user) may end sessions of their own only")
    }
    engine.sessions.end(other, because: "killed by \(session.summary)")
    return .ok
  }

  // MARK: Actions, rpcs and schemas

  private func action(_ operation: DocumentTree) async throws -> Outcome {
    let model = engine.model
    guard operation.children.count == 1, let top = operation.children.first else {
      throw RPCError.badElement("action", "an action element leads to one action, not \(operation.children.count)")
    }
    do throws(OperationDocument.Fault) {
      let (instance, element) = try OperationDocument.action(top, model)
      return try await invoke(instance, element, model)
    } catch {
      throw RPCError(error.error, error.fault, model)
    }
  }

  private func rpc(_ operation: DocumentTree) async throws -> Outcome {
    let model = engine.model
    guard let instance = OperationDocument.rpc(operation.name, model) else {
      throw RPCError.notSupported("there is no operation \(operation.name): no loaded module has an rpc of that name")
    }
    do throws(OperationDocument.Fault) { return try await invoke(instance, operation, model) } catch {
      throw RPCError(error.error, error.fault, model)
    }
  }

  private func invoke(
    _ instance: OperationInstance, _ element: DocumentTree, _ model: DataModel
  ) async throws(OperationDocument.Fault) -> Outcome {
    let input = try OperationDocument.input(element.children, of: instance.node, model)
    do throws(NSOError) {
      let output = try await engine.performAction(instance, input, session: session, model: model)
      guard !output.isEmpty else { return .ok }
      do {
        return .body(try Reply.body { try OperationDocument.write(output, of: instance, model, to: &$0) })
      } catch {
        throw error as? NSOError ?? NSOError(.internal, "\(instance.text(model)): \(error)")
      }
    } catch {
      throw OperationDocument.Fault(error)
    }
  }

  /// `get-schema` (RFC 6022, section 3.1): the text of a module.
  private func schemaText(_ operation: DocumentTree) async throws -> Outcome {
    func parameter(_ name: String) -> String? { operation.child(name, in: NetconfNames.monitoring)?.trimmedText }
    guard let name = parameter("identifier") else {
      throw RPCError.missingElement("identifier", "get-schema needs the parameter identifier")
    }
    if let format = parameter("format"), format.split(separator: ":").last != "yang" {
      throw RPCError.invalidValue("modules are given as yang, not as \(format.prefix(100))", "format")
    }
    let version = parameter("version") ?? ""
    guard let module = engine.model.schema.module(name: name), version.isEmpty || version == module.revision ?? "",
      let file = module.file
    else {
      throw RPCError.invalidValue("there is no module \(name.prefix(100)) of that version", "identifier")
    }
    let text: Result<[UInt8], FileError> = await offload {
      do { return .success(try DocumentFile.contents(file)) } catch {
        return .failure(error as? FileError ?? FileError(path: file, operation: "read", number: 5))
      }
    }
    guard case .success(let bytes) = text else {
      throw RPCError(.application, "operation-failed", "the text of module \(module.name) cannot be read any more")
    }
    return .body(
      try Reply.body { writer in
        try writer.leaf(
          NodeName("data", namespace: NetconfNames.monitoring, module: "", prefix: "ncm"),
          .string(String(decoding: bytes, as: UTF8.self)))
      })
  }
}
