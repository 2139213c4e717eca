public import NSOModel
import NSOSchema
import NSOWire

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
    let rules = operationRules
    if let access = access(of: session, model) { try access.requireInvocation(of: instance) }
    let input = try await looking(transaction, session, model) { (view) throws(NSOError) in
      guard try view.exists(instance.parent) else {
        throw NSOError(.noExists, "\(instance.text(view.model)): \(instance.parent.text(view.model)) does not exist")
      }
      return try OperationContent(parameters, .input, of: instance, in: view, rules).pairs(defaults: true, qualified: false)
    }
    let invocation = ActionInvocation(
      model: model, instance: instance, session: session, transaction: transaction, input: input)
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
      return try await looking(transaction, session, model) { (view) throws(NSOError) in
        try OperationContent(output, .output, of: instance, in: view, rules).pairs(defaults: false, qualified: true)
      }
    } catch {
      var text = "\(invocation.text): its output does not fit the model: \(error.message)"
      if let point = invocation.actionPoint, let served = providers.served(.action, point) {
        text = "\(served.instance.summary), action point \(point): \(text)"
        providers.report(text)
      }
      throw NSOError(.external, text, appTag: error.appTag)
    }
  }

  /// Runs `body` where it may wait for data of providers, if the model has any.
  static func reading<R: Sendable>(
    _ model: DataModel, _ body: @escaping @Sendable () throws(NSOError) -> R
  ) async throws(NSOError) -> R {
    try await model.hasProviders ? ProviderWait.retrying(body) : body()
  }

  /// Runs `body` with what a transaction sees; without one, with the data as it is now. Data of providers can be read in a
  /// transaction only, so one is made for the purpose where there may be any.
  private func looking<R: Sendable>(
    _ transaction: Transaction?, _ session: UserSession, _ model: DataModel,
    _ body: @escaping @Sendable (TreeView) throws(NSOError) -> R
  ) async throws(NSOError) -> R {
    // With another model than that of the moment there is none to be had.
    let isMade = transaction == nil && model.hasProviders && model === self.model
    let used = isMade ? try startTransaction(session, on: .operational, .read, isInternal: true) : transaction
    defer { if isMade, let used { finish(used) } }
    let view = try view(of: used, model)
    return try await Self.reading(model) { () throws(NSOError) in try body(view) }
  }

  /// What a transaction sees; without one, the data as it is now.
  private func view(of transaction: Transaction?, _ model: DataModel) throws(NSOError) -> TreeView {
    guard let transaction else { return try currentView(model) }
    return try transaction.view(unchecked: true)
  }
}
