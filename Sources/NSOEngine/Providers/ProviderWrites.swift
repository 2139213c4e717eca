import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire

/// One change of configuration as a data provider is told it (protocol part 05, section 7).
struct ProviderWrite: Sendable {
  enum Kind: Sendable {
    case create
    case remove
    case set(Value)
    /// The case of a choice in the node at the path.
    case choose(choice: Tag, case: Tag)
    /// An entry of a list ordered by user comes after the one with these keys; none: to the first place.
    case move(after: [Value])
    /// Nil: it goes.
    case attribute(AttributeNumber, Value?)
  }

  var kind: Kind
  var path: TreePath
}

/// The changes of a transaction in the order in which a provider has to carry them out: what is in an entry after the entry.
struct ProviderWrites {
  private let model: DataModel
  /// The choices that a case was chosen of: their places and names.
  private var chosen: Set<[UInt8]> = []
  private(set) var writes: [ProviderWrite] = []

  /// What a tree's changes are, at and below a place. Reads what is deleted, so it may have to wait.
  /// - Parameter withDefaults: leafs that come to have their default are told too.
  static func all(
    of changes: Overlay, below place: TreePath = .root, _ model: DataModel
  ) throws(NSOError) -> [ProviderWrite] {
    var collector = ProviderWrites(model: model)
    var failure: NSOError?
    do throws(StoreError) {
      try TreeDiff(changes, layout: model.layout).forEach(below: place) { change in
        do throws(NSOError) {
          try collector.add(change)
          return .goOn
        } catch {
          failure = error
          return .stop
        }
      }
    } catch {
      throw NSOError(store: error)
    }
    if let failure { throw failure }
    return collector.writes
  }

  init(model: DataModel) { self.model = model }

  mutating func add(_ change: TreeChange) throws(NSOError) {
    guard let node = change.path.node, !model[node].isKey else { return }
    switch change.kind {
    case .created:
      chooseCase(of: change.path, node)
      writes.append(ProviderWrite(kind: .create, path: change.path))
    case .deleted, .unset: writes.append(ProviderWrite(kind: .remove, path: change.path))
    case .set:
      chooseCase(of: change.path, node)
      if model[node].flags.contains(.empty) {
        writes.append(ProviderWrite(kind: .create, path: change.path))
      } else if let bytes = change.new {
        writes.append(ProviderWrite(kind: .set(try decoded(bytes)), path: change.path))
      }
    case .moved(let after):
      let keys = try after.map { (key) throws(NSOError) in try Self.keys(key, of: node, model) }
      writes.append(ProviderWrite(kind: .move(after: keys ?? []), path: change.path))
    case .attribute(let number):
      let value = try change.new.map { (bytes) throws(NSOError) in try decoded(bytes) }
      writes.append(ProviderWrite(kind: .attribute(AttributeNumber(rawValue: number), value), path: change.path))
    }
  }

  private static func keys(_ key: [UInt8], of list: NodeID, _ model: DataModel) throws(NSOError) -> [Value] {
    guard let values = KeyDecoder.values(of: key) else {
      throw NSOError(
        .notImplemented, "\(model.schema.path(of: list)): keys of this type are not supported in requests to data providers")
    }
    return values
  }

  private mutating func chooseCase(of path: TreePath, _ node: NodeID) {
    guard let reference = model.schema[node].caseReference else { return }
    let choice = model.schema[reference.choice]
    let lineage = model.layout.lineage(of: path)
    guard lineage.count > 1 else { return }
    let parent = lineage[lineage.count - 2]
    let write = ProviderWrite(
      kind: .choose(choice: Tag(choice.name.name), case: Tag(choice.cases[reference.index].name.name)), path: parent)
    // A name has no byte 0, so key and name together are of this choice only.
    if chosen.insert(parent.bytes + [0] + Array(choice.name.name.utf8)).inserted { writes.append(write) }
  }
}

extension ProviderTree {
  /// Clients that do not keep defaults themselves are told of those that come into effect (protocol part 05, section 7.4).
  func withDefaults(_ writes: [ProviderWrite]) throws(NSOError) -> [ProviderWrite] {
    let written = Set(writes.map(\.path.bytes))
    var all: [ProviderWrite] = []
    for write in writes {
      guard let node = write.path.node, try !place(write.path).flags.contains(.noDefaults) else {
        all.append(write)
        continue
      }
      if case .remove = write.kind, model[node].kind == .leaf, let value = model.schema[node].defaultValue {
        all.append(ProviderWrite(kind: .set(value), path: write.path))
        continue
      }
      all.append(write)
      if case .create = write.kind { addDefaults(below: write.path, written, to: &all) }
    }
    return all
  }

  private func addDefaults(below path: TreePath, _ written: Set<[UInt8]>, to writes: inout [ProviderWrite]) {
    guard let node = path.node, model[node].kind != .leafList else { return }
    for child in model.schema[node].children where model.layout.isStored(child) && model[child].placement == .provider {
      let facts = model[child]
      // What a case or a condition may keep away is told when it is set.
      guard facts.isConfiguration, !facts.isConditional else { continue }
      let place = path.appending(child, model.layout)
      switch facts.kind {
      case .leaf:
        guard let value = model.schema[child].defaultValue, !written.contains(place.bytes) else { continue }
        writes.append(ProviderWrite(kind: .set(value), path: place))
      case .container where !facts.flags.contains(.presence): addDefaults(below: place, written, to: &writes)
      default: break
      }
    }
  }

  /// The request for a write, and who gets it.
  /// - Returns: nil where the client has no callback for it and need not have one.
  /// - Throws: EXTERNAL when nobody serves the place, or who does cannot carry this out.
  func request(
    _ write: ProviderWrite, at point: CallPoint? = nil
  ) throws(NSOError) -> (place: ProviderPlace, call: CallbackCall)? {
    let place: ProviderPlace
    if let point { place = try self.place(write.path, at: point) } else { place = try self.place(write.path) }
    let call: CallbackCall
    let needed: DataCallbacks
    switch write.kind {
    case .create: (call, needed) = (.create(place.keypath), .create)
    case .remove: (call, needed) = (.remove(place.keypath), .remove)
    case .set(let value): (call, needed) = (.setElem(place.keypath, wire(value, of: place.node, for: place)), .setElem)
    case .choose(let choice, let tag):
      guard place.callbacks.contains(.setCase) else { return nil }
      return (place, .setCase(place.keypath, choice: [choice], case: tag))
    case .move(let keys):
      (call, needed) = (.moveAfter(place.keypath, wire(keys, of: place.node, for: place)), .moveAfter)
    case .attribute(let number, let value):
      (call, needed) = (.setAttribute(place.keypath, number, value), .setAttribute)
    }
    if point == nil, needed == .moveAfter {
      throw NSOError(.notImplemented, "\(place.keypath): the order of data of providers cannot be changed yet")
    }
    guard place.callbacks.contains(needed) else {
      // A hook is told what it has callbacks for; who stores the data must be able to.
      if point != nil { return nil }
      throw NSOError(
        .external,
        "\(place.served.instance.summary) registered no \(call.type?.name ?? "callback") for callpoint \(place.point.name): \(place.keypath) cannot be written"
      )
    }
    return (place, call)
  }
}
