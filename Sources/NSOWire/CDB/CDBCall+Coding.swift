import ExternalTerm
public import NIOCore
import NSOModel
import NSOTerms

extension CDBCall {
  /// The request in a frame's payload. Operations without message come as `.unknown`; the argument of the others must be
  /// what the operation takes, and use up the frame.
  public init(_ frame: ByteBuffer) throws(DecodeError) {
    var payload = frame
    guard let word: UInt32 = payload.readInteger() else {
      throw DecodeError("CDB request", TermError(.endOfBytes, at: frame.readableBytes), termOffset: 0, frame: frame)
    }
    let op = word & 0x7FFF_FFFF
    guard let operation = CDBOperation(rawValue: op) else {
      self.init(.unknown(op: op, payload: payload), isRelative: word != op)
      return
    }
    do throws(TermError) {
      self.init(try CDBRequest(operation, payload), isRelative: word != op)
    } catch {
      throw DecodeError(operation.title, error, termOffset: 4, frame: frame)
    }
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    buffer.writeInteger(request.op | (isRelative ? 0x8000_0000 : 0))
    request.writeArgument(into: &buffer)
  }
}

// MARK: - Reading

extension CDBRequest {
  init(_ operation: CDBOperation, _ payload: ByteBuffer) throws(TermError) {
    switch operation {
    case .clientName:
      self = .clientName(String(decoding: payload.readableBytesView, as: UTF8.self))
      return
    case .subscriptionIterate:
      guard let numbers = payload.getMultipleIntegers(at: payload.readerIndex, as: (UInt32, UInt32).self) else {
        throw TermError(.endOfBytes, at: payload.readableBytes)
      }
      guard payload.readableBytes == 8 else { throw TermError(.trailing(payload.readableBytes - 8), at: 8) }
      self = .subscriptionIterate(point: numbers.0, IterationFlags(rawValue: numbers.1))
      return
    case .get2, .clientInfo, .subscriptionEvent, .loadFile, .getMountID:
      self = .unknown(op: operation.rawValue, payload: payload)
      return
    default: break
    }
    if let simple = Self.withoutArgument(operation) {
      guard payload.readableBytes == 0 else { throw TermError(.trailing(payload.readableBytes), at: 0) }
      self = simple
    } else {
      self = try ArgumentReader.read(payload) { (reader) throws(TermError) in
        if let request = try Self.data(operation, &reader) { return request }
        return try Self.other(operation, &reader)
      }
    }
  }

  private static func withoutArgument(_ operation: CDBOperation) -> CDBRequest? {
    switch operation {
    case .endSession: .endSession
    case .popDirectory: .popDirectory
    case .getCurrentDirectory: .getCurrentDirectory
    case .subscribeDone: .subscribeDone
    case .getUserSession: .getUserSession
    case .getTransactionHandle: .getTransactionHandle
    case .getReplayTransactionIDs: .getReplayTransactionIDs
    case .waitStart: .waitStart
    case .getPhase: .getPhase
    case .getTransactionID: .getTransactionID
    case .initiateCompaction: .initiateCompaction
    default: nil
    }
  }

