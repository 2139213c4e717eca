import ExternalTerm
public import NIOCore
public import NSOModel
import NSOSchema
import NSOStore
import NSOTerms

/// How values are read.
public struct ReadOptions: Sendable, Hashable {
  /// Defaults in effect are marked instead of given (flag NO_DEFAULTS).
  public var markDefaults = false
  /// Operational data behaves as absent (flag CONFIG_ONLY).
  public var configurationOnly = false
  /// Leafs of the configuration behave as absent (CDB sessions on operational, protocol part 03, section 9.6).
  public var operationalOnly = false

  public init(markDefaults: Bool = false, configurationOnly: Bool = false, operationalOnly: Bool = false) {
    self.markDefaults = markDefaults
    self.configurationOnly = configurationOnly
    self.operationalOnly = operationalOnly
  }

  func hides(_ facts: DataModel.Facts) -> Bool {
    switch facts.placement {
    case .configuration: operationalOnly && (facts.kind == .leaf || facts.kind == .leafList)
    case .operational, .persistentOperational: configurationOnly
    case .provider: configurationOnly ? !facts.isConfiguration : false
    case .none: true
    }
  }
}

extension TreeView {
  /// Appends the value array of a container or list entry (protocol part 02, section 7.1) to `buffer`, as a list term.
  /// - Throws: NOEXISTS when it does not exist, BADTYPE at a leaf, BADPATH at a list without keys.
  public func writeObject(_ location: Location, _ options: ReadOptions, into buffer: inout ByteBuffer) throws(NSOError) {
    if let node = location.node {
      switch model[node].kind {
      case .container, .list: break
      default: throw NSOError(.badType, "\(location.text(model)) is a leaf: get_object reads containers and list entries")
      }
      guard try exists(location) else { throw NSOError(.noExists, "\(location.text(model)) does not exist") }
    }
    try writeExistingObject(location, options, into: &buffer)
  }

  /// As ``writeObject(_:_:into:)`` for an entry that a walk just returned.
  public func writeExistingObject(
    _ location: Location, _ options: ReadOptions, into buffer: inout ByteBuffer
  ) throws(NSOError) {
    buffer.writeTermListHeader(count: 1)
    let head = buffer.writerIndex
    var count: UInt32 = 0
    try appendContent(location, options, &count, &buffer)
    buffer.writeTermListEnd(count: Int(count))
    if count == 0 {
      // An empty list has a form of its own.
      buffer.moveWriterIndex(to: head - 5)
      buffer.writeTermListHeader(count: 0)
      buffer.writeTermListEnd(count: 0)
    } else {
      buffer.setInteger(count, at: head - 4)
    }
  }

  private func appendContent(
    _ location: Location, _ options: ReadOptions, _ count: inout UInt32, _ buffer: inout ByteBuffer
  ) throws(NSOError) {
    let children = location.node.map { model.schema[$0].children } ?? model.schema.roots
    for child in children {
      let facts = model[child]
      guard facts.placement != .none else { continue }
      count &+= 1
      let readable = !options.hides(facts) && (facts.placement != .provider || provider != nil)
      let place = location.child(child, model)
      switch facts.kind {
      case .leaf where facts.flags.contains(.empty) && !facts.isKey:
        let isThere = readable ? try exists(place) : false
        if isThere { writeTag(child, into: &buffer) } else { buffer.writeTermAtom("not_found") }
      case .leaf:
        let isThere = readable ? try appendLeaf(place, markDefaults: options.markDefaults, &buffer) : false
        if !isThere {
          buffer.writeTermAtom("not_found")
        }
      case .leafList:
        let isThere = readable ? try appendLeaf(place, markDefaults: options.markDefaults, &buffer) : false
        if !isThere {
          buffer.writeTermListHeader(count: 0)
          buffer.writeTermListEnd(count: 0)
        }
      case .container:
        let isThere = facts.flags.contains(.presence) ? (readable ? try exists(place) : false) : true
        if !isThere {
          buffer.writeTermAtom("not_found")
        } else {
          writeTag(child, into: &buffer)
          try appendContent(place, options, &count, &buffer)
        }
      default:
        buffer.writeTermAtom("not_found")
      }
    }
  }

  private func writeTag(_ node: NodeID, into buffer: inout ByteBuffer) {
    TagCoding.write(Tag(model.schema[node].name), into: &buffer)
  }

