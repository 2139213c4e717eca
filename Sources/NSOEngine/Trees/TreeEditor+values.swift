public import NSOModel
import NSOSchema
import NSOStore

extension TreeEditor {
  /// Writes a tagged list below a node (protocol part 04, SET_VALUES): only the nodes mentioned change, missing list entries
  /// and presence containers on the way are made. `not_found` deletes; a list entry opened with `delete` is deleted.
  public mutating func setValues(_ pairs: [TaggedValue], at location: Location) throws(NSOError) {
    try settlingConditions(at: location) { (editor) throws(NSOError) in try editor.write(pairs, at: location) }
  }

  private mutating func write(_ pairs: [TaggedValue], at location: Location) throws(NSOError) {
    if location.node != nil { try ensurePlace(location) }
    var walk = TaggedWalk(model, at: location)
    var index = 0
    while index < pairs.count {
      let pair = pairs[index]
      let (node, place) = try walk.locate(pair.tag)
      index += 1
      switch pair.content {
      case .stop:
        try walk.leave(pair.tag)
      case .start where model[node].kind == .list, .delete:
        let keys = try walk.keys(of: node, in: pairs[index...])
        index += keys.count
        let entry = try walk.enter(entryOf: place, keys)
        if case .delete = pair.content {
          guard try isPresent(entry) else { throw NSOError(.noExists, "\(entry.text(model)) does not exist") }
          try remove(entry)
        } else {
          try ensure(entry)
        }
      case .start:
        try ensurePlace(place)
        walk.enter(place)
      case .movedFirst, .movedAfter:
        throw NSOError(.protocolUsage, "\(place.text(model)): marks of moves are for lists of modifications only")
      case .startAt:
        throw NSOError(.protocolUsage, "\(place.text(model)): entries by position are for CDB reads only")
      case .leaf:
        try ensure(place)
      case .value(.notFound):
        if try isPresent(place) { try delete(place) }
      case .value(let value):
        if model[node].isKey, walk.current.node == location.node, location.isEntry {
          try setKey(place, try check(value, node, place))
        } else {
          try set(place, value)
        }
      }
    }
    try walk.finish()
  }

  /// Makes the list entry or presence container that a write goes into, if it is missing.
  mutating func ensurePlace(_ location: Location) throws(NSOError) {
    guard let node = location.node else { return }
    let facts = model[node]
    if facts.kind == .list ? location.isEntry : facts.flags.contains(.presence) { try ensure(location) }
  }

  /// Writes a whole container or list entry from a value array (protocol part 04, SET_OBJECT): what is missing is made, what
  /// is there is set, what is `not_found` is deleted; lists below stay as they are.
  /// - Parameter location: a container, a list entry, or a list, whose keys then come from the array.
  public mutating func setObject(_ values: [Value], at location: Location) throws(NSOError) {
    try settlingConditions(at: location) { (editor) throws(NSOError) in try editor.write(values, at: location) }
  }

  private mutating func write(_ values: [Value], at location: Location) throws(NSOError) {
    guard let node = location.node else { throw NSOError(.badPath, "the root cannot be written as an object") }
    var rest = values[...]
    var place = location
    if model[node].kind == .list, !location.isEntry {
      var builder = LocationBuilder(model, from: location)
      try builder.entry(try keys(of: node, in: values, location))
      place = builder.location
    }
    switch model[node].kind {
    case .container, .list: break
    default:
      throw NSOError(
        .badType, "\(location.text(model)) is a \(model[node].kind.text): set_object writes containers and list entries")
    }
    try ensurePlace(place)
    try setContent(&rest, at: place)
    guard rest.isEmpty else {
      throw NSOError(.badType, "\(place.text(model)): the value array has \(rest.count) elements too many")
    }
  }

  /// The key values of a new entry: the key leafs are among the children, in schema order.
  private func keys(of list: NodeID, in values: [Value], _ location: Location) throws(NSOError) -> [Value] {
    let names = model.schema[list].keys
    var found: [NodeID: Value] = [:]
    for (child, value) in zip(model.schema[list].children.filter { model[$0].placement != .none }, values) {
      guard model[child].kind == .leaf else { break }
      found[child] = value
    }
    var keys: [Value] = []
    for name in names {
      guard let value = found[name], value != .notFound else {
        throw NSOError(
          .badPath,
          "\(location.text(model)): key \(model.schema[name].name.name) is missing in the value array; give the keys in the path"
        )
      }
      keys.append(value)
    }
    return keys
  }

  private mutating func setContent(_ rest: inout ArraySlice<Value>, at location: Location) throws(NSOError) {
    for child in model.schema[location.node ?? NodeID(rawValue: 0)].children {
      let facts = model[child]
      guard facts.placement != .none else { continue }
      let place = location.child(child, model)
      guard let value = rest.popFirst() else {
        throw NSOError(.badType, "\(place.text(model)): the value array ends before this node")
      }
      if facts.isKey { continue }
      switch (facts.kind, value) {
      case (.list, _): continue
      case (.container, .notFound):
        if facts.flags.contains(.presence), try isPresent(place) { try delete(place) }
      case (.container, .tag):
        if facts.flags.contains(.presence) { try ensure(place) }
        try setContent(&rest, at: place)
      case (.leaf, .tag) where facts.flags.contains(.empty):
        try ensure(place)
      case (.leaf, .notFound), (.leafList, .notFound):
        if !isElsewhere(child), try isPresent(place) { try delete(place) }
      case (.leaf, .defaultInEffect), (.leafList, .defaultInEffect): continue
      case (.leaf, _), (.leafList, _):
        try set(place, value)
      default:
        throw NSOError(.badType, "\(place.text(model)): \(value.plainText) does not fit a \(facts.kind.text) in a value array")
      }
    }
  }

  /// Data that this transaction does not write.
  private func isElsewhere(_ node: NodeID) -> Bool {
    switch (model[node].placement, target) {
    case (.configuration, .configuration), (.operational, .operational), (.persistentOperational, .operational): false
    default: true
    }
  }
}
