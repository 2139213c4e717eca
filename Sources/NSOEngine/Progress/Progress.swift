public import NSOModel
import Synchronization
import Tracing

/// What takes how long: spans of commits and their steps, of actions, and those that clients begin themselves (protocol part 04,
/// section 4.11; part 06, section 5.14). Offered as events, as a progress log, and through swift-distributed-tracing to whatever
/// exporter the process has. While nobody wants any of them a span costs some atomic loads.
public final class Progress: Sendable {
  private let journal: Journal
  private let clock: @Sendable () -> (seconds: Int64, microseconds: Int64)
  /// Whatever was set up when the engine was made; nil: nobody.
  private let exporter: (any Tracer)?
  /// Spans that clients have begun and not ended, the innermost last.
  private let open = Mutex<[Int32: [TraceSpan]]>([:])

  init(_ journal: Journal, clock: @escaping @Sendable () -> (seconds: Int64, microseconds: Int64)) {
    self.journal = journal
    self.clock = clock
    let tracer = InstrumentationSystem.tracer
    exporter = tracer is NoOpTracer ? nil : tracer
  }

  /// Microseconds since 1970-01-01 UTC.
  private var now: Int64 {
    let now = clock()
    return now.seconds &* 1_000_000 &+ now.microseconds
  }

  /// Whether a span of this verbosity reaches anybody.
  @inline(__always)
  public func isWanted(_ verbosity: Int = 0) -> Bool {
    journal.events.wantsProgress(verbosity) || journal.progressLogWants(verbosity) || exporter != nil
  }

  /// What a span is about.
  public struct Subject: Sendable {
    public var session: UserSession?
    public var transaction: Transaction?
    public var subsystem: String
    /// Whether it belongs to a commit.
    public var isCommit: Bool
    /// 0 normal, 1 verbose, 2 very verbose, 3 debug.
    public var verbosity: Int
    public var attributes: [ProgressRecord.Attribute] = []
    public var links: [ProgressRecord.Link] = []

    public init(
      session: UserSession?, transaction: Transaction? = nil, subsystem: String = "", isCommit: Bool = false,
      verbosity: Int = 0
    ) {
      self.session = session
      self.transaction = transaction
      self.subsystem = subsystem
      self.isCommit = isCommit
      self.verbosity = verbosity
    }
  }

  /// Begins a span; nil when nobody wants it. Whoever begins one ends it with ``TraceSpan/end(_:)``.
  /// - Parameter parent: nil: the innermost that the session has begun, if any.
  public func begin(
    _ message: @autoclosure () -> String, _ subject: @autoclosure () -> Subject, verbosity: Int = 0, in parent: TraceSpan? = nil
  ) -> TraceSpan? {
    guard isWanted(verbosity) else { return nil }
    let subject = subject()
    let message = message()
    let parent = parent ?? subject.session.flatMap { session in open.withLock { $0[session.id]?.last } }
    let record = record(.start, message, subject, parent)
    let exported = exporter?.startAnySpan(message, context: parent?.exported?.context ?? .topLevel)
    let span = TraceSpan(
      progress: self, record: record, verbosity: subject.verbosity, isCommit: subject.isCommit, exported: exported)
    span.describe()
    tell(record, subject.verbosity, subject.isCommit)
    return span
  }

  private func record(
    _ kind: ProgressRecord.Kind, _ message: String, _ subject: Subject, _ parent: TraceSpan?
  ) -> ProgressRecord {
    var record = ProgressRecord(
      kind, time: now, span: kind == .info ? parent?.record.span ?? "" : Self.hex(1),
      parent: kind == .info ? parent?.record.parent ?? "" : parent?.record.span ?? "",
      trace: parent?.record.trace ?? subject.transaction?.traceID ?? Self.hex(2), message: message)
    record.session = subject.session?.id ?? 0
    record.context = subject.session?.context ?? ""
    record.transaction = subject.transaction?.handle ?? 0
    record.database = subject.transaction?.database ?? .none
    record.subsystem = subject.subsystem
    record.attributes = subject.attributes
    record.links = subject.links
    return record
  }

