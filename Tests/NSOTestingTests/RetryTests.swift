import NSOClient
import NSOModel
import NSOTesting
import Testing

@Suite struct RetryTests {
  static let model = """
    module counter {
      yang-version 1.1; namespace "urn:counter"; prefix c;
      container counters { leaf total { type uint32; default 0; } list one { key id; leaf id { type uint32; } } }
    }
    """

  /// Several clients count at the same time: no step is lost.
  @Test func conflictsAreTriedAgain() async throws {
    try await TestDaemon.run(modules: [Self.model]) { daemon in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<5 {
          group.addTask {
            try await daemon.client.withMAAPI { (maapi) async throws in
              try await maapi.startUserSession()
              for _ in 0..<8 {
                try await maapi.withRetry(attempts: 1000) { (transaction) async throws in
                  guard case .uint32(let total) = try await transaction.get("/c:counters/total") else { return }
                  try await transaction.set(.uint32(total + 1), at: "/c:counters/total")
                }
              }
            }
          }
        }
        try await group.waitForAll()
      }
      try await daemon.client.withMAAPI { (maapi) async throws in
        try await maapi.startUserSession()
        try await maapi.withTransaction(.running, .read) { (transaction) async throws in
          #expect(try await transaction.get("/c:counters/total") == .uint32(40))
        }
      }
    }
  }

  @Test func otherErrorsAndTheLastConflictPassThrough() async throws {
    try await TestDaemon.run(modules: [Self.model]) { daemon in
      try await daemon.client.withMAAPI { (maapi) async throws in
        try await maapi.startUserSession()
        var runs = 0
        let refused = await #expect(throws: NSOError.self) {
          try await maapi.withRetry { (transaction) async throws in
            runs += 1
            try await transaction.create("/c:counters/one{no}")
          }
        }
        #expect(refused?.code != .transactionConflict && runs == 1)
        let conflict = await #expect(throws: NSOError.self) {
          try await maapi.withRetry(attempts: 2) { (transaction) async throws in
            runs += 1
            _ = try await transaction.get("/c:counters/total")
            try await transaction.create("/c:counters/one{\(runs)}")
            // Somebody else is faster each time.
            try await daemon.client.withMAAPI { (other) async throws in
              try await other.startUserSession()
              try await other.withTransaction { (transaction) async throws in
                try await transaction.set(.uint32(UInt32(runs)), at: "/c:counters/total")
              }
            }
          }
        }
        #expect(conflict?.code == .transactionConflict && runs == 3)
      }
    }
  }
}
