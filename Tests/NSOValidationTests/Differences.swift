import NSOSchema
import NSOValidation
import NSOXPath
import NSOXPathTestSupport

/// The changes that lead from one storage to another.
func differences(
  _ old: MemoryStorage, _ new: MemoryStorage, _ tree: AccessibleTree<MemoryStorage>
) throws -> [TestValidator.Change] {
  var places: [(MemoryStorage.Place, ChangeKinds)] = []
  MemoryStorage.differences(old, new) { places.append(($0, $1)) }
  return try places.map { place, kinds in
    var node = tree.root
    for step in place {
      node = try step.keys.map { try tree.imagined(step.node, keys: $0, in: node) } ?? tree.imagined(step.node, in: node)
    }
    return TestValidator.Change(node, kinds)
  }
}