  private static func data(_ operation: CDBOperation, _ reader: inout ArgumentReader) throws(TermError) -> CDBRequest? {
    switch operation {
    case .get: return .get(try reader.path())
    case .exists: return .exists(try reader.path())
    case .numInstances: return .numInstances(try reader.path())
    case .getObject: return .getObject(try reader.path())
    case .keyIndex: return .keyIndex(try reader.path())
    case .nextIndex: return .nextIndex(try reader.path())
    case .isDefault: return .isDefault(try reader.path())
    case .create: return .create(try reader.path())
    case .delete: return .delete(try reader.path())
    case .changeDirectory: return .changeDirectory(try reader.path())
    case .pushDirectory: return .pushDirectory(try reader.path())
    case .getObjects:
      try reader.tuple(3)
      let path = try reader.path()
      let start: Int64 = try reader.integer()
      return .getObjects(path, start: start, count: try reader.integer())
    case .getValues, .setValues:
      try reader.tuple(2)
      let values = try reader.tagged()
      let path = try reader.path()
      return operation == .getValues ? .getValues(values, path) : .setValues(values, path)
    case .getCase:
      try reader.tuple(2)
      let choice = try reader.list { (reader) throws(TermError) in try TagCoding.read(&reader.terms) }
      return .getCase(choice: choice, try reader.path())
    case .setCase:
      try reader.tuple(2)
      try reader.tuple(2)
      let choice = try reader.list { (reader) throws(TermError) in try TagCoding.read(&reader.terms) }
      let tag = try TagCoding.read(&reader.terms)
      return .setCase(choice: choice, case: tag, try reader.path())
    case .getAttrs:
      try reader.tuple(2)
      let numbers = try reader.list { (reader) throws(TermError) in AttributeNumber(rawValue: try reader.integer()) }
      return .getAttrs(numbers, try reader.path())
    case .setAttr:
      try reader.tuple(2)
      try reader.tuple(2)
      let number = AttributeNumber(rawValue: try reader.integer())
      let value = try reader.optional { (reader) throws(TermError) in try reader.value() }
      return .setAttr(number, value, try reader.path())
    case .setElem:
      try reader.tuple(2)
      let value = try reader.term()
      return .setElem(value, try reader.path())
    case .setElem2:
      try reader.tuple(2)
      let text = try reader.text()
      return .setElem2(text, try reader.path())
    case .setObject:
      try reader.tuple(2)
      let values = try ValueCoding.readArray(&reader.terms)
      return .setObject(values, try reader.path())
    default: return nil
    }
  }

  private static func other(_ operation: CDBOperation, _ reader: inout ArgumentReader) throws(TermError) -> CDBRequest {
    switch operation {
    case .newSession: return .newSession(try NewSession(&reader))
    case .setNamespace: return .setNamespace(try NamespaceArgument(&reader))
    case .subscribe: return .subscribe(try Subscribe(&reader))
    case .unsubscribe: return .unsubscribe(point: try reader.integer())
    case .operationalSubscribe:
      try reader.tuple(2)
      let namespace = try reader.subscriptionNamespace()
      return .operationalSubscribe(namespace: namespace, try reader.matchPath())
    case .syncSubscription: return .syncSubscription(try SyncSubscription(&reader))
    case .subscriptionProgress: return .subscriptionProgress(try reader.text())
    case .getModifications:
      try reader.tuple(3)
      let point: Int32 = try reader.integer()
      let flags = ModificationFlags(rawValue: try reader.integer())
      return .getModifications(point: point, flags, try reader.path())
    case .getCLI:
      try reader.tuple(2)
      let point: Int32 = try reader.integer()
      return .getCLI(point: point, ModificationFlags(rawValue: try reader.integer()))
    case .triggerSubscriptions: return .triggerSubscriptions(try reader.points())
    case .triggerOperationalSubscriptions:
      try reader.tuple(2)
      let points = try reader.points()
      return .triggerOperationalSubscriptions(points, wait: try reader.integer(UInt32.self) & 1 != 0)
    case .replaySubscriptions:
      try reader.tuple(2)
      let id = try reader.term()
      return .replaySubscriptions(id, try reader.points())
    case .setTimeout: return .setTimeout(seconds: try reader.integer())
    case .mandatorySubscriber: return .mandatorySubscriber(try reader.text())
    case .initiateFileCompaction: return .initiateFileCompaction(file: try reader.integer())
    case .getCompactionInfo: return .getCompactionInfo(file: try reader.integer())
    default: throw reader.terms.error(.expected("an operation that has a message"))
    }
  }
}

// MARK: - Writing

