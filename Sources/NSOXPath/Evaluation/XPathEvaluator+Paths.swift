internal import NSOSchema

extension XPathEvaluator {
  /// Calls `body` with the nodes of a node-set until it returns false; then returns false. `ordered`: in document order
  /// and each node once; else in any order, and a node may come again.
  func forEach(
    _ syntax: Syntax, _ frame: Frame, ordered: Bool, in place: String, _ body: (Item) throws -> Bool
  ) throws -> Bool {
    switch syntax {
    case .path(let path):
      return try walk(path, frame, ordered: ordered, in: place, body)
    case .union(let parts):
      if !ordered {
        for part in parts where try !forEach(part, frame, ordered: false, in: place, body) { return false }
        return true
      }
      var items: [Item] = []
      for part in parts {
        _ = try forEach(part, frame, ordered: false, in: place) { item in
          items.append(item)
          return true
        }
      }
      return try visit(sorted(merged(items)), body)
    case .call(let call) where call.function == .current:
      return try body(current)
    default:
      guard case .nodeSet(let items) = try value(syntax, frame) else {
        throw failure(.type(expected: "a node-set", found: "another value", in: place))
      }
      return try visit(items, body)
    }
  }

  private func visit(_ items: [Item], _ body: (Item) throws -> Bool) throws -> Bool {
    for item in items where try !body(item) { return false }
    return true
  }

  private func walk(
    _ path: LocationPath, _ frame: Frame, ordered: Bool, in place: String, _ body: (Item) throws -> Bool
  ) throws -> Bool {
    var items: [Item]
    switch path.start {
    case .context: items = [frame.item]
    case .root: items = [Item(scopeRoot ?? tree.root)]
    case .expression(let syntax):
      if path.steps.isEmpty, path.startPredicates.isEmpty {
        return try forEach(syntax, frame, ordered: ordered, in: place, body)
      }
      items = []
      _ = try forEach(syntax, frame, ordered: true, in: place) { item in
        try charge()
        items.append(item)
        return true
      }
      for predicate in path.startPredicates { items = try filter(items, predicate) }
    }
    let last = path.steps.count - 1
    var next = 0
    for merge in path.walk.merges where ordered || merge < last {
      items = try merged(collect(path.steps[next...merge], items))
      next = merge + 1
    }
    let rest = path.steps[next...]
    if ordered, path.walk.needsSort { return try visit(sorted(collect(rest, items)), body) }
    for item in items where try !stream(rest, item, body) { return false }
    return true
  }

  private func collect(_ steps: ArraySlice<Step>, _ items: [Item]) throws -> [Item] {
    var result: [Item] = []
    for item in items {
      _ = try stream(steps, item) { item in
        result.append(item)
        return true
      }
    }
    return result
  }

  /// Without duplicates.
  private func merged(_ items: [Item]) throws -> [Item] {
    guard items.count > 1 else { return items }
    try charge(items.count)
    var seen = Set<Item>(minimumCapacity: items.count)
    return items.filter { seen.insert($0).inserted }
  }

  /// The nodes that some steps lead to from one node, depth first.
  private func stream(_ steps: ArraySlice<Step>, _ item: Item, _ body: (Item) throws -> Bool) throws -> Bool {
    guard let step = steps.first else { return try body(item) }
    let rest = steps.dropFirst()
    return try apply(step, item) { try stream(rest, $0, body) }
  }

  /// One step from one node: the nodes on its axis that pass test and predicates, in the order of the axis.
  private func apply(_ step: Step, _ item: Item, _ body: (Item) throws -> Bool) throws -> Bool {
    if step.predicates.isEmpty { return try forEachOnAxis(step, item, body) }
    if step.predicates.contains(where: \.usesLast) {
      var items: [Item] = []
      _ = try forEachOnAxis(step, item) { item in
        items.append(item)
        return true
      }
      for predicate in step.predicates { items = try filter(items, predicate) }
      return try visit(items, body)
    }
    // Positions are counted as the nodes come; how many there are in all nobody asks.
    var positions = Array(repeating: 0, count: step.predicates.count)
    var isExhausted = false
    let wentOn = try forEachOnAxis(step, item) { item in
      // Those who have the entries of a list may have looked at its first predicates themselves.
      let known = step.axis == .child && tree.meetsHint(item.node) ? step.plainPredicates.count : 0
      for index in step.predicates.indices {
        positions[index] += 1
        if index < known { continue }
        let frame = Frame(item: item, position: positions[index], size: 0)
        guard try passes(step.predicates[index], frame) else {
          if case .number(let wanted) = step.predicates[index].expression, Double(positions[index]) > wanted {
            isExhausted = true
            return false
          }
          return true
        }
      }
      return try body(item)
    }
    return wentOn || isExhausted
  }

  private func filter(_ items: [Item], _ predicate: Predicate) throws -> [Item] {
    var result: [Item] = []
    for (index, item) in items.enumerated()
    where try passes(predicate, Frame(item: item, position: index + 1, size: items.count)) {
      result.append(item)
    }
    return result
  }

  private func passes(_ predicate: Predicate, _ frame: Frame) throws -> Bool {
    try charge()
    switch predicate.kind {
    case .condition: return try boolean(predicate.expression, frame)
    case .position: return try number(predicate.expression, frame) == Double(frame.position)
    case .unknown:
      let value = try value(predicate.expression, frame)
      if case .number(let position) = value { return position == Double(frame.position) }
      return boolean(value)
    }
  }
}
