import NSOModel
import NSOSchema
import NSOStore
import NSOValidation
import NSOXPath

/// When `when` conditions are looked at.
public enum ConditionMode: Sendable, Hashable {
  /// With each write: what a condition does not allow cannot be written, and what it no longer allows is removed.
  case atOnce
  /// At validation only (delayed-when): then the order of writes does not matter.
  case delayed
}

extension TreeEditor {
  /// What the writes of one operation have to answer for at its end.
  struct PendingConditions: Sendable {
    /// Configuration before the operation.
    var before: Overlay
    /// Nodes written that conditions depend on, and what was done to them.
    var changes: [(location: Location, kinds: ChangeKinds)] = []
    /// Nodes written that have conditions.
    var written: [Location] = []
  }

  /// Runs an operation of one or more writes at or below a place: conditions are looked at when it is done, so that the
  /// order of its writes does not matter.
  /// - Throws: what `body` throws; NOEXISTS when something was written whose condition does not hold. Nothing has changed in
  ///   configuration then.
  mutating func settlingConditions<R>(
    at location: Location, _ body: (inout TreeEditor) throws(NSOError) -> R
  ) throws(NSOError) -> R {
    guard conditions == .atOnce, pending == nil, target == .configuration, concernsConditions(location) else {
      return try body(&self)
    }
    let (before, movesBefore) = (configuration, moves)
    pending = PendingConditions(before: before)
    defer { pending = nil }
    do throws(NSOError) {
      let result = try body(&self)
      if let done = pending { try settle(done) }
      return result
    } catch {
      configuration = before
      moves = movesBefore
      throw error
    }
  }

  private func concernsConditions(_ location: Location) -> Bool {
    guard let node = location.node else { return true }
    // Writing into a case takes others away, which conditions may depend on.
    return model[node].isConditional || model.constraints.concernsConditions(node)
  }

  /// Notes that a node is written which may have a condition.
  mutating func noteWritten(_ location: Location, _ kinds: ChangeKinds) {
    guard pending != nil, let node = location.node else { return }
    if model[node].hasCondition { pending?.written.append(location) }
    noteChange(location, kinds)
  }

  /// Notes a change that conditions may depend on.
  mutating func noteChange(_ location: Location, _ kinds: ChangeKinds) {
    guard pending != nil, let node = location.node, model.constraints.concernsConditions(node) else { return }
    pending?.changes.append((location, kinds))
  }

  private mutating func settle(_ done: PendingConditions) throws(NSOError) {
    for location in done.written where try isPresent(location) {
      guard let failing = try view.failingCondition(of: location) else { continue }
      throw NSOError(
        .noExists,
        "\(location.text(model)) cannot be written: the condition \"\(failing.expression)\" of \(failing.path) does not hold")
    }
    guard !done.changes.isEmpty else { return }
    do {
      let old = StoreStorage(model, configuration: done.before)
      let new = StoreStorage(model, configuration: configuration)
      let validator = Validator(model.constraints, old: old, new: new)
      var nodes = StoreNodes(model, validator.tree, sources: [configuration.untracked, done.before.untracked])
      var changes: [ChangedNodes.Change] = []
      for (location, kinds) in done.changes {
        guard let node = try nodes.node(at: location.path) else { continue }
        changes += try validator.stored(node, kinds).map { ChangedNodes.Change($0, kinds) }
      }
      if try !validator.applyConditions(after: changes).isEmpty { replaceConfiguration(validator.tree.storage.configuration) }
    } catch {
      throw NSOError(validation: error)
    }
  }
}
