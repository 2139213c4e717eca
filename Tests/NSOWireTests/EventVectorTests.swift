import ExternalTerm
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import TestSupport
import Testing

/// The exchanges of `events.jsonl` and `ha.jsonl`: every frame is a typed message that encodes back to the same bytes and says
/// what the vector says.
@Suite struct EventVectorTests {
  @Test func events() throws {
    let vectors = try Vector.load("events")
    #expect(vectors.count == 92)
    for vector in vectors { verdict(vector) { try check(vector) { try Self.eventFrame($0, first: $1) } } }
  }

  @Test func highAvailability() throws {
    let vectors = try Vector.load("ha")
    #expect(vectors.count == 33)
    for vector in vectors { verdict(vector) { try check(vector) { try Self.haFrame($0, first: $1) } } }
  }

  /// - Parameter encode: decodes a frame and encodes it again; `first` says whether it is the first of its direction.
  private func check(_ vector: Vector, _ encode: (Vector.Frame, Bool) throws -> ByteBuffer) throws {
    var seen: Set<String> = []
    for frame in vector.frames where frame.kind == "frame" {
      let written = try encode(frame, seen.insert(frame.dir).inserted)
      try expect(hexText(written) == frame.hex, "\(frame.hex) encoded again is \(hexText(written))")
      guard frame.isBareTerm, let text = frame.term, let wanted = TermNotation.parse(text) else { continue }
      let term = try Term(encoded: written)
      try expect(term == wanted, "the term is \(term), not \(text)")
    }
  }

  private static func eventFrame(_ frame: Vector.Frame, first: Bool) throws -> ByteBuffer {
    var written = ByteBuffer()
    switch (frame.isFromClient, first) {
    case (true, true): try EventSubscription(frame.bytes).write(into: &written)
    case (true, false):
      guard let acknowledgement = EventAcknowledgement(frame.bytes) else { throw CheckFailure("no acknowledgement") }
      acknowledgement.write(into: &written)
    case (false, true): try HAReply(frame.bytes).write(into: &written)
    case (false, false):
      let event = try EventFrame(frame.bytes)
      if case .undetermined(let kind, _) = event {
        try expect([.snmp, .callHome].contains(kind), "\(kind) has no message")
      }
      event.write(into: &written)
    }
    return written
  }

  private static func haFrame(_ frame: Vector.Frame, first: Bool) throws -> ByteBuffer {
    var written = ByteBuffer()
    switch (frame.isFromClient, first) {
    case (true, true): written = frame.bytes
    case (true, false): try HAOrder(frame.bytes).write(into: &written)
    case (false, _): try HAReply(frame.bytes).write(into: &written)
    }
    return written
  }

  @Test func `values of every kind come out of the vectors`() throws {
    var kinds: EventMask = []
    for vector in try Vector.load("events") {
      for frame in vector.frames.dropFirst(4) where !frame.isFromClient && frame.kind == "frame" {
        if case .event(let event) = try EventFrame(frame.bytes) {
          kinds.insert(event.kind)
          #expect(vector.frames.contains { $0.isFromClient && $0.kind == "frame" })
        }
      }
    }
    let without: EventMask = [.modifiers, .snmp, .callHome]
    #expect(kinds.union(without).rawValue == UInt32.max, "\(EventMask(rawValue: ~kinds.union(without).rawValue))")
  }

  @Test func `fields are where they belong`() throws {
    func event(_ id: String) throws -> DaemonEvent {
      let vector = try #require(try Vector.load("events").first { $0.id == id })
      guard case .event(let event) = try EventFrame(vector.frames[4].bytes) else { throw CheckFailure("no event") }
      return event
    }
    let admin = EventUser(
      session: 12, user: "admin", context: "cli", sessionProtocol: .ssh, address: .v4(IPv4Address(192, 0, 2, 10)),
      port: 51413, loginTime: 1_700_000_000)
    #expect(
      try event("events/audit/1")
        == .audit(AuditRecord(number: 108, user: "admin", session: 12, message: "sample audit message")))
    #expect(
      try event("events/commit_diff/1")
        == .commitDiff(
          CommitDiffNotice(database: .running, user: admin, transaction: 77, comment: "fix mtu", label: "CHG-1")))
    #expect(
      try event("events/user_session/6")
        == .userSession(UserSessionNotice(.stoppedTransaction, user: admin, database: .candidate)))
    guard case .progress(.progress, let record) = try event("events/progress/1") else { throw CheckFailure("no progress") }
    #expect(record.kind == .start && record.parent.isEmpty && record.session == 12 && record.transaction == 77)
    #expect(record.attributes == [.init("device", .text("ce0")), .init("count", .number(3))])
    #expect(record.links == [.init(trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "00f067aa0ba902b6")])
    guard case .stream(.notification(let time, let values)) = try event("events/stream/1") else {
      throw CheckFailure("no notification")
    }
    #expect(time.date.year == 2026 && values.count == 7 && values[2].content == .value(.enumeration(1)))
  }

  @Test func `shorter subscriptions of older clients are taken`() throws {
    func decode(_ term: Term) throws -> EventSubscription { try EventSubscription(term.encoded) }
    #expect(try decode(.integer(3)) == EventSubscription([.audit, .daemon]))
    #expect(
      try decode(.tuple([.integer(8192), .integer(5000)])) == EventSubscription(.heartbeat, heartbeatInterval: 5000))
    #expect(throws: DecodeError.self) { try decode(.tuple([])) }
    #expect(throws: DecodeError.self) { try decode(.tuple(Array(repeating: .integer(0), count: 6))) }
    #expect(throws: DecodeError.self) { try decode(.integer(1 << 32)) }
    #expect(throws: DecodeError.self) { try decode(.integer(-1)) }
    #expect(EventAcknowledgement(Term.tuple([.integer(5), .atom("other")]).encoded) == nil)
    #expect(EventAcknowledgement(ByteBuffer(bytes: [131, 104])) == nil)
  }

  @Test func `damaged frames are refused and never trap`() throws {
    var generator = SeededGenerator(seed: 7)
    for vector in try Vector.load("events") + Vector.load("ha") {
      for frame in vector.frames where frame.kind == "frame" && frame.isBareTerm {
        for _ in 0..<8 {
          var bytes = hexBytes(frame.hex)
          bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
          if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
          let buffer = ByteBuffer(bytes: bytes)
          _ = try? EventFrame(buffer)
          _ = try? EventSubscription(buffer)
          _ = EventAcknowledgement(buffer)
          _ = try? HAOrder(buffer)
          _ = try? HAReply(buffer)
        }
      }
    }
  }

  @Test func maskNames() {
    #expect(EventMask.names.map(\.mask.rawValue) == (0..<32).map { UInt32(1) << $0 })
    #expect(EventMask(name: "commit_simple") == .commitSimple)
    #expect(EventMask(name: "nosuch") == nil)
    #expect("\(EventMask([.audit, .daemon]))" == "audit, daemon")
  }
}