extension CDBRequest {
  fileprivate func writeArgument(into buffer: inout ByteBuffer) {
    switch self {
    case .endSession, .popDirectory, .getCurrentDirectory, .subscribeDone, .getUserSession, .getTransactionHandle,
      .getReplayTransactionIDs, .waitStart, .getPhase, .getTransactionID, .initiateCompaction:
      return
    case .clientName(let name): buffer.writeString(name)
    case .subscriptionIterate(let point, let flags): buffer.writeMultipleIntegers(point, flags.rawValue)
    case .unknown(_, let payload): buffer.writeImmutableBuffer(payload)
    default:
      buffer.writeTermVersion()
      if !writeData(into: &buffer) { writeOther(into: &buffer) }
    }
  }

  private func writePair(_ path: WireKeypath, into buffer: inout ByteBuffer, _ first: (inout ByteBuffer) -> Void) {
    buffer.writeTermTuple(arity: 2)
    first(&buffer)
    buffer.writeTerm(path)
  }

  /// False for requests that are not about data.
  private func writeData(into buffer: inout ByteBuffer) -> Bool {
    switch self {
    case .get(let path), .exists(let path), .numInstances(let path), .getObject(let path), .keyIndex(let path),
      .nextIndex(let path), .isDefault(let path), .create(let path), .delete(let path), .changeDirectory(let path),
      .pushDirectory(let path):
      buffer.writeTerm(path)
    case .getObjects(let path, let start, let count):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTerm(path)
      buffer.writeTermInteger(start)
      buffer.writeTermInteger(count)
    case .getValues(let values, let path), .setValues(let values, let path):
      writePair(path, into: &buffer) { TaggedValueCoding.write(values, into: &$0) }
    case .getCase(let choice, let path):
      writePair(path, into: &buffer) { $0.writeTermList(choice) { TagCoding.write($1, into: &$0) } }
    case .setCase(let choice, let tag, let path):
      writePair(path, into: &buffer) {
        $0.writeTermTuple(arity: 2)
        $0.writeTermList(choice) { TagCoding.write($1, into: &$0) }
        TagCoding.write(tag, into: &$0)
      }
    case .getAttrs(let numbers, let path):
      writePair(path, into: &buffer) { $0.writeTermIntegers(numbers.map(\.rawValue)) }
    case .setAttr(let number, let value, let path):
      writePair(path, into: &buffer) {
        $0.writeTermTuple(arity: 2)
        $0.writeTermInteger(number.rawValue)
        $0.writeTermOptional(value)
      }
    case .setElem(let value, let path): writePair(path, into: &buffer) { $0.writeTerm(value) }
    case .setElem2(let text, let path): writePair(path, into: &buffer) { $0.writeTermBinary(text) }
    case .setObject(let values, let path): writePair(path, into: &buffer) { ValueCoding.writeArray(values, into: &$0) }
    default: return false
    }
    return true
  }

  private func writeOther(into buffer: inout ByteBuffer) {
    switch self {
    case .newSession(let request): request.write(into: &buffer)
    case .setNamespace(let namespace): namespace.write(into: &buffer)
    case .subscribe(let request): request.write(into: &buffer)
    case .unsubscribe(let point): buffer.writeTermInteger(point)
    case .operationalSubscribe(let namespace, let path):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom(namespace)
      buffer.writeTerm(path)
    case .syncSubscription(let sync): sync.write(into: &buffer)
    case .subscriptionProgress(let text), .mandatorySubscriber(let text): buffer.writeTermBinary(text)
    case .getModifications(let point, let flags, let path):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermInteger(point)
      buffer.writeTermInteger(flags.rawValue)
      buffer.writeTerm(path)
    case .getCLI(let point, let flags):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermInteger(point)
      buffer.writeTermInteger(flags.rawValue)
    case .triggerSubscriptions(let points): buffer.writeTermIntegers(points)
    case .triggerOperationalSubscriptions(let points, let wait):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermIntegers(points)
      buffer.writeTermInteger(wait ? 1 : 0)
    case .replaySubscriptions(let id, let points):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTerm(id)
      buffer.writeTermIntegers(points)
    case .setTimeout(let number), .initiateFileCompaction(let number), .getCompactionInfo(let number):
      buffer.writeTermInteger(number)
    default: assertionFailure("\(self) has no writer")
    }
  }
}