  /// Reads what a tagged list asks for (protocol part 04, GET_VALUES): pairs with `not_found` are filled in, all others stay.
  /// - Parameter positions: list entries may be selected by position (CDB).
  /// - Returns: as many pairs, each tag qualified.
  /// - Throws: NOEXISTS for a list entry that does not exist, BADPATH and BADTYPE for what does not fit the schema.
  public func values(
    _ request: [TaggedValue], at location: Location, _ options: ReadOptions, positions: Bool = false
  ) throws(NSOError) -> [TaggedValue] {
    var walk = TaggedWalk(model, at: location)
    var reply: [TaggedValue] = []
    reply.reserveCapacity(request.count)
    var index = 0
    while index < request.count {
      let pair = request[index]
      let (node, place) = try walk.locate(pair.tag)
      let tag = Tag(model.schema[node].name)
      index += 1
      switch pair.content {
      case .stop:
        try walk.leave(pair.tag)
        reply.append(TaggedValue(tag, .stop))
      case .start where model[node].kind == .list:
        let keys = try walk.keys(of: node, in: request[index...])
        reply.append(TaggedValue(tag, .start))
        for (key, value) in zip(model.schema[node].keys, keys) {
          reply.append(TaggedValue(Tag(model.schema[key].name), .value(value)))
        }
        index += keys.count
        let entry = try walk.enter(entryOf: place, keys)
        guard try exists(entry) else { throw NSOError(.noExists, "\(entry.text(model)) does not exist") }
      case .start:
        walk.enter(place)
        reply.append(TaggedValue(tag, .start))
      case .startAt(let position):
        guard positions else {
          throw NSOError(.protocolUsage, "\(place.text(model)): entries by position are for CDB sessions only")
        }
        walk.enter(try entry(place, at: position))
        reply.append(TaggedValue(tag, .startAt(position)))
      case .value(.notFound):
        reply.append(TaggedValue(tag, try content(node, place, options)))
      case .value, .leaf:
        reply.append(TaggedValue(tag, pair.content))
      case .delete, .movedFirst, .movedAfter:
        throw NSOError(.protocolUsage, "\(place.text(model)): marks of deletions and moves have no meaning in a read")
      }
    }
    try walk.finish()
    return reply
  }

  private func content(
    _ node: NodeID, _ place: Location, _ options: ReadOptions
  ) throws(NSOError) -> TaggedValue.Content {
    let facts = model[node]
    guard !options.hides(facts) else { return .value(.notFound) }
    switch facts.kind {
    case .leaf where facts.flags.contains(.empty) && !facts.isKey, .container:
      return try exists(place) ? .leaf : .value(.notFound)
    case .leaf, .leafList:
      var buffer = ByteBuffer()
      guard try appendLeaf(place, markDefaults: options.markDefaults, &buffer) else { return .value(.notFound) }
      return .value(try decoded(buffer))
    default:
      throw NSOError(.badPath, "\(place.text(model)) is a list: open an entry with its keys to read from it")
    }
  }
}

/// Where a tagged list stands in the tree while it is gone through.
struct TaggedWalk {
  let model: DataModel
  private var open: [(tag: Tag?, location: Location)]

  init(_ model: DataModel, at location: Location) {
    self.model = model
    open = [(nil, location)]
  }

  var current: Location { open.last?.location ?? .root }

  /// The node a pair speaks of: for a stop, what it closes.
  mutating func locate(_ tag: Tag) throws(NSOError) -> (NodeID, Location) {
    if let last = open.last, let closing = last.tag, closing.name == tag.name, let node = last.location.node,
      model.schema.child(of: last.location.node, tag) == nil
    {
      return (node, last.location)
    }
    guard let node = model.schema.child(of: current.node, tag) else {
      throw NSOError(.badPath, "\(current.text(model)) has no child \(tag)")
    }
    guard model.layout.isStored(node) else { throw NSOError(.badPath, "\(current.text(model)): \(tag) is no data node") }
    return (node, current.child(node, model))
  }

  mutating func enter(_ location: Location) {
    open.append((location.node.map { Tag(model.schema[$0].name) }, location))
  }

  mutating func enter(entryOf list: Location, _ keys: [Value]) throws(NSOError) -> Location {
    var builder = LocationBuilder(model, from: list)
    try builder.entry(keys)
    enter(builder.location)
    return builder.location
  }

  mutating func leave(_ tag: Tag) throws(NSOError) {
    guard open.count > 1, let last = open.last, last.tag?.name == tag.name else {
      throw NSOError(.badPath, "\(current.text(model)): the end of \(tag) does not match what was opened last")
    }
    open.removeLast()
  }

  /// The key values that stand right after the opening of a list entry.
  func keys(of list: NodeID, in rest: ArraySlice<TaggedValue>) throws(NSOError) -> [Value] {
    let names = model.schema[list].keys
    var keys: [Value] = []
    for (key, pair) in zip(names, rest) {
      guard pair.tag.name == model.schema[key].name.name, case .value(let value) = pair.content, value != .notFound else {
        break
      }
      keys.append(value)
    }
    guard keys.count == names.count else {
      throw NSOError(
        .badPath,
        "\(current.text(model)): an entry of list \(model.schema[list].name.name) begins with its keys (\(names.map { model.schema[$0].name.name }.joined(separator: " "))) in this order"
      )
    }
    return keys
  }

  func finish() throws(NSOError) {
    guard open.count == 1 else {
      throw NSOError(.badPath, "\(current.text(model)) was opened but not closed")
    }
  }
}
