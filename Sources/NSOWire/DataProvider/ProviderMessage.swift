import ExternalTerm
public import NIOCore
public import NSOModel
import NSOTerms

/// A frame from a client of the data provider API to the daemon, on any of its sockets (protocol part 05).
public enum ProviderMessage: Hashable, Sendable {
  /// 1: a client instance introduces itself. Answered with ``DaemonMessage/accepted(instance:)``.
  case daemon(name: String, sessionType: Int32)
  /// 2: this connection is a worker. Never answered.
  case worker(instance: Int32, id: Int32)
  /// 3: never answered.
  case register(instance: Int32, ProviderRegistration)
  /// 4: open.
  case registerRange(instance: Int32, RangeRegistration)
  /// 16: never answered.
  case registerNano(instance: Int32, NanoRegistration)
  /// 9: never answered.
  case transactionCallbacks(instance: Int32, TransactionCallbacks)
  /// 10: never answered.
  case databaseCallbacks(instance: Int32, DatabaseCallbacks)
  /// 11: answered with ``DaemonMessage/registered(_:)``.
  case registerDone(instance: Int32)
  /// 29: the request `query` needs that many seconds more. Never answered.
  case extendTimeout(query: Int64, instance: Int32, seconds: Int64)
  /// The answer to a request of the daemon.
  case reply(ProviderReply)
  /// 170 to 172, with the number 15 before the term. Never answered.
  case stream(StreamMessage)
}

/// What a client sends on its stream worker (protocol part 05, section 13.1).
public enum StreamMessage: Hashable, Sendable {
  case notification(StreamNotification)
  case replayComplete(stream: String, subscription: Int32)
  case replayFailed(stream: String, subscription: Int32, reason: String)
}

/// 170: one notification.
public struct StreamNotification: Hashable, Sendable {
  public var stream: String
  /// The replay that it belongs to; nil: live.
  public var subscription: Int32?
  public var time: DateTime
  public var flags: InstanceFlags
  /// The notification's element as qualified start and stop around its content.
  public var values: [TaggedValue]
  /// The parent of an inline notification; the root for one at the top. Root first on the wire, unlike all other paths.
  public var path: Keypath

  public init(
    stream: String, subscription: Int32? = nil, time: DateTime, flags: InstanceFlags = .sendsPaths, values: [TaggedValue],
    path: Keypath = .root
  ) {
    self.stream = stream
    self.subscription = subscription
    self.time = time
    self.flags = flags
    self.values = values
    self.path = path
  }
}

extension ProviderMessage {
  /// The number that stands before the terms of a stream worker.
  public static var streamPrefix: UInt32 { 15 }

  /// The message in a frame's payload.
  public init(_ frame: ByteBuffer) throws(DecodeError) {
    let isStream = frame.getInteger(at: frame.readerIndex, as: UInt32.self) == Self.streamPrefix
    let offset = isStream ? 4 : 0
    guard let payload = frame.getSlice(at: frame.readerIndex + offset, length: frame.readableBytes - offset) else {
      throw DecodeError("data provider message", TermError(.endOfBytes, at: 0), termOffset: 0, frame: frame)
    }
    var operation: ProviderOperation?
    do throws(TermError) {
      self = try ArgumentReader.read(payload) { (reader) throws(TermError) in
        let count = try reader.terms.readTupleHeader()
        let place = reader.terms.offset
        let number: UInt32 = try reader.integer()
        operation = ProviderOperation(rawValue: number)
        guard let operation else {
          throw TermError(.expected("an operation of the data provider API, not \(number)"), at: place)
        }
        if isStream { return .stream(try StreamMessage(operation, count, &reader)) }
        return try Self.read(operation, count, &reader)
      }
    } catch {
      throw DecodeError(operation?.title ?? "data provider message", error, termOffset: offset, frame: frame)
    }
  }

