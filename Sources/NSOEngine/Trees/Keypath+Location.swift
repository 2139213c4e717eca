public import NSOModel
import NSOSchema

extension Keypath {
  /// The path of a place, tags as short as they can be: qualified at the top and where the namespace changes.
  public init(_ location: Location, _ model: DataModel) {
    self.init()
    guard let node = location.node else { return }
    let schema = model.schema
    let lineage = schema.lineage(of: node)
    var keys = location.keys[...]
    var module: ModuleID?
    for (index, step) in lineage.enumerated() {
      let node = schema[step]
      elements.append(.tag(node.module == module ? Tag(node.name.name) : Tag(node.name)))
      module = node.module
      let isLast = index == lineage.count - 1
      guard node.kind == .list || node.kind == .leafList, !isLast || location.isEntry else { continue }
      let count = node.kind == .list ? max(1, node.keys.count) : 1
      guard keys.count >= count else { continue }
      elements.append(.keys(Array(keys.prefix(count))))
      keys = keys.dropFirst(count)
    }
  }
}
