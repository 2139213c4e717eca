public import ExternalTerm
public import NIOCore
public import NSOModel
import NSOTerms

/// What a client answers to an item of an iteration: a frame of four bytes (protocol part 03, section 8.2).
public enum IterationAnswer: UInt32, Hashable, Sendable {
  /// The daemon forgets the iteration and sends nothing more.
  case stop = 1
  /// On to the children of this node.
  case recurse = 2
  /// Skip the children, on to the next sibling.
  case `continue` = 3
  /// The real answer comes later; the daemon keeps waiting.
  case suspend = 4
  /// Skip the rest of this level.
  case up = 5

  /// Nil unless the frame is exactly such an answer.
  public init?(_ frame: ByteBuffer) {
    guard frame.readableBytes == 4, let word: UInt32 = frame.getInteger(at: frame.readerIndex) else { return nil }
    self.init(rawValue: word)
  }

  public func write(into buffer: inout ByteBuffer) { buffer.writeInteger(rawValue) }
}

/// An item of an iteration over changes or data: a bare term (protocol part 03, section 8.1; part 04, section 5.2). Paths
/// travel leaf first.
public enum IterationItem: Hashable, Sendable {
  case change(Keypath, Change)
  /// ITERATE: a node with its value, nil for nodes without, and its attributes, nil where not asked for.
  case node(Keypath, Value?, [Attribute]?)
  /// The end, success.
  case end
  /// No such transaction, point or node.
  case notFound
  case failure(code: ErrorCode?, reason: Term)
  case badState(reason: Term?)

  public enum Change: Hashable, Sendable {
    case created
    /// The old value only for leafs, on CDB, where asked for.
    case deleted(old: Value?)
    /// Something below this list entry changed.
    case modified
    case valueSet(old: Value?, new: Value)
    /// The entry of a list ordered by user now follows the one with these keys; none: it is first.
    case movedAfter([Value])
    /// Nil: the attribute was deleted.
    case attributeSet(AttributeNumber, Value?)
  }

  public init(_ frame: ByteBuffer) throws(DecodeError) {
    do throws(TermError) {
      self = try ArgumentReader.read(frame) { (reader) throws(TermError) in try IterationItem(&reader) }
    } catch {
      throw DecodeError("iteration item", error, termOffset: 0, frame: frame)
    }
  }

  private init(_ reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    let arity = try reader.terms.readTupleHeader()
    guard arity > 0 else { throw TermError(.expected("an iteration item"), at: place) }
    if try reader.terms.peekKind() == .atom {
      let atom = try reader.terms.readAtomBytes()
      switch arity {
      case 1 where atom.equals("return"): self = .end
      case 1 where atom.equals("error"): self = .notFound
      case 1 where atom.equals("badstate"): self = .badState(reason: nil)
      case 2 where atom.equals("badstate"): self = .badState(reason: try Term.read(from: &reader.terms))
      case 2 where atom.equals("error"): self = .failure(code: nil, reason: try Term.read(from: &reader.terms))
      case 3 where atom.equals("error"):
        let code = ErrorCode(rawValue: try reader.integer())
        self = .failure(code: code, reason: try Term.read(from: &reader.terms))
      default: throw TermError(.expected("an iteration item"), at: place)
      }
      return
    }
    let path = try KeypathCoding.read(&reader.terms, order: .leafFirst)
    switch arity {
    case 3:
      let value = try reader.optional { (reader) throws(TermError) in try reader.value() }
      let attributes = try reader.optional { (reader) throws(TermError) in try AttributeCoding.readList(&reader.terms) }
      self = .node(path, value, attributes)
    case 4: self = .change(path, try Change(&reader))
    default: throw TermError(.expected("an iteration item"), at: place)
    }
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    buffer.writeTermVersion()
    switch self {
    case .change(let path, let change):
      buffer.writeTermTuple(arity: 4)
      KeypathCoding.write(path, order: .leafFirst, into: &buffer)
      change.write(into: &buffer)
    case .node(let path, let value, let attributes):
      buffer.writeTermTuple(arity: 3)
      KeypathCoding.write(path, order: .leafFirst, into: &buffer)
      buffer.writeTermOptional(value)
      if let attributes { AttributeCoding.writeList(attributes, into: &buffer) } else { buffer.writeTermUndefined() }
    case .end: writeTuple("return", into: &buffer)
    case .notFound: writeTuple("error", into: &buffer)
    case .failure(nil, let reason): writeTuple("error", reason, into: &buffer)
    case .failure(let code?, let reason):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermAtom("error" as StaticString)
      buffer.writeTermInteger(code.rawValue)
      buffer.writeTerm(reason)
    case .badState(nil): writeTuple("badstate", into: &buffer)
    case .badState(let reason?): writeTuple("badstate", reason, into: &buffer)
    }
  }

