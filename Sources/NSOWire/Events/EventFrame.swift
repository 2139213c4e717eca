public import ExternalTerm
public import NIOCore
public import NSOModel
import NSOTerms

/// A frame that the daemon sends to an event subscriber after its `'ok'` (protocol part 06, section 5): one bare term.
public enum EventFrame: Hashable, Sendable {
  case event(DaemonEvent)
  /// An error in place of an event: the subscription is over.
  case failure(NSOError)
  /// An event whose shape is not determined (SNMPA, CALL_HOME_INFO), or that is not known.
  case undetermined(EventMask, Term)

  public init(_ frame: ByteBuffer) throws(DecodeError) {
    do throws(TermError) {
      self = try ArgumentReader.read(frame) { (reader) throws(TermError) in try EventFrame(&reader) }
    } catch {
      throw DecodeError("event", error, termOffset: 0, frame: frame)
    }
  }

  private init(_ reader: inout ArgumentReader) throws(TermError) {
    let start = reader.terms
    let arity = try reader.terms.readTupleHeader()
    if try reader.terms.peekKind() == .atom {
      self = .failure(try Self.readFailure(arity, &reader))
      return
    }
    let kind = EventMask(rawValue: try reader.integer())
    if let event = try DaemonEvent.read(kind, arity, &reader) {
      self = .event(event)
    } else {
      reader.terms = start
      self = .undetermined(kind, try Term.read(from: &reader.terms))
    }
  }

  private static func readFailure(_ arity: Int, _ reader: inout ArgumentReader) throws(TermError) -> NSOError {
    guard arity == 3 else { throw reader.terms.error(.expected("an event or an error")) }
    try reader.marker("error")
    let code = ErrorCode(rawValue: try reader.integer())
    return NSOError(code, try reader.text())
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    switch self {
    case .event(let event): event.write(into: &buffer)
    case .failure(let error): buffer.writeBareError(error)
    case .undetermined(_, let term):
      buffer.writeTermVersion()
      buffer.writeTerm(term)
    }
  }
}

extension EventSubscription {
  /// The first frame of a subscriber. A bare mask, or a tuple that ends early, is taken too.
  public init(_ frame: ByteBuffer) throws(DecodeError) {
    do throws(TermError) {
      self = try ArgumentReader.read(frame) { (reader) throws(TermError) in try EventSubscription(&reader) }
    } catch {
      throw DecodeError("event subscription", error, termOffset: 0, frame: frame)
    }
  }

  private init(_ reader: inout ArgumentReader) throws(TermError) {
    guard try reader.terms.peekKind() == .tuple else {
      self.init(EventMask(rawValue: try reader.integer()))
      return
    }
    let start = reader.terms.offset
    let arity = try reader.terms.readTupleHeader()
    guard (1...5).contains(arity) else { throw TermError(.expected("a tuple of 5"), at: start) }
    self.init(EventMask(rawValue: try reader.integer()))
    if arity > 1 { heartbeatInterval = try reader.integer() }
    if arity > 2 { healthCheckInterval = try reader.integer() }
    if arity > 3 { stream = try reader.optional { (reader) throws(TermError) in try Stream(&reader) } }
    if arity > 4 { verbosity = try reader.integer() }
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    buffer.writeTermVersion()
    buffer.writeTermTuple(arity: 5)
    buffer.writeTermInteger(mask.rawValue)
    buffer.writeTermInteger(heartbeatInterval)
    buffer.writeTermInteger(healthCheckInterval)
    if let stream { stream.write(into: &buffer) } else { buffer.writeTermUndefined() }
    buffer.writeTermInteger(verbosity)
  }
}

extension EventSubscription.Stream {
  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(6)
    self.init(name: try reader.name())
    start = try reader.optional { (reader) throws(TermError) in try reader.dateTime() }
    stop = try reader.optional { (reader) throws(TermError) in try reader.dateTime() }
    filter = try reader.optionalText()
    session = try reader.integer()
    usesKeypathTerms = try reader.integer()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 6)
    buffer.writeTermAtom(name)
    for time in [start, stop] {
      if let time { ValueCoding.write(.dateTime(time), into: &buffer) } else { buffer.writeTermUndefined() }
    }
    buffer.writeTermOptional(filter)
    buffer.writeTermInteger(session)
    buffer.writeTermInteger(usesKeypathTerms)
  }
}

extension EventAcknowledgement {
  /// Nil for a frame that is no acknowledgement: such frames are ignored (protocol part 06, section 6).
  public init?(_ frame: ByteBuffer) {
    let decoded = try? ArgumentReader.read(frame) { (reader) throws(TermError) -> EventAcknowledgement in
      try reader.tuple(2)
      let id: Int32 = try reader.integer()
      switch try reader.name() {
      case "done": return .commitDiff(transaction: id)
      case "synced": return .audit(session: id)
      case "audit_network_sync": return .auditNetwork(session: id)
      case "ha_synced": return .ha
      default: throw reader.terms.error(.expected("an acknowledgement"))
      }
    }
    guard let decoded else { return nil }
    self = decoded
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    buffer.writeTermVersion()
    buffer.writeTermTuple(arity: 2)
    switch self {
    case .commitDiff(let transaction):
      buffer.writeTermInteger(transaction)
      buffer.writeTermAtom("done" as StaticString)
    case .audit(let session):
      buffer.writeTermInteger(session)
      buffer.writeTermAtom("synced" as StaticString)
    case .auditNetwork(let session):
      buffer.writeTermInteger(session)
      buffer.writeTermAtom("audit_network_sync" as StaticString)
    case .ha:
      buffer.writeTermInteger(0)
      buffer.writeTermAtom("ha_synced" as StaticString)
    }
  }
}

extension ArgumentReader {
  /// A kind by its number.
  mutating func kind<Kind: RawRepresentable>(_ type: Kind.Type = Kind.self) throws(TermError) -> Kind
  where Kind.RawValue == Int {
    let place = terms.offset
    let number: Int = try integer()
    guard let kind = Kind(rawValue: number) else { throw TermError(.expected("a known kind; \(number) is none"), at: place) }
    return kind
  }
}