  private static func read(
    _ operation: ProviderOperation, _ count: Int, _ reader: inout ArgumentReader
  ) throws(TermError) -> ProviderMessage {
    switch operation {
    case .daemon:
      try reader.elements(3, of: count)
      let name = try reader.text()
      return .daemon(name: name, sessionType: try reader.integer())
    case .worker:
      try reader.elements(3, of: count)
      let instance: Int32 = try reader.integer()
      return .worker(instance: instance, id: try reader.integer())
    case .register:
      try reader.elements(3, of: count)
      let instance: Int32 = try reader.integer()
      return .register(instance: instance, try ProviderRegistration(&reader))
    case .registerRange:
      try reader.elements(7, of: count)
      let instance: Int32 = try reader.integer()
      return .registerRange(instance: instance, try RangeRegistration(&reader))
    case .registerNano:
      try reader.elements(3, of: count)
      let instance: Int32 = try reader.integer()
      return .registerNano(instance: instance, try NanoRegistration(&reader))
    case .registerTransactionCallbacks:
      try reader.elements(3, of: count)
      let instance: Int32 = try reader.integer()
      return .transactionCallbacks(instance: instance, TransactionCallbacks(rawValue: try reader.integer()))
    case .registerDatabaseCallbacks:
      try reader.elements(3, of: count)
      let instance: Int32 = try reader.integer()
      return .databaseCallbacks(instance: instance, DatabaseCallbacks(rawValue: try reader.integer()))
    case .registerDone:
      try reader.elements(2, of: count)
      return .registerDone(instance: try reader.integer())
    case .callbackTimeout:
      try reader.elements(4, of: count)
      let query: Int64 = try reader.integer()
      let instance: Int32 = try reader.integer()
      return .extendTimeout(query: query, instance: instance, seconds: try reader.integer())
    default: return .reply(try ProviderReply(operation, count, &reader))
    }
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) {
    if case .stream(let message) = self {
      buffer.writeInteger(Self.streamPrefix)
      buffer.writeTermVersion()
      return message.write(into: &buffer)
    }
    buffer.writeTermVersion()
    switch self {
    case .daemon(let name, let type):
      buffer.writeProviderHead(.daemon, arity: 3)
      buffer.writeTermAtom(name)
      buffer.writeTermInteger(type)
    case .worker(let instance, let id):
      buffer.writeProviderHead(.worker, arity: 3)
      buffer.writeTermInteger(instance)
      buffer.writeTermInteger(id)
    case .register(let instance, let registration):
      buffer.writeProviderHead(.register, arity: 3)
      buffer.writeTermInteger(instance)
      registration.write(into: &buffer)
    case .registerRange(let instance, let registration):
      buffer.writeProviderHead(.registerRange, arity: 7)
      buffer.writeTermInteger(instance)
      registration.write(into: &buffer)
    case .registerNano(let instance, let registration):
      buffer.writeProviderHead(.registerNano, arity: 3)
      buffer.writeTermInteger(instance)
      registration.write(into: &buffer)
    case .transactionCallbacks(let instance, let callbacks):
      buffer.writeProviderHead(.registerTransactionCallbacks, arity: 3)
      buffer.writeTermInteger(instance)
      buffer.writeTermInteger(callbacks.rawValue)
    case .databaseCallbacks(let instance, let callbacks):
      buffer.writeProviderHead(.registerDatabaseCallbacks, arity: 3)
      buffer.writeTermInteger(instance)
      buffer.writeTermInteger(callbacks.rawValue)
    case .registerDone(let instance):
      buffer.writeProviderHead(.registerDone, arity: 2)
      buffer.writeTermInteger(instance)
    case .extendTimeout(let query, let instance, let seconds):
      buffer.writeProviderHead(.callbackTimeout, arity: 4)
      buffer.writeTermInteger(query)
      buffer.writeTermInteger(instance)
      buffer.writeTermInteger(seconds)
    case .reply(let reply): reply.write(into: &buffer)
    case .stream: break
    }
  }
}

extension StreamMessage {
  init(_ operation: ProviderOperation, _ count: Int, _ reader: inout ArgumentReader) throws(TermError) {
    switch operation {
    case .sendNotification:
      try reader.elements(7, of: count)
      let stream = try reader.name()
      let subscription = try reader.optional { (reader) throws(TermError) in try reader.integer(Int32.self) }
      let time = try reader.dateTime()
      let flags = InstanceFlags(rawValue: try reader.integer())
      let values = try reader.tagged()
      self = .notification(
        StreamNotification(
          stream: stream, subscription: subscription, time: time, flags: flags, values: values,
          path: try KeypathCoding.read(&reader.terms, order: .rootFirst)))
    case .replayComplete:
      try reader.elements(3, of: count)
      let stream = try reader.name()
      self = .replayComplete(stream: stream, subscription: try reader.integer())
    case .replayFailed:
      try reader.elements(4, of: count)
      let stream = try reader.name()
      let subscription: Int32 = try reader.integer()
      self = .replayFailed(stream: stream, subscription: subscription, reason: try reader.text())
    default: throw reader.terms.error(.expected("a message of a notification stream"))
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .notification(let notification):
      buffer.writeProviderHead(.sendNotification, arity: 7)
      buffer.writeTermAtom(notification.stream)
      if let subscription = notification.subscription {
        buffer.writeTermInteger(subscription)
      } else {
        buffer.writeTermUndefined()
      }
      ValueCoding.write(.dateTime(notification.time), into: &buffer)
      buffer.writeTermInteger(notification.flags.rawValue)
      TaggedValueCoding.write(notification.values, wrapped: true, into: &buffer)
      KeypathCoding.write(notification.path, order: .rootFirst, into: &buffer)
    case .replayComplete(let stream, let subscription):
      buffer.writeProviderHead(.replayComplete, arity: 3)
      buffer.writeTermAtom(stream)
      buffer.writeTermInteger(subscription)
    case .replayFailed(let stream, let subscription, let reason):
      buffer.writeProviderHead(.replayFailed, arity: 4)
      buffer.writeTermAtom(stream)
      buffer.writeTermInteger(subscription)
      buffer.writeTermBinary(reason)
    }
  }
}

extension ArgumentReader {
  /// Complains when a tuple whose head was read has another number of elements than `wanted`.
  func elements(_ wanted: Int, of count: Int) throws(TermError) {
    guard count == wanted else { throw terms.error(.expected("a tuple of \(wanted), not of \(count)")) }
  }

  mutating func dateTime() throws(TermError) -> DateTime {
    let place = terms.offset
    guard case .dateTime(let time) = try value() else { throw TermError(.expected("a date and time"), at: place) }
    return time
  }

  /// A path as this API sends it, leaf first.
  mutating func reversedPath() throws(TermError) -> Keypath { try KeypathCoding.read(&terms, order: .leafFirst) }
}

extension ByteBuffer {
  /// The head of a message: a tuple whose first element is the operation.
  mutating func writeProviderHead(_ operation: ProviderOperation, arity: Int) {
    writeTermTuple(arity: arity)
    writeTermInteger(operation.rawValue)
  }
}