  private func writeTuple(_ name: StaticString, _ reason: Term? = nil, into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: reason == nil ? 1 : 2)
    buffer.writeTermAtom(name)
    if let reason { buffer.writeTerm(reason) }
  }

  /// A daemon's error as an item; the message goes without NUL.
  public init(_ error: NSOError) { self = .failure(code: error.code, reason: .text(error.message)) }
}

extension IterationItem.Change {
  /// The numbers of protocol part 03, section 4.
  private enum Operation: Int {
    case created = 1
    case deleted, modified, valueSet, movedAfter, attributeSet
  }

  fileprivate init(_ reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    guard let operation = Operation(rawValue: try reader.integer()) else {
      throw TermError(.range("1...6, the changes"), at: place)
    }
    let old = try reader.optional { (reader) throws(TermError) in try reader.value() }
    switch operation {
    case .created:
      try reader.terms.skip()
      self = .created
    case .deleted:
      try reader.terms.skip()
      self = .deleted(old: old)
    case .modified:
      try reader.terms.skip()
      self = .modified
    case .valueSet: self = .valueSet(old: old, new: try reader.value())
    case .movedAfter: self = .movedAfter(try reader.keys())
    case .attributeSet:
      try reader.tuple(2)
      let number = AttributeNumber(rawValue: try reader.integer())
      self = .attributeSet(number, try reader.optional { (reader) throws(TermError) in try reader.value() })
    }
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    switch self {
    case .created: write(.created, old: nil, into: &buffer) { $0.writeTermUndefined() }
    case .deleted(let old): write(.deleted, old: old, into: &buffer) { $0.writeTermUndefined() }
    case .modified: write(.modified, old: nil, into: &buffer) { $0.writeTermUndefined() }
    case .valueSet(let old, let new): write(.valueSet, old: old, into: &buffer) { ValueCoding.write(new, into: &$0) }
    case .movedAfter(let keys): write(.movedAfter, old: nil, into: &buffer) { ValueCoding.writeKeys(keys, into: &$0) }
    case .attributeSet(let number, let value):
      write(.attributeSet, old: nil, into: &buffer) {
        $0.writeTermTuple(arity: 2)
        $0.writeTermInteger(number.rawValue)
        $0.writeTermOptional(value)
      }
    }
  }

  private func write(
    _ operation: Operation, old: Value?, into buffer: inout ByteBuffer, _ new: (inout ByteBuffer) -> Void
  ) {
    buffer.writeTermInteger(operation.rawValue)
    buffer.writeTermOptional(old)
    new(&buffer)
  }
}

extension ByteBuffer {
  /// A value, or `'undefined'`.
  mutating func writeTermOptional(_ value: Value?) {
    if let value { ValueCoding.write(value, into: &self) } else { writeTermUndefined() }
  }
}

/// An item of an XPath evaluation: a bare term after the op reply (protocol part 04, section 5.3).
public enum XPathItem: Hashable, Sendable {
  case trace(String)
  /// XPATH_EVAL: one node; answered with `continue` or `stop`.
  case node(Keypath, Value?)
  /// XPATH_EVAL: the end.
  case end
  /// XPATH_EVAL_EXPR: the result, which ends the exchange.
  case result(String)
  case failure(String)

  public init(_ frame: ByteBuffer) throws(DecodeError) {
    do throws(TermError) {
      self = try ArgumentReader.read(frame) { (reader) throws(TermError) in
        let place = reader.terms.offset
        let arity = try reader.terms.readTupleHeader()
        guard arity == 1 || arity == 2 else { throw TermError(.expected("an XPath item"), at: place) }
        if try reader.terms.peekKind() == .list {
          guard arity == 2 else { throw TermError(.expected("an XPath item"), at: place) }
          let path = try KeypathCoding.read(&reader.terms, order: .leafFirst)
          return .node(path, try reader.optional { (reader) throws(TermError) in try reader.value() })
        }
        let atom = try reader.terms.readAtomBytes()
        if arity == 1, atom.equals("return") { return .end }
        if arity == 2, atom.equals("trace") { return .trace(try reader.text()) }
        if arity == 2, atom.equals("ok") { return .result(try reader.text()) }
        if arity == 2, atom.equals("error") { return .failure(try reader.text()) }
        throw TermError(.expected("an XPath item"), at: place)
      }
    } catch {
      throw DecodeError("XPath item", error, termOffset: 0, frame: frame)
    }
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    buffer.writeTermVersion()
    switch self {
    case .trace(let text): write("trace", text, into: &buffer)
    case .result(let text): write("ok", text, into: &buffer)
    case .failure(let text): write("error", text, into: &buffer)
    case .end:
      buffer.writeTermTuple(arity: 1)
      buffer.writeTermAtom("return" as StaticString)
    case .node(let path, let value):
      buffer.writeTermTuple(arity: 2)
      KeypathCoding.write(path, order: .leafFirst, into: &buffer)
      buffer.writeTermOptional(value)
    }
  }

  private func write(_ name: StaticString, _ text: String, into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermAtom(name)
    buffer.writeTermBinary(text)
  }
}
