import Foundation
import NIOCore
import NSOEngine
import NSOModel
import NSOWire
import TestSupport
import Testing

@testable import NSOServer

@Suite struct RobustnessTests {
  /// Requests that change the daemon, or whose reply never comes while it serves.
  private static let untouchable: Set<UInt32> = [404]

  static func requests(_ file: String) throws -> [(id: String, bytes: [UInt8])] {
    var seen: Set<[UInt8]> = []
    return try Vector.load(file).flatMap { vector in
      vector.frames.filter { $0.dir == "c2s" && $0.kind == "frame" }.compactMap { frame in
        // Answers of iterations are no requests.
        guard frame.bytes.count != 4 || frame.bytes[2] != 0 || frame.bytes[3] > 5 || frame.bytes[3] == 0 || file == "cdb" else {
          return nil
        }
        guard seen.insert(frame.bytes).inserted else { return nil }
        return (vector.id, frame.bytes)
      }
    }
  }

  @Test func `every MAAPI request of the vectors is answered in form`() async throws {
    try await TestDaemon.run { daemon in
      var answers: [UInt32: Set<String>] = [:]
      for (id, bytes) in try Self.requests("maapi") {
        let op = operationNumber(ByteBuffer(bytes: bytes))
        guard !Self.untouchable.contains(op) else { continue }
        let client = try daemon.session()
        client.sendFrame(ByteBuffer(bytes: bytes))
        guard let frame = client.receiveFrame() else {
          Issue.record("\(id): the connection closed")
          continue
        }
        if frame.getInteger(at: frame.readerIndex, as: UInt8.self) == 131 {
          // Streamed replies have no op word.
          #expect([183, 184, 198, 232].contains(op), "\(id)")
          answers[op, default: []].insert("stream")
          continue
        }
        switch try ReplyFrame(frame) {
        case .success(let found, let term):
          #expect(found == op, "\(id)")
          answers[op, default: []].insert("ok")
          let shape = MAAPIOperation(rawValue: op)?.info.reply ?? .term
          #expect(throws: Never.self, "\(id)") { try Reply(shape, term) }
        case .failure(let found, let error):
          #expect(found == op, "\(id)")
          #expect(!error.message.isEmpty, "\(id): \(error.code)")
          answers[op, default: []].insert("\(error.code.rawValue)")
          if error.code == .notImplemented {
            #expect(error.message.contains("not supported yet") || error.message.contains("not known"), "\(id): \(error)")
          }
        }
      }
      Self.compare(MAAPIOperation.table, answers)
    }
  }

