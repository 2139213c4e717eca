/// One event of the progress trace: a span begins or ends, or something is noted in it (protocol part 06, section 5.14).
public struct ProgressRecord: Hashable, Sendable {
  public enum Kind: Int, Hashable, Sendable {
    case start = 1
    case stop = 2
    case info = 3
  }

  /// A text or a number that describes a span.
  public struct Attribute: Hashable, Sendable {
    public enum Value: Hashable, Sendable {
      case text(String)
      case number(Int64)
    }

    public var key: String
    public var value: Value

    public init(_ key: String, _ value: Value) {
      self.key = key
      self.value = value
    }
  }

  /// A span elsewhere that this one has to do with.
  public struct Link: Hashable, Sendable {
    public var trace: String
    public var span: String

    public init(trace: String, span: String) {
      self.trace = trace
      self.span = span
    }
  }

  public var kind: Kind
  /// Microseconds since 1970-01-01 UTC.
  public var time: Int64
  /// Microseconds; 0 unless the span ends.
  public var duration: Int64
  /// 16 hexadecimal digits.
  public var span: String
  /// Empty for the outermost.
  public var parent: String
  /// 32 hexadecimal digits.
  public var trace: String
  public var session: Int32
  /// 0 without.
  public var transaction: Int32
  public var database: DatabaseName
  public var context: String
  /// The part of the daemon; may be empty.
  public var subsystem: String
  public var message: String
  /// For example an error; may be empty.
  public var annotation: String
  public var attributes: [Attribute]
  public var links: [Link]

  public init(
    _ kind: Kind, time: Int64, duration: Int64 = 0, span: String, parent: String = "", trace: String, session: Int32 = 0,
    transaction: Int32 = 0, database: DatabaseName = .none, context: String = "", subsystem: String = "",
    message: String, annotation: String = "", attributes: [Attribute] = [], links: [Link] = []
  ) {
    self.kind = kind
    self.time = time
    self.duration = duration
    self.span = span
    self.parent = parent
    self.trace = trace
    self.session = session
    self.transaction = transaction
    self.database = database
    self.context = context
    self.subsystem = subsystem
    self.message = message
    self.annotation = annotation
    self.attributes = attributes
    self.links = links
  }
}
