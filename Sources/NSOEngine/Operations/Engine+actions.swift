public import NSOModel
import NSOSchema

extension Engine {
  /// Invokes an action or rpc and waits for its end (protocol part 04, section 4.9). Cancelling the task aborts it.
  ///
  /// - Parameters:
  ///   - parameters: the input; defaults are filled in here.
  ///   - session: who asks.
  ///   - model: that of the instance; an upgrade may bring another one before the action has ended.
  ///   - transaction: what the action may look at, and whose data the input is checked against; nil: the data as it is now.
  /// - Returns: the output, every tag with its namespace; empty without output.
  /// - Throws: NOEXISTS when what has the action does not exist, the codes of ``OperationContent`` for bad input, EXTERNAL
  ///   for an output that does not fit the schema, and what the action throws.
  public func performAction(
    _ instance: OperationInstance, _ parameters: [TaggedValue], session: UserSession, transaction: Transaction? = nil,
    model: DataModel? = nil
  ) async throws(NSOError) -> [TaggedValue] {
    let model = transaction?.model ?? model ?? self.model
    let view = try view(of: transaction, model)
    let rules = operationRules
    let input = try await Self.reading(model) { () throws(NSOError) in
      guard try view.exists(instance.parent) else {
        throw NSOError(.noExists, "\(instance.text(view.model)): \(instance.parent.text(view.model)) does not exist")
      }
      return try OperationContent(parameters, .input, of: instance, in: view, rules).pairs(defaults: true, qualified: false)
    }
    let invocation = ActionInvocation(
      model: view.model, instance: instance, session: session, transaction: transaction, input: input)
    let span = progress.begin(
      "action \(invocation.text)", Progress.Subject(session: session, transaction: transaction, subsystem: "actions"))
    let output: [TaggedValue]
    do throws(NSOError) {
      output = try await actions.handler(for: invocation).perform(invocation)
      span?.end()
    } catch {
      span?.end("\(error)")
      throw error
    }
    do throws(NSOError) {
      let view = try self.view(of: transaction, model)
      return try await Self.reading(model) { () throws(NSOError) in
        try OperationContent(output, .output, of: instance, in: view, rules).pairs(defaults: false, qualified: true)
      }
    } catch {
      throw NSOError(
        .external, "\(invocation.text): its output does not fit the model: \(error.message)", appTag: error.appTag)
    }
  }

  /// Runs `body` where it may wait for data of providers, if the model has any.
  static func reading<R: Sendable>(
    _ model: DataModel, _ body: @escaping @Sendable () throws(NSOError) -> R
  ) async throws(NSOError) -> R {
    try await model.hasProviders ? ProviderWait.run(body) : body()
  }

  /// What a transaction sees; without one, the data as it is now.
  private func view(of transaction: Transaction?, _ model: DataModel) throws(NSOError) -> TreeView {
    guard let transaction else { return try currentView(model) }
    return try transaction.view()
  }
}
