import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// What subscription tests do with a raw client.
extension WireClient {
  @discardableResult
  func subscribe(
    _ path: String, priority: Int32 = 0, kind: Subscribe.Kind = .running, abortOnAbort: Bool = false
  ) throws -> Int32 {
    let request = Subscribe(MatchPath(path), priority: priority, kind: kind, wantsAbortOnAbort: abortOnAbort)
    guard case .integer(let number) = try call(.subscribe(request)) else { throw NSOError(.internal, "no number") }
    return Int32(truncatingIfNeeded: number)
  }

  /// The next event.
  func subscriptionEvent() throws -> SubscriptionEvent {
    try SubscriptionEvent(try #require(receiveFrame(), "the connection closed"))
  }

  func sync(_ sync: SyncSubscription = .donePriority) throws { try done(.syncSubscription(sync)) }

  /// The changes of a point as texts.
  func changes(
    of point: Int32, _ flags: IterationFlags = [], _ answer: (String) -> IterationAnswer = { _ in .recurse }
  ) throws -> [String] {
    var payload = ByteBuffer()
    CDBCall(.subscriptionIterate(point: UInt32(bitPattern: point), flags)).write(into: &payload)
    sendFrame(payload)
    var found: [String] = []
    while true {
      switch try IterationItem(try #require(receiveFrame())) {
      case .change(let path, let change):
        let place = path.description.replacing("urn:ex:plant:", with: "")
        found.append("\(place) \(change.text)")
        let answer = answer(place)
        var payload = ByteBuffer()
        answer.write(into: &payload)
        sendFrame(payload)
        if answer == .stop { return found }
      case .end: return found
      case .badState: throw NSOError(.badState, "")
      case .failure(let code, _): throw NSOError(code ?? .internal, "")
      case let other: throw NSOError(.internal, "\(other)")
      }
    }
  }
}

extension IterationItem.Change {
  var text: String {
    switch self {
    case .created: "created"
    case .deleted(nil): "deleted"
    case .deleted(let old?): "deleted, was \(old.plainText)"
    case .modified: "modified"
    case .valueSet(nil, let value): "= \(value.plainText)"
    case .valueSet(let old?, let value): "= \(value.plainText), was \(old.plainText)"
    case .movedAfter(let keys): "after {\(keys.map(\.plainText).joined(separator: " "))}"
    case .attributeSet: "attribute"
    }
  }
}
