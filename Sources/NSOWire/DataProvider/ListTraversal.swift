public import ExternalTerm
import NIOCore
public import NSOModel
import NSOTerms

/// `{TravId, N}`: where a walk through a list stands, chosen by the client, good for one use (protocol part 05, section 8).
public struct TraversalMarker: Hashable, Sendable {
  /// Unique per walk within the transaction.
  public var traversal: Int64
  public var number: Int64

  public init(traversal: Int64, number: Int64) {
    self.traversal = traversal
    self.number = number
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(2)
    traversal = try reader.integer()
    number = try reader.integer()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermInteger(traversal)
    buffer.writeTermInteger(number)
  }
}

/// How a walk goes on after an entry: the Next of a reply.
public struct Continuation: Hashable, Sendable {
  public enum Next: Hashable, Sendable {
    /// -1: find the entry after the keys just received.
    case byKeys
    /// With number -1 in batches: as `byKeys`, and which walk it is.
    case marker(TraversalMarker)
  }

  public var next: Next
  /// The client promises that all entries of this walk match the filter.
  public var isFiltered: Bool

  public init(_ next: Next, isFiltered: Bool = false) {
    self.next = next
    self.isFiltered = isFiltered
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    if try reader.terms.peekKind() == .integer {
      self.init(try Self.readByKeys(&reader))
      return
    }
    var ahead = reader
    try ahead.tuple(2)
    guard try ahead.takesMarker("filtered") else {
      self.init(.marker(try TraversalMarker(&reader)))
      return
    }
    reader = ahead
    if try reader.terms.peekKind() == .integer {
      self.init(try Self.readByKeys(&reader), isFiltered: true)
    } else {
      self.init(.marker(try TraversalMarker(&reader)), isFiltered: true)
    }
  }

  private static func readByKeys(_ reader: inout ArgumentReader) throws(TermError) -> Next {
    let place = reader.terms.offset
    guard try reader.integer(Int64.self) == -1 else { throw TermError(.expected("-1 or a marker of two numbers"), at: place) }
    return .byKeys
  }

  func write(into buffer: inout ByteBuffer) {
    if isFiltered {
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("filtered" as StaticString)
    }
    switch next {
    case .byKeys: buffer.writeTermInteger(-1)
    case .marker(let marker): marker.write(into: &buffer)
    }
  }
}

/// The filter of a list request: its fourth argument.
public enum FilterArgument: Hashable, Sendable {
  /// No fourth argument: the client did not ask for filters.
  case absent
  /// `'undefined'`
  case none
  case filter(ListFilter)

  /// - Parameter count: how many arguments there are.
  init(_ count: Int, _ reader: inout ArgumentReader) throws(TermError) {
    if count == 3 {
      self = .absent
    } else if try reader.takesMarker("undefined") {
      self = .none
    } else {
      self = .filter(try ListFilter(&reader, depth: 1))
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .absent: break
    case .none: buffer.writeTermUndefined()
    case .filter(let filter): filter.write(into: &buffer)
    }
  }
}

/// GET_NEXT and GET_NEXT_OBJECT: `[Path, Prev, SecIndex]`, with a filter `[.., Filter]`.
public struct NextRequest: Hashable, Sendable {
  /// The list, or leaf-list, without keys.
  public var path: Keypath
  /// Nil: the first entry.
  public var previous: TraversalMarker?
  /// A secondary index; empty: none.
  public var index: String
  public var filter: FilterArgument

  public init(_ path: Keypath, after previous: TraversalMarker?, index: String = "", filter: FilterArgument = .absent) {
    self.path = path
    self.previous = previous
    self.index = index
    self.filter = filter
  }

  init(_ count: Int, _ reader: inout ArgumentReader) throws(TermError) {
    path = try reader.reversedPath()
    if try reader.terms.peekKind() == .integer {
      _ = try reader.integer(Int64.self)
      previous = nil
    } else {
      previous = try TraversalMarker(&reader)
    }
    index = try reader.name()
    filter = try FilterArgument(count, &reader)
  }

  var count: Int { filter == .absent ? 3 : 4 }

  func write(into buffer: inout ByteBuffer) {
    KeypathCoding.write(path, order: .leafFirst, into: &buffer)
    if let previous { previous.write(into: &buffer) } else { buffer.writeTermInteger(-1) }
    buffer.writeTermAtom(index)
    filter.write(into: &buffer)
  }
}

/// FIND_NEXT and FIND_NEXT_OBJECT: `[Path, Find, SecIndex]`, with a filter `[.., Filter]`.
public struct FindRequest: Hashable, Sendable {
  public var path: Keypath
  /// The entry itself counts, when all keys are given and it exists.
  public var includesSame: Bool
  /// Leading keys, none: from the start. With a secondary index: values of its leafs.
  public var keys: [Value]
  /// The walk that it is part of; nil starts a new one.
  public var traversal: Int64?
  public var index: String
  public var filter: FilterArgument

