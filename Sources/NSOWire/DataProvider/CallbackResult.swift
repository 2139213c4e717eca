public import ExternalTerm
public import NIOCore
public import NSOModel
import NSOTerms

/// What a callback answered (protocol part 05, sections 7 to 10 and 14).
public enum CallbackResult: Hashable, Sendable {
  /// get_elem: `.notFound` and `.defaultInEffect` included.
  case value(Value)
  case existence(Existence)
  /// get_next, find_next; nil: the end of the list.
  case nextKey(NextKey?)
  case count(Int64)
  /// get_object; nil: it does not exist.
  case object(ProviderObject?)
  /// get_next_object, find_next_object.
  case nextObjects(NextObjects)
  case choiceCase(ChoiceAnswer)
  /// Nil: the node does not exist.
  case attributes([Attribute]?)
  /// A write, or a validation without complaint.
  case ok
  /// A validation that is good but for this.
  case warning(String)
  /// Nil: no output.
  case actionOutput([TaggedValue]?)
  case commandOutput([String]?)
  case completions([Completion]?)
  case properties([ServiceProperty])
  case other(EncodedTerm)
}

/// The answer of exists_optional, in one of its spellings.
public enum Existence: Hashable, Sendable {
  /// `true` and `false`
  case bool(Bool)
  /// 1 and `'not_found'`
  case found(Bool)

  public var exists: Bool {
    switch self {
    case .bool(let exists), .found(let exists): exists
    }
  }
}

/// An entry of a list by its keys (leaf-list: its value) and how to go on after it.
public struct NextKey: Hashable, Sendable {
  public var continuation: Continuation
  public var keys: [Value]

  public init(_ keys: [Value], _ continuation: Continuation) {
    self.keys = keys
    self.continuation = continuation
  }
}

/// The leafs of a container or list entry (protocol part 05, section 7.2).
public enum ProviderObject: Hashable, Sendable {
  /// All children in schema order, depth first.
  case values([Value])
  /// Those that exist.
  case tagged([TaggedValue])

  init(_ reader: inout ArgumentReader) throws(TermError) {
    if try reader.terms.peekKind() == .tuple {
      self = .tagged(try reader.tagged())
    } else {
      self = .values(try ValueCoding.readArray(&reader.terms))
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .values(let values): ValueCoding.writeArray(values, into: &buffer)
    case .tagged(let values): TaggedValueCoding.write(values, wrapped: true, into: &buffer)
    }
  }
}

/// The answer of get_next_object and find_next_object.
public enum NextObjects: Hashable, Sendable {
  public struct Item: Hashable, Sendable {
    public var object: ProviderObject
    public var continuation: Continuation

    public init(_ object: ProviderObject, _ continuation: Continuation) {
      self.object = object
      self.continuation = continuation
    }

    init(_ reader: inout ArgumentReader) throws(TermError) {
      try reader.tuple(2)
      continuation = try Continuation(&reader)
      object = try ProviderObject(&reader)
    }

    func write(into buffer: inout ByteBuffer) {
      buffer.writeTermTuple(arity: 2)
      continuation.write(into: &buffer)
      object.write(into: &buffer)
    }
  }

  case end
  case one(Item)
  /// - `isLast`: nothing comes after these.
  /// - `milliseconds`: how long they may be kept; 0: as configured.
  case batch([Item], isLast: Bool, milliseconds: Int64)

  init(_ reader: inout ArgumentReader) throws(TermError) {
    if try reader.takesMarker("false") {
      self = .end
      return
    }
    var ahead = reader
    try ahead.tuple(2)
    guard try ahead.terms.peekKind() == .list else {
      self = .one(try Item(&reader))
      return
    }
    reader = ahead
    let header = try reader.terms.readListHeader()
    var items: [Item] = []
    items.reserveCapacity(min(header.count, 1024))
    var isLast = false
    for index in 0..<header.count {
      if index == header.count - 1, try reader.takesMarker("false") {
        isLast = true
      } else {
        items.append(try Item(&reader))
      }
    }
    try reader.terms.readListEnd(header)
    self = .batch(items, isLast: isLast, milliseconds: try reader.integer())
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .end: buffer.writeTermBool(false)
    case .one(let item): item.write(into: &buffer)
    case .batch(let items, let isLast, let milliseconds):
      buffer.writeTermTuple(arity: 2)
      let count = items.count + (isLast ? 1 : 0)
      buffer.writeTermListHeader(count: count)
      for item in items { item.write(into: &buffer) }
      if isLast { buffer.writeTermBool(false) }
      buffer.writeTermListEnd(count: count)
      buffer.writeTermInteger(milliseconds)
    }
  }
}

/// The answer of get_case.
public enum ChoiceAnswer: Hashable, Sendable {
  case chosen(Tag)
  case none
  /// The default case is in effect.
  case defaultInEffect
}

/// One line of a completion.
public enum Completion: Hashable, Sendable {
  case alternative(WireText)
  case info(WireText)
  case description(WireText)
  /// What the daemon itself would offer; alone.
  case byDefault

  init(_ reader: inout ArgumentReader) throws(TermError) {
    switch try reader.terms.peekKind() {
    case .atom:
      try reader.marker("default")
      self = .byDefault
    case .tuple:
      try reader.tuple(2)
      if try reader.takesMarker("info") {
        self = .info(try reader.wireText())
      } else {
        try reader.marker("desc")
        self = .description(try reader.wireText())
      }
    default: self = .alternative(try reader.wireText())
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .alternative(let text): buffer.writeTerm(text)
    case .info(let text):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("info" as StaticString)
      buffer.writeTerm(text)
    case .description(let text):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("desc" as StaticString)
      buffer.writeTerm(text)
    case .byDefault: buffer.writeTermAtom("default" as StaticString)
    }
  }
}

