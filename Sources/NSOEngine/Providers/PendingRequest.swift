import NSOModel
import NSOWire

/// A request that a client has not answered yet, and what a fitting answer looks like.
struct PendingRequest: Sendable {
  var answer: CheckedContinuation<Result<ProviderReply.Content, NSOError>, Never>
  var worker: Int32?
  /// The connection that it was sent on.
  var socket: UInt64
  var since: ContinuousClock.Instant
  var deadline: ContinuousClock.Instant
  var limit: Duration
  /// The client has said itself how long it needs (op 29): nothing else changes the deadline.
  var isExtended = false
  var body: ProviderRequest.Body
  var about: @Sendable () -> String

  /// A client works on the requests of a connection one after the other: an answer to one before is a sign of life.
  mutating func noteProgress(at now: ContinuousClock.Instant) {
    if !isExtended { deadline = max(deadline, now + limit) }
  }

  /// What is wrong with an answer whatever it says; nil: nothing.
  func misfit(_ reply: ProviderReply, instance: Int32, socket: UInt64) -> String? {
    guard reply.instance == instance else { return "as instance \(reply.instance), which it is not" }
    guard socket == self.socket else { return "on another connection than it was asked on" }
    guard reply.operation == body.replyOperation else {
      return "with operation \(reply.operation.rawValue), not \(body.replyOperation.rawValue)"
    }
    let handle: Int32
    switch reply.content {
    case .opened(let number, _): handle = number
    case .finished(let number): handle = number
    default: return nil
    }
    guard let wanted = body.replyHandle, wanted != handle else { return nil }
    return "with handle \(handle), not \(wanted)"
  }
}

extension ProviderRequest.Body {
  /// The operation that an answer has (protocol part 05, section 2.2).
  var replyOperation: ProviderOperation {
    switch self {
    case .newUserSessions, .closeUserSession, .database: .databaseReply
    default: ProviderRequest(query: 0, instance: 0, self).operation
    }
  }

  /// The handle that an answer repeats; nil: it has none, or one that the client chooses.
  var replyHandle: Int32? {
    switch self {
    case .newTransaction(let transaction): transaction.handle
    case .phase(_, let handle, _), .closeValidation(let handle, _, _): handle
    case .newValidation(let validation): validation.handle
    default: nil
    }
  }
}
