import ExternalTerm
import Logging
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

@Suite struct TransactionTests {
  @Test func `one client changes configuration, another reads it`() async throws {
    try await TestDaemon.run { daemon in
      let writer = try daemon.session("writer")
      let reader = try daemon.session("reader")
      let before = try reader.start(.running, .read)
      let handle = try writer.start()
      try writer.done(.create(Keypath.site("west").wire), handle)
      try writer.done(.setElem(EncodedTerm(.string("West wing")), Keypath.site("west", .tag("title")).wire), handle)
      try writer.done(.setElem2("12", Keypath.site("west", .tag("floors")).wire), handle)
      #expect(try writer.value(.site("west", .tag("floors")), handle) == .uint8(12))
      #expect(try reader.integer(.exists(Keypath.site("west").wire), before) == 0)
      try writer.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      // A transaction sees the moment it began at.
      #expect(try reader.integer(.exists(Keypath.site("west").wire), before) == 0)
      let after = try reader.start(.running, .read)
      #expect(try reader.value(.site("west", .tag("title")), after) == .string("West wing"))
      #expect(try reader.value(.site("west", .tag("id")), after) == .string("west"))
      #expect(errorCode { try writer.done(.create(Keypath.site("east").wire), handle) } == .badState)
      try writer.done(.stopTransaction, handle)
      #expect(errorCode { try writer.done(.stopTransaction, handle) } == .noTransaction)
    }
  }

  @Test func `the phases by hand`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let handle = try client.start()
      try client.done(.create(Keypath.site("a").wire), handle)
      #expect(errorCode { try client.done(.prepareTransaction(flags: 0), handle) } == .badState)
      try client.done(.validateTransaction(unlock: true, force: false), handle)
      try client.done(.validateTransaction(unlock: false, force: false), handle)
      #expect(errorCode { try client.done(.create(Keypath.site("b").wire), handle) } == .badState)
      try client.done(.prepareTransaction(flags: 0), handle)
      try client.done(.commitTransaction, handle)
      try client.done(.stopTransaction, handle)