  /// The table of operations says the same as the daemon: what is done is served, what is only answered 51 is not done.
  private static func compare<Operation>(_ table: [OperationInfo<Operation>], _ answers: [UInt32: Set<String>])
  where Operation: RawRepresentable<UInt32> {
    for line in table {
      guard let found = answers[line.operation.rawValue] else { continue }
      let text = Comment("\(line.name): the table says \(line.status), the daemon answered \(found.sorted())")
      if line.status == .done { #expect(!found.contains("51"), text) }
      if found == ["51"] { #expect(line.status != .done, text) }
      if found.contains("ok") || found.contains("stream") { #expect(line.status != .notSupported, text) }
    }
  }

  @Test func `every CDB request of the vectors is answered in form`() async throws {
    try await TestDaemon.run { daemon in
      var answers: [UInt32: Set<String>] = [:]
      for (id, bytes) in try Self.requests("cdb") {
        let op = operationNumber(ByteBuffer(bytes: bytes))
        guard op != 0 else { continue }
        let client = try daemon.connect(.cdb)
        if op != 1 { try client.done(.newSession(NewSession((48...54).contains(op) ? .operational : .running, options: []))) }
        client.sendFrame(ByteBuffer(bytes: bytes))
        guard let frame = client.receiveFrame() else {
          Issue.record("\(id): the connection closed")
          continue
        }
        if frame.getInteger(at: frame.readerIndex, as: UInt8.self) == 131 {
          // Iterations have no op word; here there is nothing to iterate over.
          #expect(op == CDBOperation.subscriptionIterate.rawValue, "\(id)")
          guard case .badState = try IterationItem(frame) else {
            Issue.record("\(id): another item")
            continue
          }
          answers[op, default: []].insert("stream")
          continue
        }
        switch try ReplyFrame(frame) {
        case .success(let found, let term):
          #expect(found == op, "\(id)")
          answers[op, default: []].insert("ok")
          let shape = CDBOperation(rawValue: op)?.info.reply ?? .term
          #expect(throws: Never.self, "\(id)") { try Reply(shape, term) }
        case .failure(let found, let error):
          #expect(found == op, "\(id)")
          #expect(!error.message.isEmpty, "\(id)")
          answers[op, default: []].insert("\(error.code.rawValue)")
        }
      }
      Self.compare(CDBOperation.table, answers)
    }
  }

  @Test func `mutated requests harm nobody`() async throws {
    try await TestDaemon.run { daemon in
      var random = SeededGenerator(seed: 20)
      let requests = try Self.requests("maapi").map(\.bytes).filter { $0.count > 8 && $0.count < 400 }
      let healthy = try daemon.session("healthy")
      let cdb = try Self.requests("cdb").map(\.bytes).filter { $0.count > 4 && $0.count < 400 && $0[3] != 0 }
      for round in 0..<1500 {
        let isCDB = round % 3 == 0
        var bytes = (isCDB ? cdb : requests).randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count > 5 {
          switch Int.random(in: 0..<3, using: &random) {
          case 0: bytes[Int.random(in: 4..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
          case 1: bytes.removeLast(Int.random(in: 1..<bytes.count - 4, using: &random))
          default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: Int.random(in: 4...bytes.count, using: &random))
          }
        }
        let op = operationNumber(ByteBuffer(bytes: bytes))
        // Some wait for something, which is right.
        if !isCDB, [401, 402, 403, 404, 235, 251, 259].contains(op) { continue }
        if isCDB, op == 0 { continue }
        let client = isCDB ? try daemon.connect(.cdb) : try daemon.session("fuzz")
        if isCDB { try client.done(.newSession(NewSession(.operational))) }
        client.sendFrame(ByteBuffer(bytes: bytes))
        let reply = client.receiveFrame()
        #expect(reply != nil, "nothing came for \(bytes)")
      }
      #expect(try healthy.integer(.getMyUserSession) > 0)
      try daemon.until { daemon.engine.sessions.all.count == 1 && daemon.engine.transactions.isEmpty }
    }
  }

  @Test func `many clients at once, some of whom vanish in the middle`() async throws {
    try await TestDaemon.run { daemon in
      try CDBTests.fill(daemon)
      let threads = (0..<8).map { number in
        let thread = BodyThread {
          for round in 0..<20 {
            let client = try daemon.session("user\(number)")
            let handle = try client.start()
            try client.done(.setElem2("v\(round)", Keypath.site("west", .tag("title")).wire), handle)
            switch (round + number) % 4 {
            case 0: continue
            case 1: client.send(.applyTransaction(keepOpen: false, flags: 0), handle)
            default:
              do {
                try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
              } catch let error as NSOError where error.code == .transactionConflict {}
              try client.done(.stopTransaction, handle)
            }
          }
        }
        thread.start()
        return thread
      }
      for thread in threads { try thread.join() }
      try daemon.until { daemon.engine.sessions.all.isEmpty && daemon.engine.transactions.isEmpty }
      #expect(daemon.engine.commitHolders.writer == nil)
      let check = try CDBTests.reader(daemon)
      guard case .value(.string(let title)) = try check.call(.get(Keypath.site("west", .tag("title")).wire)) else {
        throw NSOError(.internal, "no title")
      }
      #expect(title.hasPrefix("v"))
    }
  }

  @Test func `the status tells who is connected`() async throws {
    try await TestDaemon.run { daemon in
      let cdb = try CDBTests.reader(daemon)
      let maapi = try daemon.session("anna")
      daemon.wait { daemon in
        let status = await daemon.server.status()
        #expect(status.connections.map(\.stage) == ["CDB", "MAAPI"])
        #expect(status.connections.map(\.clientName)[0] == "test")
        #expect(status.connections[1].clientName?.hasPrefix("anna (session ") == true)
        #expect(status.connections.map(\.requests) == [2, 1])
        #expect(status.listeners.count == 1)
      }
      _ = (cdb, maapi)
    }
  }
}

/// A thread that can be waited for, and whose error is not lost.
final class BodyThread: @unchecked Sendable {
  // Written by the thread before `done`, read after it.
  private var failure: (any Error)?
  private let done = DispatchSemaphore(value: 0)
  private let body: @Sendable () throws -> Void

  init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }

  func start() {
    Thread { [self] in
      do { try body() } catch { failure = error }
      done.signal()
    }.start()
  }

  func join() throws {
    done.wait()
    if let failure { throw failure }
  }
}
