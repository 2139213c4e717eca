import ExternalTerm
import Logging
import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire

/// A place in a provider's data, and who is asked there.
struct ProviderPlace: Sendable {
  var path: TreePath
  var node: NodeID
  var point: CallPoint
  var served: ProviderRegistry.Served
  /// As it travels: keys as strings where the client wants that.
  var keypath: Keypath

  var callbacks: DataCallbacks { served.registration.dataCallbacks }
  var flags: InstanceFlags { served.registration.flags }
  var canFind: Bool { !callbacks.isDisjoint(with: [.findNext, .findNextObject]) }
  var canWalk: Bool { !callbacks.isDisjoint(with: [.getNext, .getNextObject]) }
}

extension ProviderTree {
  /// - Throws: EXTERNAL when nobody serves the callpoint.
  func place(_ path: TreePath) throws(NSOError) -> ProviderPlace {
    guard let node = path.node, let point = model.callpoint(of: node) else {
      throw NSOError(.internal, "data without callpoint is asked for from a provider")
    }
    return try place(path, at: point)
  }

  /// As ``place(_:)``, for whoever watches at a callpoint.
  func place(_ path: TreePath, at point: CallPoint) throws(NSOError) -> ProviderPlace {
    guard let node = path.node else { throw NSOError(.internal, "the root is no data of a provider") }
    let keys = try keys(of: path)
    let plain = keypath(path, keys, asText: false)
    let served = try registry.require(.data, point.name, keys: rangeKeys(path, keys, point), for: "\(plain)")
    let isText = served.registration.flags.contains(.stringsOnly)
    return ProviderPlace(
      path: path, node: node, point: point, served: served, keypath: isText ? keypath(path, keys, asText: true) : plain)
  }

  /// The place of a list, as one of several clients serves its range.
  func place(_ list: TreePath, servedBy served: ProviderRegistry.Served) throws(NSOError) -> ProviderPlace {
    guard let node = list.node, let point = model.callpoint(of: node) else {
      throw NSOError(.internal, "data without callpoint is asked for from a provider")
    }
    let isText = served.registration.flags.contains(.stringsOnly)
    return ProviderPlace(
      path: list, node: node, point: point, served: served, keypath: keypath(list, try keys(of: list), asText: isText))
  }

  /// The key values of the entries on the way, by the steps of the path.
  private func keys(of path: TreePath) throws(NSOError) -> [[Value]] {
    try model.layout.steps(of: path).map { (step) throws(NSOError) in
      guard let end = step.entryEnd else { return [] }
      guard let values = KeyDecoder.values(of: Array(path.bytes[step.nodeEnd..<end])) else {
        throw NSOError(
          .notImplemented, "\(model.schema.path(of: step.node)): keys of this type are not supported in data of providers")
      }
      return values
    }
  }

  private func keypath(_ path: TreePath, _ keys: [[Value]], asText: Bool) -> Keypath {
    var result = Keypath()
    var module: ModuleID?
    for (step, values) in zip(model.layout.steps(of: path), keys) {
      let node = model.schema[step.node]
      result.elements.append(.tag(node.module == module ? Tag(node.name.name) : Tag(node.name)))
      module = node.module
      guard step.entryEnd != nil else { continue }
      result.elements.append(.keys(asText ? texts(of: values, of: step.node) : values))
    }
    return result
  }

  /// Keys as they travel.
  func wire(_ keys: [Value], of list: NodeID, for place: ProviderPlace) -> [Value] {
    place.flags.contains(.stringsOnly) ? texts(of: keys, of: list) : keys
  }

  private func texts(of values: [Value], of list: NodeID) -> [Value] {
    let node = model.schema[list]
    let types = node.kind == .list ? node.keys.map { model.schema[$0].type } : [node.type]
    return values.enumerated().map { index, value in
      .string(types.indices.contains(index) ? text(of: value, types[index]) : value.plainText)
    }
  }

  func text(of value: Value, _ type: SchemaType?) -> String {
    type.flatMap { model.schema.text(of: value, as: $0) } ?? value.plainText
  }

  /// The keys that ranges of a point are about: of the first entry at or below the node that has the callpoint.
  private func rangeKeys(_ path: TreePath, _ keys: [[Value]], _ point: CallPoint) -> [Value] {
    let steps = model.layout.steps(of: path)
    guard let start = steps.firstIndex(where: { $0.node == point.node }) else { return [] }
    for index in start..<steps.count where !keys[index].isEmpty { return keys[index] }
    return []
  }

  /// Asks for one callback.
  func call(_ place: ProviderPlace, _ call: CallbackCall) async throws(NSOError) -> CallbackResult {
    let path = place.keypath
    return try await part(of: place.served.instance).call(place.served, place.point.point, call) { "\(path)" }
  }

  // MARK: Values

  /// The value of a leaf, or entry of a leaf-list, in its canonical form.
  /// - Throws: EXTERNAL when the provider sent what does not fit the type.
  func canonical(_ value: Value, of node: NodeID, in place: ProviderPlace) throws(NSOError) -> Value {
    guard let type = model.schema[node].type else { return value }
    do {
      if place.flags.contains(.stringsOnly), case .string(let text) = value {
        return try model.schema.parse(text, as: type, prefixes: .schema)
      }
      return try model.schema.check(value, as: type)
    } catch {
      throw bad("the value \(value.plainText) of \(model.schema[node].name.name) does not fit its type: \(error)", place)
    }
  }

  /// As it travels: strings where the client wants them.
  func wire(_ value: Value, of node: NodeID, for place: ProviderPlace) -> Value {
    guard place.flags.contains(.stringsOnly) else { return value }
    if case .list(let values) = value { return .list(values.map { .string(text(of: $0, model.schema[node].type)) }) }
    return .string(text(of: value, model.schema[node].type))
  }

  /// What to say, and to note, of an answer that is well-formed but wrong.
  func bad(_ what: String, _ place: ProviderPlace) -> NSOError {
    let text =
      "\(place.served.instance.summary), callpoint \(place.point.name), gave wrong data for \(place.keypath): \(what)"
    registry.report(text)
    return NSOError(.external, ProviderText.cut(text))
  }

  func wrongAnswer(_ place: ProviderPlace) -> NSOError { bad("an answer of another kind", place) }
}
