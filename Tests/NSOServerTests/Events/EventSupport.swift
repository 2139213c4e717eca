import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

extension WireClient {
  /// Subscribes on an event connection.
  func subscribe(_ subscription: EventSubscription) throws {
    var payload = ByteBuffer()
    subscription.write(into: &payload)
    sendFrame(payload)
    let reply = try HAReply(try #require(receiveFrame(), "the connection closed"))
    if case .failure(let error) = reply { throw error }
    #expect(reply == .ok)
  }

  func subscribe(_ mask: EventMask) throws { try subscribe(EventSubscription(mask)) }

  func event() throws -> DaemonEvent {
    let frame = try EventFrame(try #require(receiveFrame(), "the connection closed"))
    guard case .event(let event) = frame else { throw NSOError(.internal, "\(frame) is no event") }
    return event
  }

  func audit() throws -> AuditRecord {
    guard case .audit(let record) = try event() else { throw NSOError(.internal, "another event") }
    return record
  }

  func acknowledge(_ acknowledgement: EventAcknowledgement) {
    var payload = ByteBuffer()
    acknowledgement.write(into: &payload)
    sendFrame(payload)
  }

  func sendOrder(_ order: HAOrder) {
    var payload = ByteBuffer()
    order.write(into: &payload)
    sendFrame(payload)
  }

  func order(_ order: HAOrder) throws -> HAReply {
    sendOrder(order)
    return try HAReply(try #require(receiveFrame(), "the connection closed"))
  }

  /// Changes the owner of the plant in a transaction that stays open.
  func prepareChange(_ owner: String) throws -> Int32 {
    let handle = try start()
    try done(.setElem(EncodedTerm(.string(owner)), Keypath.plant(.tag("owner")).wire), handle)
    return handle
  }
}

extension TestDaemon {
  func watch(_ mask: EventMask) throws -> WireClient {
    let client = try connect(.events)
    try client.subscribe(mask)
    return client
  }

  /// A session of a user, with everything that events show of it.
  func user(_ name: String = "anna") throws -> (client: WireClient, user: EventUser) {
    let client = try connect()
    try client.done(
      .startUserSession(
        StartUserSession(
          user: name, port: 4711, context: "cli", sessionProtocol: .ssh, groups: ["ops"],
          identification: ClientIdentification(vendor: "acme", clientID: "c 1"))))
    let id = Int32(truncatingIfNeeded: try client.integer(.getMyUserSession))
    let session = try engine.sessions.session(id)
    return (client, EventUser(session))
  }
}
