import NSOModel
import NSOSchema
import NSOStore
import NSOWire

/// Reading of whole objects (protocol part 05, section 7.2).
extension ProviderTree {
  /// - Parameter place: the list entry, or container, or the list whose entries are walked.
  /// - Returns: the leafs, and the pseudo key of an entry of a list without keys.
  /// - Throws: EXTERNAL for an object that is malformed, or has values that do not fit.
  func values(
    of object: ProviderObject, in place: ProviderPlace
  ) throws(NSOError) -> (object: ProviderObjectValues, pseudoKey: Value?) {
    var result = ProviderObjectValues()
    var pseudoKey: Value?
    let isKeyless = model.schema[place.node].kind == .list && model.schema[place.node].isKeyless
    switch object {
    case .values(let values):
      var rest = values[...]
      if isKeyless { pseudoKey = try pseudo(rest.popFirst(), place) }
      try readArray(&rest, of: place.node, place, &result)
      guard rest.isEmpty else { throw bad("\(rest.count) values too many in an object", place) }
    case .tagged(let values):
      var rest = values[...]
      if isKeyless, case .value(let value)? = rest.first?.content { pseudoKey = try pseudo(value, place); rest.removeFirst() }
      answerAll(below: place.node, &result)
      try readTagged(rest, place, &result)
    }
    return (result, pseudoKey)
  }

  private func pseudo(_ value: Value?, _ place: ProviderPlace) throws(NSOError) -> Value {
    switch value {
    case .int64(let number)?: return .int64(number)
    case .int32(let number)?: return .int64(Int64(number))
    default: throw bad("an object of a list without keys begins with a number", place)
    }
  }

  private func readArray(
    _ rest: inout ArraySlice<Value>, of parent: NodeID, _ place: ProviderPlace, _ result: inout ProviderObjectValues
  ) throws(NSOError) {
    for child in model.schema[parent].children where model.layout.isStored(child) {
      guard let value = rest.popFirst() else {
        throw bad("an object ends before \(model.schema[child].name.name)", place)
      }
      let isOurs = model[child].placement == .provider
      switch (model[child].kind, value) {
      case (.list, .notFound): break
      case (.list, _): throw bad("a value stands in place of list \(model.schema[child].name.name)", place)
      case (.container, .notFound): answerAll(at: child, &result)
      case (.container, .tag):
        if isOurs {
          result.answered.insert(child)
          if model[child].flags.contains(.presence) { result.values[child] = .empty }
        }
        try readArray(&rest, of: child, place, &result)
      case (.container, _): throw bad("a value stands in place of container \(model.schema[child].name.name)", place)
      case (.leafList, .notFound): break
      case (_, .notFound), (_, .defaultInEffect): if isOurs { result.answered.insert(child) }
      default:
        guard isOurs else { continue }
        try take(value, child, place, &result)
      }
    }
  }

  private func take(
    _ value: Value, _ node: NodeID, _ place: ProviderPlace, _ result: inout ProviderObjectValues
  ) throws(NSOError) {
    result.answered.insert(node)
    switch (model[node].kind, value) {
    case (.leaf, _) where model[node].flags.contains(.empty) && !model[node].isKey: result.values[node] = .empty
    case (.leafList, .list(let values)):
      result.values[node] = .list(
        try values.map { (value) throws(NSOError) in try canonical(value, of: node, in: place) })
    case (.leafList, _): throw bad("leaf-list \(model.schema[node].name.name) has no list of values", place)
    default: result.values[node] = try canonical(value, of: node, in: place)
    }
  }

  private func readTagged(
    _ values: ArraySlice<TaggedValue>, _ place: ProviderPlace, _ result: inout ProviderObjectValues
  ) throws(NSOError) {
    var open = [place.node]
    for pair in values {
      let parent = open.last ?? place.node
      if case .stop = pair.content {
        guard open.count > 1, model.schema[parent].name.name == pair.tag.name else {
          throw bad("the end of \(pair.tag) does not match what was opened last", place)
        }
        open.removeLast()
        continue
      }
      guard let node = model.schema.child(of: parent, pair.tag) else { throw bad("\(pair.tag) is not known there", place) }
      guard model[node].kind != .list else { throw bad("entries of list \(pair.tag) stand in an object", place) }
      let isOurs = model[node].placement == .provider
      switch pair.content {
      case .start:
        open.append(node)
        if isOurs, model[node].flags.contains(.presence) { result.values[node] = .empty }
      case .leaf: if isOurs { try take(.empty, node, place, &result) }
      case .value(.notFound), .value(.defaultInEffect): break
      case .value(let value): if isOurs { try take(value, node, place, &result) }
      case .stop, .startAt, .delete, .movedFirst, .movedAfter:
        throw bad("\(pair.tag) has a mark that does not belong in an object", place)
      }
    }
    guard open.count == 1 else { throw bad("an object ends inside of a container", place) }
  }

  /// Everything at a node is told about, and is not there.
  private func answerAll(at node: NodeID, _ result: inout ProviderObjectValues) {
    guard model[node].kind != .list else { return }
    if model[node].placement == .provider { result.answered.insert(node) }
    answerAll(below: node, &result)
  }

  private func answerAll(below node: NodeID, _ result: inout ProviderObjectValues) {
    for child in model.schema[node].children where model.layout.isStored(child) { answerAll(at: child, &result) }
  }
}
