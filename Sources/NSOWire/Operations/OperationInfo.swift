/// A kind of operation: the number that travels, and what is known about it.
public protocol Operation: RawRepresentable, Hashable, Sendable, CaseIterable where RawValue == UInt32 {
  static var apiName: String { get }
  static var table: [OperationInfo<Self>] { get }
  var info: OperationInfo<Self> { get }
}

extension Operation {
  /// For error texts and logs: `MAAPI GET_ELEM (166)`.
  public var title: String { "\(Self.apiName) \(info.name) (\(rawValue))" }

  static func numbered(_ table: [OperationInfo<Self>]) -> [Self: OperationInfo<Self>] {
    Dictionary(table.map { ($0.operation, $0) }) { first, _ in first }
  }
}

/// One line of the table of operations.
public struct OperationInfo<Operation: Hashable & Sendable>: Sendable {
  /// Whether a transaction handle follows the op word.
  public enum HandleUse: String, Hashable, Sendable { case no, yes, unknown }

  /// What is known about the form of request and reply.
  public enum Form: String, Hashable, Sendable {
    /// Shown by the reference client.
    case known
    /// Proposed by the protocol description; nobody has shown another.
    case plausible
    /// Nothing is known, so there is no message for it.
    case undetermined
  }

  public enum Status: String, Hashable, Sendable {
    /// Our daemon serves it.
    case done
    /// There is a message for it; our daemon does not serve it yet and answers NOT_IMPLEMENTED.
    case open
    /// Answered with NOT_IMPLEMENTED on purpose.
    case notSupported
  }

  public var operation: Operation
  /// The published name, without the prefix of the API.
  public var name: String
  public var handle: HandleUse
  public var reply: ReplyShape
  /// 1 nearly every application, 2 common, 3 rare or administrative.
  public var tier: Int
  public var form: Form
  public var status: Status
  /// The argument in the notation of the protocol description.
  public var argument: String
  public var purpose: String

  init(
    _ operation: Operation, _ name: String, handle: HandleUse, reply: ReplyShape, tier: Int, form: Form, status: Status,
    argument: String, _ purpose: String
  ) {
    self.operation = operation
    self.name = name
    self.handle = handle
    self.reply = reply
    self.tier = tier
    self.form = form
    self.status = status
    self.argument = argument
    self.purpose = purpose
  }

  /// For an operation that the table forgot; a test sees to it that there is none.
  static func unlisted(_ operation: Operation) -> Self {
    Self(
      operation, "?", handle: .unknown, reply: .term, tier: 3, form: .undetermined, status: .notSupported, argument: "unknown",
      "")
  }
}

/// What a success reply holds.
public enum ReplyShape: String, Hashable, Sendable {
  /// Nothing but the op word.
  case done
  case bool, integer, integers, text, value, values, valueArrays, tagged, tag, attributes, path
  /// Empty, or tagged values.
  case optionalTagged
  /// `false`, or position and keys of a list entry.
  case entry
  /// Entries of a cursor.
  case objects
  case userSession, groups, identification, rollbackID, rollbacks, history
  case phase, transactionID, compaction
  /// Paths, each leaf first.
  case paths
  /// A chunk of the results of a query.
  case query
  /// Empty, or any term.
  case term
  /// Terms without op word, one frame after the other; see `IterationItem`, `XPathItem`, `SchemaItem`.
  case stream
  /// No reply at all.
  case noReply
}
