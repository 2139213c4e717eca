import ExternalTerm
public import NIOCore
public import NSOModel
import NSOTerms

/// Orders to a node of a cluster, after the frame with the raw token (protocol part 06, section 8).
extension HAOrder {
  public init(_ frame: ByteBuffer) throws(DecodeError) {
    do throws(TermError) {
      self = try ArgumentReader.read(frame) { (reader) throws(TermError) in try HAOrder(&reader) }
    } catch {
      throw DecodeError("HA order", error, termOffset: 0, frame: frame)
    }
  }

  private init(_ reader: inout ArgumentReader) throws(TermError) {
    let start = reader.terms.offset
    let arity = try reader.terms.readTupleHeader()
    let number: Int = try reader.integer()
    switch (number, arity) {
    case (1, 2): self = .bePrimary(node: try reader.value())
    case (2, 4):
      let node = try reader.value()
      let primary = try HANode(&reader)
      self = .beSecondary(node: node, primary: primary, waits: try reader.integer(Int.self) != 0)
    case (3, 1): self = .beNone
    case (4, 1): self = .getStatus
    case (5, 2): self = .secondaryDead(node: try reader.value())
    case (6, 1): self = .beRelay
    default: throw TermError(.expected("an HA order; \(number) with \(arity) elements is none"), at: start)
    }
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    buffer.writeTermVersion()
    switch self {
    case .beNone, .getStatus, .beRelay: buffer.writeTermTuple(arity: 1)
    case .bePrimary, .secondaryDead: buffer.writeTermTuple(arity: 2)
    case .beSecondary: buffer.writeTermTuple(arity: 4)
    }
    buffer.writeTermInteger(number)
    switch self {
    case .beNone, .getStatus, .beRelay: break
    case .bePrimary(let node), .secondaryDead(let node): ValueCoding.write(node, into: &buffer)
    case .beSecondary(let node, let primary, let waits):
      ValueCoding.write(node, into: &buffer)
      primary.write(into: &buffer)
      buffer.writeTermInteger(waits ? 1 : 0)
    }
  }
}

/// What the daemon answers to an order.
public enum HAReply: Hashable, Sendable {
  case ok
  case status(HAStatus)
  case failure(NSOError)

  public init(_ frame: ByteBuffer) throws(DecodeError) {
    do throws(TermError) {
      self = try ArgumentReader.read(frame) { (reader) throws(TermError) in try HAReply(&reader) }
    } catch {
      throw DecodeError("HA reply", error, termOffset: 0, frame: frame)
    }
  }

  private init(_ reader: inout ArgumentReader) throws(TermError) {
    guard try reader.terms.peekKind() == .tuple else {
      try reader.marker("ok")
      self = .ok
      return
    }
    let arity = try reader.terms.readTupleHeader()
    if arity == 3, try reader.terms.peekKind() == .atom {
      try reader.marker("error")
      let code = ErrorCode(rawValue: try reader.integer())
      self = .failure(NSOError(code, try reader.text()))
      return
    }
    guard arity == 2 else { throw reader.terms.error(.expected("a status")) }
    let role: HARole = try reader.kind()
    self = .status(HAStatus(role, nodes: try reader.list { (reader) throws(TermError) in try HANode(&reader) }))
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    switch self {
    case .failure(let error): buffer.writeBareError(error)
    case .ok:
      buffer.writeTermVersion()
      buffer.writeTermAtom("ok" as StaticString)
    case .status(let status):
      buffer.writeTermVersion()
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermInteger(status.role.rawValue)
      buffer.writeTermList(status.nodes) { $1.write(into: &$0) }
    }
  }
}

extension HANode {
  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(2)
    let id = try reader.value()
    guard try reader.terms.peekKind() == .tuple else {
      self.init(id: id, address: .name(try reader.text()))
      return
    }
    self.init(id: id, address: .address(try reader.address()))
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    ValueCoding.write(id, into: &buffer)
    switch address {
    case .address(let address): buffer.writeTermAddress(address)
    case .name(let name): buffer.writeTermBinary(name)
    }
  }
}

extension HAInfo {
  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(2)
    let place = reader.terms.offset
    switch try reader.integer(Int.self) {
    case 1: self = .noPrimary(ErrorCode(rawValue: try reader.integer()))
    case 2: self = .secondaryDied(try HANode(&reader))
    case 3: self = .secondaryArrived(try HANode(&reader))
    case 4: self = .secondaryInitialized(copied: try reader.integer(Int.self) != 0)
    case 5:
      try reader.terms.skip()
      self = .isPrimary
    case 6:
      try reader.terms.skip()
      self = .isNone
    case 7:
      let code: UInt32 = try reader.integer()
      self = .beSecondaryResult(code == 0 ? nil : ErrorCode(rawValue: code))
    case let number: throw TermError(.expected("HA information; \(number) is none"), at: place)
    }
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    switch self {
    case .noPrimary(let code): buffer.writePair(1, code.rawValue)
    case .secondaryDied(let node):
      buffer.writeTermInteger(2)
      node.write(into: &buffer)
    case .secondaryArrived(let node):
      buffer.writeTermInteger(3)
      node.write(into: &buffer)
    case .secondaryInitialized(let copied): buffer.writePair(4, copied ? 1 : 0)
    // The content of these two is not determined.
    case .isPrimary: buffer.writePair(5, 0)
    case .isNone: buffer.writePair(6, 0)
    case .beSecondaryResult(let code): buffer.writePair(7, code?.rawValue ?? 0)
    }
  }
}

extension ByteBuffer {
  fileprivate mutating func writePair(_ type: Int, _ data: UInt32) {
    writeTermInteger(type)
    writeTermInteger(data)
  }
}