  fileprivate func end(_ span: TraceSpan, _ annotation: String) {
    var record = span.record
    record.kind = .stop
    record.time = now
    record.duration = max(0, record.time &- span.record.time)
    record.annotation = annotation
    record.attributes = []
    record.links = []
    tell(record, span.verbosity, span.isCommit)
    if let exported = span.exported {
      if !annotation.isEmpty { exported.attributes["annotation"] = annotation }
      exported.end()
    }
  }

  private func tell(_ record: ProgressRecord, _ verbosity: Int, _ isCommit: Bool) {
    journal.events.emitProgress(record, verbosity: verbosity, isCommit: isCommit)
    journal.writeProgress(record, verbosity)
  }

  /// Hexadecimal digits: 16 for each word, as in W3C trace context.
  private static func hex(_ words: Int) -> String {
    (0..<words).map { _ in
      let digits = String(UInt64.random(in: 1...UInt64.max), radix: 16)
      return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }.joined()
  }

  // MARK: Spans of clients

  /// A client begins a span; it ends with ``endSpan(_:of:_:)``, with a span around it, or with the session.
  public func beginSpan(_ message: String, _ subject: Subject, of session: UserSession) -> TraceSpan? {
    guard let span = begin(message, subject, verbosity: subject.verbosity) else { return nil }
    let isFirst = open.withLock { open in
      defer { open[session.id, default: []].append(span) }
      return open[session.id] == nil
    }
    if isFirst { session.onEnd { [weak self, id = session.id] in self?.endAll(of: id) } }
    return span
  }

  /// Something to note in the innermost span of the session.
  public func note(_ message: @autoclosure () -> String, _ subject: Subject, of session: UserSession) {
    guard isWanted(subject.verbosity) else { return }
    let parent = open.withLock { $0[session.id]?.last }
    let record = record(.info, message(), subject, parent)
    tell(record, subject.verbosity, subject.isCommit)
    parent?.exported?.addEvent(SpanEvent(name: record.message))
  }

  /// Something to note in a span of a transaction.
  func note(_ message: @autoclosure () -> String, _ subject: @autoclosure () -> Subject, in parent: TraceSpan?) {
    guard isWanted() else { return }
    let subject = subject()
    let record = record(.info, message(), subject, parent)
    tell(record, subject.verbosity, subject.isCommit)
    parent?.exported?.addEvent(SpanEvent(name: record.message))
  }

  /// Ends a span that a client began, and those inside of it.
  /// - Returns: nil: there is none of this id, for example because nothing was traced when it began.
  public func endSpan(_ id: String, of session: UserSession, _ annotation: String) -> TraceSpan? {
    let ended = open.withLock { open -> [TraceSpan] in
      guard let spans = open[session.id], let index = spans.firstIndex(where: { $0.record.span == id }) else { return [] }
      open[session.id] = Array(spans[..<index])
      return Array(spans[index...])
    }
    guard let span = ended.first else { return nil }
    for inner in ended.dropFirst().reversed() { inner.end("its parent ended") }
    span.end(annotation)
    return span
  }

  private func endAll(of session: Int32) {
    let left = open.withLock { $0.removeValue(forKey: session) ?? [] }
    for span in left.reversed() { span.end("the user session ended") }
  }
}

/// A span that has begun.
public struct TraceSpan: Sendable {
  fileprivate let progress: Progress
  public let record: ProgressRecord
  fileprivate let verbosity: Int
  fileprivate let isCommit: Bool
  fileprivate let exported: (any Span)?

  /// Ends it.
  /// - Parameter annotation: an error, or what else is worth a remark.
  public func end(_ annotation: String = "") { progress.end(self, annotation) }

  fileprivate func describe() {
    guard let exported else { return }
    exported.attributes["session"] = Int(record.session)
    if record.transaction != 0 { exported.attributes["transaction"] = Int(record.transaction) }
    exported.attributes["context"] = record.context
    exported.attributes["subsystem"] = record.subsystem
    for attribute in record.attributes {
      switch attribute.value {
      case .text(let text): exported.attributes["\(attribute.key)"] = text
      case .number(let number): exported.attributes["\(attribute.key)"] = Int(number)
      }
    }
  }
}