      let second = try client.start()
      try client.done(.create(Keypath.site("b").wire), second)
      try client.done(.validateTransaction(unlock: false, force: false), second)
      try client.done(.prepareTransaction(flags: 0), second)
      try client.done(.abortTransaction, second)
      try client.done(.stopTransaction, second)
      let check = try client.start(.running, .read)
      #expect(try client.integer(.numInstances(Keypath.plant(.tag("site")).wire), check) == 1)
    }
  }

  @Test func `revert, nested transactions, finish without commit`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let outer = try client.start()
      try client.done(.create(Keypath.site("outer").wire), outer)
      let inner = Int32(
        truncatingIfNeeded: try client.integer(
          .startNestedTransaction(StartNestedTransaction(.readWrite, backend: TransactionHandle(outer)))))
      #expect(try client.integer(.exists(Keypath.site("outer").wire), inner) == 1)
      try client.done(.create(Keypath.site("inner").wire), inner)
      #expect(try client.integer(.exists(Keypath.site("inner").wire), outer) == 0)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), inner)
      #expect(try client.integer(.exists(Keypath.site("inner").wire), outer) == 1)
      try client.done(.stopTransaction, inner)
      try client.done(.revert, outer)
      #expect(try client.integer(.exists(Keypath.site("inner").wire), outer) == 0)
      try client.done(.create(Keypath.site("lost").wire), outer)
      try client.done(.stopTransaction, outer)
      let check = try client.start(.running, .read)
      #expect(try client.integer(.exists(Keypath.site("lost").wire), check) == 0)
    }
  }

  @Test func `attached connections share the data, and cannot end it`() async throws {
    try await TestDaemon.run { daemon in
      let owner = try daemon.session()
      let handle = try owner.start()
      try owner.done(.create(Keypath.site("x").wire), handle)
      let guest = try daemon.connect()
      #expect(errorCode { _ = try guest.call(.exists(Keypath.site("x").wire), handle) } == .noTransaction)
      try guest.done(.attach(Attach()), handle)
      #expect(try guest.integer(.exists(Keypath.site("x").wire), handle) == 1)
      #expect(try guest.integer(.getMyUserSession) == (try owner.integer(.getMyUserSession)))
      try guest.done(.setElem2("t", Keypath.site("x", .tag("title")).wire), handle)
      #expect(try owner.value(.site("x", .tag("title")), handle) == .string("t"))
      #expect(errorCode { try guest.done(.applyTransaction(keepOpen: false, flags: 0), handle) } == .protocolUsage)
      #expect(errorCode { try guest.done(.stopTransaction, handle) } == .protocolUsage)
      try guest.done(.detach, handle)
      #expect(errorCode { _ = try guest.call(.exists(Keypath.site("x").wire), handle) } == .noTransaction)
      try guest.done(.attach(Attach()), handle)
      try owner.done(.stopTransaction, handle)
      #expect(errorCode { _ = try guest.call(.exists(Keypath.site("x").wire), handle) } == .noTransaction)
      #expect(errorCode { try guest.done(.attach(Attach(session: -2)), -2) } == .noTransaction)
      #expect(errorCode { try guest.done(.attach(Attach()), 4711) } == .noTransaction)
    }
  }

  @Test func `datastores that are not there say so`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      for request: MAAPIRequest in [
        .candidateReset, .candidateCommit(CandidateCommit()), .isCandidateModified, .copyRunningToStartup, .isRunningModified,
        .deleteConfig(.startup), .startTransaction(StartTransaction(.candidate, .readWrite)),
      ] { #expect(errorCode { _ = try client.call(request) } == .noExists, "\(request)") }
      #expect(try client.integer(.confirmedCommitInProgress) == 0)
    }
  }

  @Test func `a datastore is emptied in one commit`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      try client.commit { handle in for id in ["a", "b"] { try client.done(.create(Keypath.site(id).wire), handle) } }
      try client.done(.deleteConfig(.running))
      let check = try client.start(.running, .read)
      #expect(try client.integer(.numInstances(Keypath.plant(.tag("site")).wire), check) == 0)
      #expect(daemon.engine.transactions.count == 1)
    }
  }

  @Test func `requests without handle, and unknown operations, are errors and the connection goes on`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      #expect(errorCode { _ = try client.call(MAAPIRequest.exists(Keypath.plant().wire)) } == .noTransaction)
      #expect(
        errorText { _ = try client.call(.snmpaReload(wait: true)) }.contains("MAAPI SNMPA_RELOAD (409) is not supported yet"))
      #expect(errorCode { _ = try client.call(.unknown(op: 9999, payload: .init())) } == .notImplemented)
      #expect(try client.integer(.getMyUserSession) > 0)
    }
  }

  @Test func `a malformed term is answered with 21 and the end`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      client.raw.send([0, 0, 0, 6, 0, 0, 0, 104, 131, 255])
      #expect(errorCode { _ = try client.reply(104, .done) } == .protocolUsage)
      #expect(client.receiveFrame() == nil)
      #expect(daemon.log.lines(from: .warning).count == 1)
      // A sound term of another kind leaves the connection open.
      let other = try daemon.session()
      other.raw.send([0, 0, 0, 6, 0, 0, 0, 104, 131, 106])
      #expect(errorCode { _ = try other.reply(104, .done) } == .protocolUsage)
      #expect(try other.integer(.getMyUserSession) > 0)
      // Too short for an operation number.
      other.raw.send([0, 0, 0, 2, 0, 0])
      #expect(errorCode { _ = try other.reply(0, .done) } == .protocolUsage)
      #expect(other.receiveFrame() == nil)
    }
  }

  @Test func `daemon control`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.connect()
      try client.done(.waitStart(phase: 2))
      #expect(errorCode { try client.done(.waitStart(phase: 3)) } == .protocolUsage)
      try client.done(.reloadConfig)
      #expect(errorCode { try client.done(.reopenLogs) } == .external)
      try client.done(.startPhase(2, synchronous: true))
      #expect(try client.call(.daemonStatus) == .text("status: fine"))
      try client.done(.stop(wait: false))
      #expect(daemon.control.requests == ["reload", "phase 2", "stop"])
      client.send(.stop(wait: true))
      daemon.wait { await $0.server.stop(within: .milliseconds(50)) }
      daemon.server.release()
      #expect(client.receiveFrame() == nil)
    }
  }
}