// MARK: - Coding

extension CallbackResult {
  /// What `term` says as the answer of a callback of this type.
  /// - Throws: `.expected` and others, when it is no such answer.
  public init(_ term: EncodedTerm, for type: CallbackType) throws(TermError) {
    self = try term.withReader { (terms) throws(TermError) -> CallbackResult in
      var reader = ArgumentReader(terms: terms, buffer: term.bytes)
      let result = try Self.read(type, &reader)
      try reader.terms.expectEnd()
      return result
    }
  }

  private static func read(_ type: CallbackType, _ reader: inout ArgumentReader) throws(TermError) -> CallbackResult {
    switch type {
    case .getElem: return .value(try reader.value())
    case .existsOptional:
      if try reader.takesMarker("not_found") { return .existence(.found(false)) }
      if try reader.terms.peekKind() == .integer {
        let place = reader.terms.offset
        let number: Int64 = try reader.integer()
        guard number == 0 || number == 1 else { throw TermError(.expected("1, true, false or not_found"), at: place) }
        return .existence(.found(number == 1))
      }
      return .existence(.bool(try reader.bool()))
    case .getNext, .findNext:
      if try reader.takesMarker("false") { return .nextKey(nil) }
      try reader.tuple(2)
      let continuation = try Continuation(&reader)
      return .nextKey(NextKey(try reader.keys(), continuation))
    case .numInstances: return .count(try reader.integer())
    case .getObject: return .object(try reader.takesMarker("not_found") ? nil : try ProviderObject(&reader))
    case .getNextObject, .findNextObject: return .nextObjects(try NextObjects(&reader))
    case .getCase:
      if try reader.takesMarker("not_found") { return .choiceCase(.none) }
      if try reader.takesMarker("default") { return .choiceCase(.defaultInEffect) }
      return .choiceCase(.chosen(try TagCoding.read(&reader.terms)))
    case .getAttributes:
      return .attributes(try reader.takesMarker("not_found") ? nil : try AttributeCoding.readList(&reader.terms))
    case .setElem, .create, .remove, .setCase, .setAttribute, .moveAfter, .writeAll: return try readOK(&reader)
    case .validate:
      guard try reader.terms.peekKind() == .tuple else { return try readOK(&reader) }
      try reader.tuple(2)
      try reader.marker("warning")
      return .warning(try reader.text())
    case .action:
      if try reader.takesEmptyTuple() { return .actionOutput(nil) }
      return .actionOutput(try reader.tagged())
    case .command:
      if try reader.takesEmptyTuple() { return .commandOutput(nil) }
      return .commandOutput(try reader.texts())
    case .completion:
      if try reader.takesEmptyTuple() { return .completions(nil) }
      return .completions(try reader.list { (reader) throws(TermError) in try Completion(&reader) })
    case .preModification, .postModification, .serviceCreate, .nanoCreate, .nanoDelete:
      return .properties(try reader.properties())
    case .actionSync: return .other(try reader.term())
    }
  }

  /// The integer 0; an `'ok'` is taken too.
  private static func readOK(_ reader: inout ArgumentReader) throws(TermError) -> CallbackResult {
    if try reader.takesMarker("ok") { return .ok }
    let place = reader.terms.offset
    guard try reader.integer(Int64.self) == 0 else { throw TermError(.expected("0"), at: place) }
    return .ok
  }

  public func write(into buffer: inout ByteBuffer) {
    switch self {
    case .value(let value): ValueCoding.write(value, into: &buffer)
    case .existence(.bool(let exists)): buffer.writeTermBool(exists)
    case .existence(.found(true)): buffer.writeTermInteger(1)
    case .existence(.found(false)), .object(nil), .choiceCase(.none), .attributes(nil):
      buffer.writeTermAtom("not_found" as StaticString)
    case .nextKey(nil): buffer.writeTermBool(false)
    case .nextKey(let next?):
      buffer.writeTermTuple(arity: 2)
      next.continuation.write(into: &buffer)
      ValueCoding.writeKeys(next.keys, into: &buffer)
    case .count(let count): buffer.writeTermInteger(count)
    case .object(let object?): object.write(into: &buffer)
    case .nextObjects(let objects): objects.write(into: &buffer)
    case .choiceCase(.chosen(let tag)): TagCoding.write(tag, into: &buffer)
    case .choiceCase(.defaultInEffect): buffer.writeTermAtom("default" as StaticString)
    case .attributes(let attributes?): AttributeCoding.writeList(attributes, into: &buffer)
    case .ok: buffer.writeTermInteger(0)
    case .warning(let text):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("warning" as StaticString)
      buffer.writeTermBinary(text)
    case .actionOutput(nil), .commandOutput(nil), .completions(nil): buffer.writeTermTuple(arity: 0)
    case .actionOutput(let values?): TaggedValueCoding.write(values, wrapped: true, into: &buffer)
    case .commandOutput(let lines?): buffer.writeTermTexts(lines)
    case .completions(let completions?): buffer.writeTermList(completions) { $1.write(into: &$0) }
    case .properties(let properties): buffer.writeTermProperties(properties)
    case .other(let term): buffer.writeTerm(term)
    }
  }
}

extension ArgumentReader {
  /// Goes past `{}`, if it comes next.
  fileprivate mutating func takesEmptyTuple() throws(TermError) -> Bool {
    guard try terms.peekKind() == .tuple else { return false }
    var ahead = terms
    guard try ahead.readTupleHeader() == 0 else { return false }
    terms = ahead
    return true
  }
}