  public init(
    _ path: Keypath, keys: [Value], includesSame: Bool, traversal: Int64? = nil, index: String = "",
    filter: FilterArgument = .absent
  ) {
    self.path = path
    self.keys = keys
    self.includesSame = includesSame
    self.traversal = traversal
    self.index = index
    self.filter = filter
  }

  init(_ count: Int, _ reader: inout ArgumentReader) throws(TermError) {
    path = try reader.reversedPath()
    let arity = try reader.terms.readTupleHeader()
    guard arity == 2 || arity == 3 else { throw reader.terms.error(.expected("how to find and the keys")) }
    includesSame = try reader.integer(Int.self) == 1
    keys = try reader.keys()
    traversal = arity == 3 ? try reader.integer() : nil
    index = try reader.name()
    filter = try FilterArgument(count, &reader)
  }

  var count: Int { filter == .absent ? 3 : 4 }

  func write(into buffer: inout ByteBuffer) {
    KeypathCoding.write(path, order: .leafFirst, into: &buffer)
    buffer.writeTermTuple(arity: traversal == nil ? 2 : 3)
    buffer.writeTermInteger(includesSame ? 1 : 0)
    ValueCoding.writeKeys(keys, into: &buffer)
    if let traversal { buffer.writeTermInteger(traversal) }
    buffer.writeTermAtom(index)
    filter.write(into: &buffer)
  }
}

/// A filter of list entries (protocol part 05, section 8.4). Nodes are relative to the entry, outermost first.
public indirect enum ListFilter: Hashable, Sendable {
  public enum Comparison: Int, Hashable, Sendable {
    case none = 0
    case equal, notEqual, greater, greaterOrEqual, less, lessOrEqual
  }

  public enum Function: Int, Hashable, Sendable {
    case startsWith = 7
    case matches = 8
    case derivedFrom = 9
    case derivedFromOrSelf = 10
  }

  case or(ListFilter, ListFilter)
  case and(ListFilter, ListFilter)
  case not(ListFilter)
  /// The value in its text form.
  case compare(Comparison, [Tag], Value)
  case exists([Tag])
  case call(Function, [Tag], Value)
  case origin(Value)
  /// Not determined by the sources; as it came.
  case other(EncodedTerm)

  private static var maximumDepth: Int { 64 }

  init(_ reader: inout ArgumentReader, depth: Int) throws(TermError) {
    guard depth <= Self.maximumDepth else { throw reader.terms.error(.tooDeep) }
    let start = reader
    let count = try reader.terms.readTupleHeader()
    guard count > 0 else { throw reader.terms.error(.expected("a filter")) }
    switch (try reader.integer(Int.self), count) {
    case (0, 3):
      let left = try ListFilter(&reader, depth: depth + 1)
      self = .or(left, try ListFilter(&reader, depth: depth + 1))
      return
    case (1, 3):
      let left = try ListFilter(&reader, depth: depth + 1)
      self = .and(left, try ListFilter(&reader, depth: depth + 1))
      return
    case (2, 2):
      self = .not(try ListFilter(&reader, depth: depth + 1))
      return
    case (3, 4):
      if let comparison = Comparison(rawValue: try reader.integer()) {
        let node = try Self.readNode(&reader)
        self = .compare(comparison, node, try reader.value())
        return
      }
    case (4, 2):
      self = .exists(try Self.readNode(&reader))
      return
    case (5, 4):
      if let function = Function(rawValue: try reader.integer()) {
        let node = try Self.readNode(&reader)
        self = .call(function, node, try reader.value())
        return
      }
    case (6, 2):
      self = .origin(try reader.value())
      return
    default: break
    }
    reader = start
    self = .other(try reader.term())
  }

  private static func readNode(_ reader: inout ArgumentReader) throws(TermError) -> [Tag] {
    try reader.list { (reader) throws(TermError) in try TagCoding.read(&reader.terms) }.reversed()
  }

  func write(into buffer: inout ByteBuffer) {
    func head(_ arity: Int, _ number: Int) {
      buffer.writeTermTuple(arity: arity)
      buffer.writeTermInteger(number)
    }
    func node(_ tags: [Tag]) { buffer.writeTermList(tags.reversed()) { TagCoding.write($1, into: &$0) } }
    switch self {
    case .or(let left, let right):
      head(3, 0)
      left.write(into: &buffer)
      right.write(into: &buffer)
    case .and(let left, let right):
      head(3, 1)
      left.write(into: &buffer)
      right.write(into: &buffer)
    case .not(let filter):
      head(2, 2)
      filter.write(into: &buffer)
    case .compare(let comparison, let tags, let value):
      head(4, 3)
      buffer.writeTermInteger(comparison.rawValue)
      node(tags)
      ValueCoding.write(value, into: &buffer)
    case .exists(let tags):
      head(2, 4)
      node(tags)
    case .call(let function, let tags, let value):
      head(4, 5)
      buffer.writeTermInteger(function.rawValue)
      node(tags)
      ValueCoding.write(value, into: &buffer)
    case .origin(let value):
      head(2, 6)
      ValueCoding.write(value, into: &buffer)
    case .other(let term): buffer.writeTerm(term)
    }
  }
}
