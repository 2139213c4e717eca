import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

/// Actions and rpcs (protocol part 04, section 4.9).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func actions(_ call: MAAPICall, _ op: UInt32) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .requestAction(let request):
      let session = try requireSession()
      let model = engine.model
      let path = try keypath(request.path, below: nil, model)
      let instance = try model.locateAction(path, namespace: request.namespace)
      return perform(instance, request.parameters, session, nil, model, op)
    case .requestActionInTransaction(let parameters, let path):
      let use = try use(call)
      let path = try keypath(path, below: call.isRelative ? use.position.location : nil, use.model)
      let instance = try use.model.locateAction(path, namespace: use.position.namespace)
      return perform(instance, parameters, use.transaction.session, use.transaction, use.model, op)
    case .requestActionText(let text, let path):
      let use = try use(call)
      let path = try keypath(path, below: call.isRelative ? use.position.location : nil, use.model)
      let instance = try use.model.locateAction(path, namespace: use.position.namespace)
      let parameters = try OperationText.parameters(text, of: instance, use.model)
      return perform(instance, parameters, use.transaction.session, use.transaction, use.model, op, asText: true)
    default: return nil
    }
  }

  private func keypath(_ path: WireKeypath, below base: Location?, _ model: DataModel) throws(NSOError) -> Keypath {
    if let text = path.text { return try model.schema.parsePath(text).keypath }
    do throws(TermError) {
      let path = try path.keypath()
      guard let base else { return path }
      return Keypath(Keypath(base, model).elements + path.elements)
    } catch {
      throw NSOError(.badPath, "the path is malformed: \(error)")
    }
  }

  /// The action ends early when the connection closes, or its session ends.
  private func perform(
    _ instance: OperationInstance, _ parameters: [TaggedValue], _ session: UserSession, _ transaction: NSOEngine.Transaction?,
    _ model: DataModel, _ op: UInt32, asText: Bool = false
  ) -> FrameOutcome {
    let ending = ActionEnding(session)
    let later = connection.later { (result: Result<[TaggedValue], NSOError>, out) in
      ending.forget()
      self.action = nil
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let output = try result.get()
        if asText {
          out.writeTermVersion()
          return out.writeTermBinary(OperationText.text(output, of: instance, model))
        }
        guard !output.isEmpty else { return }
        out.writeTermVersion()
        TaggedValueCoding.write(output, into: &out)
      }
      return .done
    }
    let engine = engine
    let task = Task {
      do throws(NSOError) {
        later.succeed(
          try await engine.performAction(instance, parameters, session: session, transaction: transaction, model: model))
      } catch {
        later.fail(error)
      }
    }
    ending.cancelsAtEnd(task)
    action = ending
    return .later
  }
}

/// The action that a connection waits for, and its end with the session.
final class ActionEnding {
  private let session: UserSession
  private var token: UInt64?
  private var task: Task<Void, Never>?

  init(_ session: UserSession) { self.session = session }

  func cancelsAtEnd(_ task: Task<Void, Never>) {
    self.task = task
    token = session.onEnd { task.cancel() }
  }

  func forget() {
    if let token { session.forget(ending: token) }
    token = nil
    task = nil
  }

  func cancel() {
    task?.cancel()
    forget()
  }
}
