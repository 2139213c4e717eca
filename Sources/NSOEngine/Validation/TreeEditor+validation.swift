public import NSOModel
import NSOSchema
import NSOStore
import NSOValidation
import NSOXPath

extension TreeEditor {
  /// Checks the changes to configuration against all rules of the schema that they can break, and removes what `when`
  /// conditions no longer allow. Work follows the size of the changes.
  /// - Parameter note: is told the first rule that is broken, and where.
  /// - Throws: that rule; nothing is removed then.
  mutating func validate(noting note: (ValidationFailure) -> Void = { _ in }) throws(NSOError) {
    guard !configuration.isEmpty || !(provider?.isEmpty ?? true) else { return }
    do {
      let old = StoreStorage(model, configuration: Overlay(configuration.base), provider: provider?.base)
      let new = StoreStorage(model, configuration: configuration, provider: provider)
      let validator = Validator(model.constraints, old: old, new: new)
      var sources = [configuration.untracked, configuration.base.untracked]
      if let provider { sources += [provider, provider.base] }
      var nodes = StoreNodes(model, validator.tree, sources: sources)
      var changes = try ChangedNodes.all(of: configuration, &nodes)
      if let provider, !provider.isEmpty { changes += try ChangedNodes.all(of: provider, &nodes) }
      let outcome = try validator.validate(changes)
      if let failure = outcome.failures.first {
        note(failure)
        throw failure.error
      }
      if !outcome.removed.isEmpty { replaceConfiguration(validator.tree.storage.configuration) }
    } catch {
      throw NSOError(validation: error)
    }
  }
}

extension TreeEditor {
  /// Takes changes that were made elsewhere.
  mutating func replaceConfiguration(_ changes: Overlay) {
    configuration = changes
    written.noteAll()
  }

  /// Removes what `when` conditions do not allow after all changes so far.
  mutating func settleAllConditions() throws(NSOError) {
    guard !configuration.isEmpty else { return }
    do {
      let old = StoreStorage(model, configuration: Overlay(configuration.base))
      let validator = Validator(model.constraints, old: old, new: StoreStorage(model, configuration: configuration))
      var nodes = StoreNodes(model, validator.tree, sources: [configuration.untracked, configuration.base.untracked])
      let changes = try ChangedNodes.all(of: configuration, &nodes)
      if try !validator.applyConditions(after: changes).isEmpty { replaceConfiguration(validator.tree.storage.configuration) }
    } catch {
      throw NSOError(validation: error)
    }
  }
}

extension TreeView {
  /// Checks all configuration of the view, whatever has changed.
  /// - Parameter limit: after so many broken rules it stops.
  /// - Returns: what is broken, in schema order; what a `when` condition does not allow counts as broken.
  public func validateConfiguration(limit: Int = 1) throws(NSOError) -> [NSOError] {
    do {
      let storage = StoreStorage(model, configuration: Overlay(configuration))
      let outcome = try Validator(model.constraints, old: storage, new: storage, failureLimit: limit).validateAll()
      let removed = outcome.removed.map { node in
        NSOError(.noExists, "\(model.schema.text(of: node.keypath(model.schema))): its when condition does not hold")
      }
      return Array((removed + outcome.failures.map(\.error)).prefix(limit))
    } catch {
      throw NSOError(validation: error)
    }
  }
}

extension NSOError {
  /// What goes wrong while data is validated or looked through.
  init(validation error: any Error) {
    switch error {
    case let error as NSOError: self = error
    case let error as StoreError: self.init(store: error)
    case let error as XPathError: self = error.nsoError
    default: self.init(.internal, "validation: \(error)")
    }
  }
}
