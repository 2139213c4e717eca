/// For the first start with another schema: what the store keeps by itself is brought in line with the schema. Both look at the whole
/// tree and change only what has to be changed.
extension Overlay {
  /// Gives entries of lists that are ordered by user now, and were not, a place: in key order, after those that have one. Removes what is
  /// left of the order of entries that are gone. Returns how many records were concerned.
  @discardableResult
  public mutating func repairUserOrder(_ layout: TreeLayout) throws(StoreError) -> Int {
    var count = 0
    for problem in try TreeCheck(self, layout: layout, limit: .max).problems {
      switch problem.kind {
      case .missingPlace:
        guard let path = layout.path(problem.key), let entryKey = path.entryKey else { continue }
        _ = try insert(entryKey, in: path.withoutEntryKey, at: .last)
      case .staleOrder: try delete(problem.key)
      case .missingParent, .unknown: continue
      }
      count += 1
    }
    return count
  }

  /// Deletes what the schema does not have: nodes that are gone or have become something else. Returns how many records were deleted.
  /// Without this they stay, unseen, and are there again when a later schema has them.
  @discardableResult
  public mutating func deleteUnknown(_ layout: TreeLayout) throws(StoreError) -> Int {
    let unknown = try TreeCheck(self, layout: layout, includingUnknown: true, limit: .max).problems
    var count = 0
    for problem in unknown where problem.kind == .unknown {
      try delete(problem.key)
      count += 1
    }
    return count
  }
}
