import ExternalTerm
import NIOCore
import NSOModel
import NSOSchema
import NSOWire

/// A notification that was checked: as it is told to subscribers, and kept in the replay store.
struct NotificationRecord: Hashable, Sendable {
  var time: DateTime
  /// The node that holds an inline notification; the root for others.
  var path: Keypath
  /// Start, content and stop of the notification's element.
  var values: [TaggedValue]

  /// Microseconds since 1970-01-01 UTC.
  var instant: Int64 { time.microsecondsSince1970 }

  /// Without start and stop.
  var content: [TaggedValue] { Array(values.dropFirst().dropLast()) }

  /// Where it belongs in the schema.
  /// - Throws: BADPATH where there is no such notification.
  func instance(in model: DataModel) throws(NSOError) -> OperationInstance {
    guard values.count >= 2, let first = values.first, first.content == .start, let last = values.last,
      last.content == .stop, last.tag.name == first.tag.name
    else {
      throw NSOError(.badPath, "a notification is one element: its start, its content, its stop")
    }
    let instance = try model.locateOperation(Keypath(path.elements + [.tag(first.tag)]))
    guard model[instance.node].kind == .notification else {
      throw NSOError(.badPath, "\(instance.text(model)) is no notification")
    }
    return instance
  }

  /// As subscribers get it: an inline notification inside of its parents and their keys (RFC 7950, section 7.16.2).
  func event(in model: DataModel) throws(NSOError) -> DaemonEvent {
    guard !path.isRoot else { return .stream(.notification(time: time, values)) }
    let schema = model.schema
    var before: [TaggedValue] = []
    var after: [TaggedValue] = []
    var node: NodeID?
    for element in path.elements {
      switch element {
      case .tag(let tag):
        guard let child = schema.child(of: node, tag) else { throw NSOError(.badPath, "\(path): there is no \(tag)") }
        node = child
        before.append(TaggedValue(schema.tag(of: child), .start))
        after.append(TaggedValue(schema.tag(of: child), .stop))
      case .keys(let keys):
        let names = node.map { schema[$0].keys } ?? []
        for (name, key) in zip(names, keys) { before.append(TaggedValue(schema.tag(of: name), key)) }
      default: throw NSOError(.badPath, "\(path) does not lead to one node")
      }
    }
    return .stream(.notification(time: time, before + values + after.reversed()))
  }

  // MARK: In the store

  /// As a message of the data provider API, which has a form for all of it.
  var stored: ReplaySegment.Record {
    var buffer = ByteBuffer()
    ProviderMessage.stream(.notification(StreamNotification(stream: "", time: time, values: values, path: path)))
      .write(into: &buffer)
    return ReplaySegment.Record(time: instant, payload: Array(buffer.readableBytesView))
  }

  /// - Throws: when the record is not what ``stored`` makes.
  init(_ record: ReplaySegment.Record) throws(DecodeError) {
    guard case .stream(.notification(let notification)) = try ProviderMessage(ByteBuffer(bytes: record.payload)) else {
      throw DecodeError(
        "record of a replay store", TermError(.expected("a notification"), at: 0), termOffset: 0, frame: ByteBuffer())
    }
    self.init(time: notification.time, path: notification.path, values: notification.values)
  }

  init(time: DateTime, path: Keypath, values: [TaggedValue]) {
    self.time = time
    self.path = path
    self.values = values
  }
}

extension Engine {
  /// What a data provider sent, checked against the schema like the output of an action, in schema order. Conditions and references
  /// that need data of providers are not: who sends may not answer before it has sent. Of the past only what it holds itself is
  /// checked, since what it names may be gone.
  func checked(_ notification: StreamNotification) throws(NSOError) -> NotificationRecord {
    guard notification.time.exists else {
      throw NSOError(.badType, "its event time \(Value.dateTime(notification.time).plainText) is none")
    }
    var record = NotificationRecord(time: notification.time, path: notification.path, values: notification.values)
    let model = model
    let instance = try record.instance(in: model)
    // Inline notifications are of one node that is there; what it has is for its provider to know.
    if let parent = instance.parent.node, model[parent].kind == .list, !instance.parent.isEntry {
      throw NSOError(.badPath, "\(instance.text(model)): the keys of its parent are missing")
    }
    let content = try OperationContent(
      record.content, .inNotification, of: instance, in: try currentView(model), operationRules,
      notification.subscription == nil ? .withoutProviders : .contentOnly)
    // At the top with its namespace, else where it differs from its parent's: subscribers see it inside of that.
    let tag = model.schema.tag(of: instance.node)
    record.values =
      [TaggedValue(tag, .start)] + (try content.pairs(defaults: false, qualified: false)) + [TaggedValue(tag, .stop)]
    return record
  }
}

extension DateTime {
  /// Whether calendar and clock have it; a leap second counts.
  var exists: Bool {
    let isLeapYear = date.year.isMultiple(of: 4) && (!date.year.isMultiple(of: 100) || date.year.isMultiple(of: 400))
    let days: [UInt8] = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard (1...9999).contains(date.year), (1...12).contains(date.month) else { return false }
    guard date.day >= 1, date.day <= days[Int(date.month) - 1] else { return false }
    return time.hour < 24 && time.minute < 60 && time.second <= 60 && time.microsecond < 1_000_000
  }
}
