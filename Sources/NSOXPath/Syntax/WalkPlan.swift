extension WalkPlan {
  /// What is known of the nodes after some steps.
  private struct Shape {
    /// At most one node.
    var isSingle: Bool
    /// No node twice.
    var isUnique = true
    /// In document order.
    var isOrdered = true
    /// No node is an ancestor of another.
    var isFlat: Bool

    mutating func take(_ axis: Axis) {
      let before = self
      isSingle = before.isSingle && (axis == .parent || axis == .self)
      switch axis {
      case .self: break
      case .child: isOrdered = before.isOrdered && before.isFlat
      case .descendant, .descendantOrSelf:
        isUnique = before.isUnique && before.isFlat
        isOrdered = before.isOrdered && before.isFlat
        isFlat = false
      case .parent:
        isUnique = before.isSingle
        isOrdered = before.isSingle
        isFlat = before.isSingle
      case .followingSibling, .precedingSibling:
        isUnique = before.isSingle
        isOrdered = before.isSingle && axis == .followingSibling
        isFlat = before.isSingle
      case .ancestor, .ancestorOrSelf, .following, .preceding:
        isUnique = before.isSingle
        isOrdered = before.isSingle && axis == .following
        isFlat = false
      }
    }
  }

  /// The plan for a path. `isSingle`: it starts at one node at most.
  init(_ steps: [Step], isSingle: Bool) {
    var shape = Shape(isSingle: isSingle, isFlat: isSingle)
    for (place, step) in steps.enumerated() {
      shape.take(step.axis)
      if !shape.isUnique {
        merges.append(place)
        shape.isUnique = true
      }
    }
    needsSort = !shape.isOrdered
  }
}
