import ExternalTerm
import InMemoryTracing
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing
import Tracing

@testable import NSOServer

@Suite struct ProgressTests {
  private func records(_ client: WireClient, until message: String) throws -> [ProgressRecord] {
    var all: [ProgressRecord] = []
    while true {
      guard case .progress(_, let record) = try client.event() else { throw NSOError(.internal, "another event") }
      all.append(record)
      if record.kind == .stop, record.message == message { return all }
    }
  }

  @Test func `the phases of a commit`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.connect(.events)
      try watcher.subscribe(EventSubscription(.progress, verbosity: 1))
      let old = try daemon.watch(.commitProgress)
      let (client, user) = try daemon.user()
      let handle = try client.prepareChange("anna")
      try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      let records = try records(watcher, until: "applying transaction")
      let root = records[0]
      #expect(root.kind == .start && root.message == "applying transaction" && root.parent.isEmpty && root.duration == 0)
      #expect(root.span.utf8.count == 16 && root.trace.utf8.count == 32 && root.time > 1_600_000_000_000_000)
      for record in records {
        #expect(record.trace == root.trace && record.session == user.session && record.transaction == handle)
        #expect(record.database == .running && record.context == "cli")
      }
      func span(_ message: String) -> ProgressRecord? { records.first { $0.message == message && $0.kind == .start } }
      for phase in ["validate", "prepare", "commit"] { #expect(span(phase)?.parent == root.span, "\(phase)") }
      #expect(span("write to the database")?.parent == span("commit")?.span)
      #expect(span("commit events")?.parent == span("commit")?.span)
      // Each start has its stop, inside of its parent's.
      #expect(records.filter { $0.kind == .start }.count == records.filter { $0.kind == .stop }.count)
      for stop in records where stop.kind == .stop {
        let start = records.first { $0.span == stop.span && $0.kind == .start }
        #expect(start.map { $0.time + stop.duration == stop.time } == true)
      }
      // Under the old name, without what is verbose.
      let fewer = try self.records(old, until: "applying transaction")
      #expect(fewer.map(\.message).contains("validate") && !fewer.map(\.message).contains("commit events"))
    }
  }

  @Test func `a commit is part of the trace that it names`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.connect(.events)
      try watcher.subscribe(EventSubscription(.progress, verbosity: 1))
      let (client, _) = try daemon.user()
      let trace = "d7f0648241ad4151938d7a8bc7b3ce33"
      let handle = try client.prepareChange("anna")
      let parameters = [TaggedValue("trace-id", .string(trace))]
      _ = try client.call(.applyTransactionWithParameters(keepOpen: false, parameters), handle)
      let records = try records(watcher, until: "applying transaction")
      #expect(records.allSatisfy { $0.trace == trace })
      // Who has no part in a commit has no span in it: there are no hooks, validation points, providers, subscribers here.
      let told = Set(records.map(\.message))
      #expect(
        told.isDisjoint(with: ["hooks of transaction hooks", "validation by validation points", "commit CDB subscribers"]))
      #expect(
        told.isSuperset(of: ["commit history", "commit events"]) && !told.contains { $0.hasPrefix("prepare ") }, "\(told)")
    }
  }

  @Test func `a refusal is told where it happened`() async throws {
    try await TestDaemon.run { daemon in
      let watcher = try daemon.watch(.progress)
      let (client, _) = try daemon.user()
      let other = try daemon.session("other")
      let handle = try client.start()
      _ = try client.integer(.exists(Keypath.plant(.tag("owner")).wire), handle)
      try client.done(.setElem(EncodedTerm(.string("anna")), Keypath.plant(.tag("owner")).wire), handle)
      let second = try other.prepareChange("other")
      try other.done(.applyTransaction(keepOpen: false, flags: 0), second)
      _ = try records(watcher, until: "applying transaction")
      #expect(errorCode { try client.done(.applyTransaction(keepOpen: false, flags: 0), handle) } == .transactionConflict)
      let told = try records(watcher, until: "applying transaction")
      #expect(told.last?.annotation.contains("CONFD_ERR_TRANSACTION_CONFLICT") == true)
      #expect(told.contains { $0.message == "prepare" && $0.kind == .stop && !$0.annotation.isEmpty })
      #expect(told.contains { $0.message == "validate" && $0.kind == .stop && $0.annotation.isEmpty })
    }
  }

  @Test func `spans of clients nest`() async throws {
    try await TestDaemon.run { daemon in
      let (client, user) = try daemon.user()
      func start(_ message: WireText, verbosity: Int = 0, handle: Int32? = nil) throws -> [Term] {
        let event = ProgressSpan.Event(
          verbosity: verbosity, message, path: Keypath.site("a").wire,
          attributes: [.init("device", .text("ce0")), .init("count", .integer(3))], links: [.init(trace: "t", span: "s")])
        let request: MAAPIRequest = handle == nil ? .progressSpan(.start(event)) : .progressSpanInTransaction(.start(event))
        guard case .term(let term) = try client.call(request, handle), case .tuple(let ids) = try term.term() else { return [] }
        return ids
      }
      // Nobody listens.
      #expect(try start("nobody") == [.atom("undefined"), .atom("undefined")])
      let watcher = try daemon.connect(.events)
      try watcher.subscribe(EventSubscription(.progress, verbosity: 1))
      #expect(try start("too verbose", verbosity: 2) == [.atom("undefined"), .atom("undefined")])
      let outer = try start("outer")
      let handle = try client.start()
      let inner = try start("inner", handle: handle)
      _ = try client.call(.progressSpan(.info(.init(verbosity: 1, "noted"))))
      guard case .binary(let outerID) = outer[0], case .binary(let innerID) = inner[0] else {
        throw NSOError(.internal, "no ids")
      }
      let outerSpan = String(decoding: outerID, as: UTF8.self)
      let innerSpan = String(decoding: innerID, as: UTF8.self)
      #expect(outer[1] == inner[1])
      // A commit inside of it is part of it.
      try client.done(.create(Keypath.site("a").wire), handle)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      _ = try client.call(.progressSpan(.end(span: outerSpan, annotation: "well")))
      #expect(
        try client.call(.progressSpan(.end(span: innerSpan, annotation: "late")))
          == .term(EncodedTerm(.tuple([.atom("undefined"), .atom("undefined")]))))
      let told = try records(watcher, until: "outer")
      #expect(told.map(\.message).prefix(3) == ["outer", "inner", "noted"])
      let first = told[0]
      #expect(first.attributes.contains(.init("device", .text("ce0"))) && first.attributes.contains(.init("count", .number(3))))
      #expect(first.attributes.contains(.init("path", .text("/p:plant/site{a}"))))
      #expect(first.links == [.init(trace: "t", span: "s")])
      #expect(first.session == user.session && first.transaction == 0)
      #expect(told[1].parent == outerSpan && told[1].transaction == handle && told[1].database == .running)
      #expect(told[2].kind == .info && told[2].span == innerSpan)
      #expect(told.first { $0.message == "applying transaction" }?.parent == innerSpan)
      #expect(told.suffix(2).map(\.message) == ["inner", "outer"] && told.last?.annotation == "well")
      // What is open ends with the session.
      _ = try start("left open")
      try client.done(.endUserSession)
      #expect(try records(watcher, until: "left open").last?.annotation == "the user session ended")
    }
  }

  @Test func `other exporters follow`() async throws {
    let tracer = InMemoryTracer()
    try await withTracer(tracer) {
      try await TestDaemon.run { daemon in
        let client = try daemon.session()
        try client.commit { handle in try client.done(.create(Keypath.site("a").wire), handle) }
      }
    }
    let names = tracer.finishedSpans.map(\.operationName)
    #expect(names.contains("applying transaction") && names.contains("validate") && names.contains("write to the database"))
    let root = tracer.finishedSpans.first { $0.operationName == "applying transaction" }
    let child = tracer.finishedSpans.first { $0.operationName == "validate" }
    #expect(root != nil && child?.spanContext.parentSpanID == root?.spanContext.spanID)
  }
}
