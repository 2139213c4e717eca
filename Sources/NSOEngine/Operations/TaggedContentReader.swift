import NSOModel
import NSOSchema
import NSOXPath

/// Reads the tagged list of an operation (protocol part 02, section 7.2) into memory and checks names, nesting, keys and
/// values on the way. What the rules of the schema ask for as a whole is checked afterwards.
struct TaggedContentReader {
  typealias Place = MemoryStorage.Place

  let schema: Schema
  let instance: OperationInstance
  /// Which of the operation's children count.
  let side: SchemaNode.Flags
  let describe: (NodeID, [Value]) -> String
  private(set) var storage: MemoryStorage
  /// Values of leaf-lists as they came: outside of configuration the same value may come twice.
  private(set) var leafLists: [Place: [Value]] = [:]

  private var open: [(node: NodeID, place: Place, keys: [Value])] = []

  init(_ model: DataModel, _ instance: OperationInstance, _ side: SchemaNode.Flags) {
    schema = model.schema
    self.instance = instance
    self.side = side
    storage = MemoryStorage(model.schema)
    describe = { [model] in model.text(of: $0, $1) }
    open = [(instance.node, [], instance.parent.keys)]
  }

  private var current: (node: NodeID, place: Place, keys: [Value]) {
    open.last ?? (instance.node, [], instance.parent.keys)
  }

  private func text(_ node: NodeID) -> String { describe(node, current.keys) }

  /// - Throws: BADPATH for an unknown name or bad nesting, BADTYPE for a value that does not fit, ALREADY_EXISTS for what
  ///   comes twice.
  mutating func read(_ pairs: [TaggedValue]) throws(NSOError) {
    var index = 0
    while index < pairs.count {
      let pair = pairs[index]
      index += 1
      switch pair.content {
      case .stop: try close(pair.tag)
      case .start: index += try begin(try child(pair.tag), pairs[index...])
      case .value(.notFound): _ = try child(pair.tag)
      case .value(let value): try set(try child(pair.tag), value)
      case .leaf: try setEmpty(try child(pair.tag))
      case .startAt, .delete, .movedFirst, .movedAfter:
        throw NSOError(
          .protocolUsage,
          "\(text(current.node)): positions, and marks that delete or move, have no meaning here; give \(pair.tag) with start and stop"
        )
      }
    }
    guard open.count == 1 else {
      throw NSOError(
        .badPath, "\(text(current.node)) was opened but not closed: \(schema[current.node].name.name) needs a stop")
    }
  }

  private func child(_ tag: Tag) throws(NSOError) -> NodeID {
    let direction: Schema.Direction? =
      open.count > 1 ? nil : side == .input ? .input : side == .output ? .output : nil
    if let id = schema.child(of: current.node, tag, direction: direction) { return id }
    let names = schema[current.node].children.filter { schema[$0].flags.contains(side) }.map { schema[$0].name.name }
    let known = names.isEmpty ? "it takes none" : "known there: \(names.joined(separator: ", "))"
    let what = side == .input ? "parameter" : side == .output ? "result" : "node"
    throw NSOError(.badPath, "\(text(current.node)) has no \(what) \(tag); \(known)")
  }

  private mutating func close(_ tag: Tag) throws(NSOError) {
    guard open.count > 1, schema[current.node].name.name == tag.name else {
      throw NSOError(.badPath, "\(text(current.node)): the end of \(tag) does not match what was opened last")
    }
    open.removeLast()
  }

  /// - Returns: how many of the pairs that follow were taken as keys.
  private mutating func begin(_ id: NodeID, _ rest: ArraySlice<TaggedValue>) throws(NSOError) -> Int {
    let node = schema[id]
    let place = storage.place(of: id, in: current.place)
    switch node.kind {
    case .container:
      guard !storage.isSet(place) else { throw twice(id) }
      storage.set(place)
      open.append((id, place, current.keys))
      return 0
    case .list:
      var keys: [Value] = []
      if node.isKeyless {
        keys = [.int64(Int64(storage.count(ofEntriesAt: place) + 1))]
      } else {
        for (key, pair) in zip(node.keys, rest) {
          guard pair.tag.name == schema[key].name.name, case .value(let value) = pair.content else { break }
          keys.append(try checked(value, key))
        }
        guard keys.count == node.keys.count else {
          let names = node.keys.map { schema[$0].name.name }.joined(separator: " ")
          throw NSOError(.badPath, "\(text(id)): an entry begins with its keys (\(names)) in this order")
        }
      }
      let entry = storage.place(ofEntry: keys, of: id, at: place)
      guard !storage.isSet(entry) else {
        throw NSOError(.alreadyExists, "\(describe(id, current.keys + keys)) is given twice")
      }
      storage.set(entry)
      open.append((id, entry, current.keys + keys))
      return node.isKeyless ? 0 : keys.count
    default:
      throw NSOError(.badPath, "\(text(id)) is a leaf: it has a value, not a start and a stop")
    }
  }

  private mutating func set(_ id: NodeID, _ value: Value) throws(NSOError) {
    let node = schema[id]
    let place = storage.place(of: id, in: current.place)
    switch node.kind {
    case .leaf where node.isKey:
      throw NSOError(.badPath, "\(text(id)): keys stand right behind the start of their entry, once")
    case .leaf where node.isEmptyLeaf: try setEmpty(id)
    case .leaf:
      guard !storage.isSet(place) else { throw twice(id) }
      storage.set(place, try checked(value, id))
    case .leafList:
      // All values in one pair, or one value in each of several.
      if case .list(let values) = value {
        guard leafLists[place] == nil else { throw twice(id) }
        for value in values { try add(value, id, place) }
      } else {
        try add(value, id, place)
      }
    case .anydata, .anyxml:
      guard !storage.isSet(place) else { throw twice(id) }
      storage.set(place, value)
    default:
      throw NSOError(.badType, "\(text(id)) is no leaf and has no value; give it with start and stop")
    }
  }

  private mutating func add(_ value: Value, _ id: NodeID, _ place: Place) throws(NSOError) {
    let value = try checked(value, id)
    leafLists[place, default: []].append(value)
    storage.set(storage.place(ofEntry: [value], of: id, at: place), value)
  }

  private mutating func setEmpty(_ id: NodeID) throws(NSOError) {
    let place = storage.place(of: id, in: current.place)
    guard schema[id].isEmptyLeaf else {
      throw NSOError(.badType, "\(text(id)) is no leaf of type empty: it needs a value")
    }
    guard !storage.isSet(place) else { throw twice(id) }
    storage.set(place, .empty)
  }

  private func checked(_ value: Value, _ id: NodeID) throws(NSOError) -> Value {
    guard let type = schema[id].type else { throw NSOError(.internal, "\(text(id)) has no type") }
    do throws(ValueError) {
      return try schema.check(value, as: type)
    } catch {
      throw error.nsoError(at: text(id))
    }
  }

  private func twice(_ id: NodeID) -> NSOError { NSOError(.alreadyExists, "\(text(id)) is given twice") }
}
