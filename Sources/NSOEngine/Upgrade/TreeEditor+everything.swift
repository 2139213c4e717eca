import NSOModel
import NSOSchema
import NSOStore
import NSOValidation
import NSOXPath

extension TreeEditor {
  /// Checks all configuration, whatever has changed, and removes what `when` conditions do not allow.
  /// - Parameter limit: after so many broken rules it stops.
  /// - Returns: the nodes of what was removed, and what is broken, in schema order.
  mutating func validateEverything(limit: Int) throws(NSOError) -> (removed: [NodeID], failures: [NSOError]) {
    do {
      let storage = StoreStorage(model, configuration: configuration)
      let validator = Validator(model.constraints, old: storage, new: storage, failureLimit: limit)
      let outcome = try validator.validateAll()
      if !outcome.removed.isEmpty { configuration = validator.tree.storage.configuration }
      return (outcome.removed.compactMap(\.schemaNode), outcome.failures.map(\.error))
    } catch {
      throw NSOError(validation: error)
    }
  }
}
