import NSOModel
import NSOStore
import Testing

@testable import NSOEngine

/// `when` conditions where data is read and written.
@Suite("Conditions")
struct ConditionTests {
  static let module = """
    module t {
      yang-version 1.1;
      namespace "urn:t";
      prefix t;
      container c {
        leaf kind { type enumeration { enum eth; enum ppp; } }
        leaf speed { when "../kind = 'eth'"; type uint32; }
        leaf auto { when "../kind = 'eth'"; type boolean; default true; }
        leaf more { when "../speed > 100"; type string; }
        container opt { when "../kind = 'ppp'"; leaf user { type string; } leaf retries { type uint8; default 3; }
          container deep { leaf x { type uint8; default 1; } } list peer { key n; leaf n { type string; } } }
        list l { when "../kind"; key k; leaf k { type string; } leaf v { when "../k != 'no'"; type string; } }
        choice ch { case a { leaf a { type string; } } case b { container bc { leaf b { type string; } leaf bd { type uint8; default 9; } } } }
        leaf needs-b { when "../bc/b"; type string; }
      }
    }
    """

  let test: TestEngine

  init() throws { test = try TestEngine(module: Self.module) }

  func edit(_ transaction: Transaction, _ body: (inout TreeEditor) throws -> Void) throws {
    try transaction.write { (editor) throws(NSOError) in
      do { try body(&editor) } catch let error as NSOError { throw error } catch { throw NSOError(.internal, "\(error)") }
    }
  }

  func value(_ path: String, _ transaction: Transaction) throws -> Value? {
    let location = try test.locate(path)
    return try transaction.read { (view) throws(NSOError) in try view.value(location) }
  }

  func exists(_ path: String, _ transaction: Transaction) throws -> Bool {
    let location = try test.locate(path)
    return try transaction.read { (view) throws(NSOError) in try view.exists(location) }
  }

  @Test func whatMayNotBeThereCannotBeWritten() throws {
    let transaction = try test.start()
    func refused(_ body: (inout TreeEditor) throws -> Void) -> NSOError? {
      #expect(throws: NSOError.self) { try edit(transaction, body) }
    }
    let error = refused { try $0.set(test.locate("/t:c/speed"), .uint32(1)) }
    #expect(error?.code == .noExists)
    #expect(error?.message == "/t:c/speed cannot be written: the condition \"../kind = 'eth'\" of /t:c/speed does not hold")
    #expect(refused { try $0.create(test.locate("/t:c/l{a}")) }?.code == .noExists)
    #expect(refused { try $0.set(test.locate("/t:c/opt/user"), .string("u")) }?.code == .noExists)
    #expect(
      refused { try $0.set(test.locate("/t:c/opt/deep/x"), .uint8(2)) }?.message.contains("of /t:c/opt does not hold") ?? false)
    #expect(refused { try $0.create(test.locate("/t:c/opt/peer{a}")) }?.code == .noExists)
    #expect(!transaction.hasChanges)
    // Also as a single write, which has no savepoint.
    let speed = try test.locate("/t:c/speed")
    #expect(throws: NSOError.self) {
      try transaction.writeOne { (editor) throws(NSOError) in try editor.set(speed, .uint32(1)) }
    }
    #expect(!transaction.hasChanges)
    try edit(transaction) { editor in
      try editor.set(test.locate("/t:c/kind"), .enumeration(0))
      try editor.set(test.locate("/t:c/speed"), .uint32(200))
      try editor.set(test.locate("/t:c/more"), .string("m"))
      try editor.create(test.locate("/t:c/l{a}"))
      try editor.set(test.locate("/t:c/l{a}/v"), .string("v"))
      try editor.create(test.locate("/t:c/l{no}"))
    }
    #expect(refused { try $0.set(test.locate("/t:c/l{no}/v"), .string("v")) }?.code == .noExists)
  }

  @Test func defaultsFollowConditions() throws {
    let transaction = try test.start()
    #expect(try value("/t:c/auto", transaction) == nil)
    #expect(try !exists("/t:c/auto", transaction))
    #expect(try !exists("/t:c/opt", transaction))
    #expect(try value("/t:c/opt/retries", transaction) == nil)
    #expect(try value("/t:c/opt/deep/x", transaction) == nil)
    try edit(transaction) { try $0.set(test.locate("/t:c/kind"), .enumeration(0)) }
    #expect(try value("/t:c/auto", transaction) == .bool(true))
    #expect(try !exists("/t:c/opt", transaction))
    try edit(transaction) { try $0.set(test.locate("/t:c/kind"), .enumeration(1)) }
    #expect(try value("/t:c/auto", transaction) == nil)
    #expect(try exists("/t:c/opt", transaction))
    #expect(try value("/t:c/opt/retries", transaction) == .uint8(3))
    #expect(try value("/t:c/opt/deep/x", transaction) == .uint8(1))
    #expect(try value("/t:c/bc/bd", transaction) == nil)
  }

  @Test func whatIsNoLongerAllowedGoesAtOnce() throws {
    let transaction = try test.start()
    try edit(transaction) { editor in
      try editor.set(test.locate("/t:c/kind"), .enumeration(0))
      try editor.set(test.locate("/t:c/speed"), .uint32(200))
      try editor.set(test.locate("/t:c/more"), .string("m"))
      try editor.create(test.locate("/t:c/l{a}"))
    }
    try edit(transaction) { try $0.set(test.locate("/t:c/kind"), .enumeration(1)) }
    #expect(try value("/t:c/speed", transaction) == nil)
    // What depended on what went, went too.
    #expect(try value("/t:c/more", transaction) == nil)
    #expect(try exists("/t:c/l{a}", transaction))
    try edit(transaction) { try $0.set(test.locate("/t:c/opt/user"), .string("u")) }
    try edit(transaction) { try $0.delete(test.locate("/t:c/kind")) }
    #expect(try !exists("/t:c/l{a}", transaction))
    #expect(try value("/t:c/opt/user", transaction) == nil)
  }

  @Test func casesAndConditions() throws {
    let transaction = try test.start()
    try edit(transaction) { editor in
      try editor.set(test.locate("/t:c/bc/b"), .string("x"))
      try editor.set(test.locate("/t:c/needs-b"), .string("y"))
    }
    #expect(try value("/t:c/bc/bd", transaction) == .uint8(9))
    try edit(transaction) { try $0.set(test.locate("/t:c/a"), .string("z")) }
    #expect(try value("/t:c/needs-b", transaction) == nil)
    #expect(try value("/t:c/bc/bd", transaction) == nil)
    // A container as a whole.
    try edit(transaction) { editor in
      try editor.set(test.locate("/t:c/bc/b"), .string("x"))
      try editor.set(test.locate("/t:c/needs-b"), .string("y"))
      try editor.delete(test.locate("/t:c/bc"))
    }
    #expect(try value("/t:c/needs-b", transaction) == nil)
  }

  /// Within one operation, and with delayed-when within a transaction, the order does not matter.
  @Test func orderWithinAnOperation() async throws {
    let transaction = try test.start()
    try edit(transaction) { editor in
      try editor.setValues(
        [
          TaggedValue(Tag("more"), .value(.string("m"))), TaggedValue(Tag("speed"), .value(.uint32(101))),
          TaggedValue(Tag("kind"), .value(.enumeration(0))),
        ], at: test.locate("/t:c"))
    }
    #expect(try value("/t:c/more", transaction) == .string("m"))
    #expect(throws: NSOError.self) {
      try edit(transaction) { editor in
        try editor.setValues(
          [
            TaggedValue(Tag("kind"), .value(.enumeration(1))), TaggedValue(Tag("speed"), .value(.uint32(7))),
          ], at: test.locate("/t:c"))
      }
    }
    #expect(try value("/t:c/kind", transaction) == .enumeration(0))
    try edit(transaction) { editor in
      editor.conditions = .delayed
      try editor.set(test.locate("/t:c/opt/user"), .string("u"))
      try editor.set(test.locate("/t:c/kind"), .enumeration(1))
    }
    // What has no place now reads as absent, but is there until validation.
    #expect(try value("/t:c/speed", transaction) == nil)
    try edit(transaction) { try $0.set(test.locate("/t:c/kind"), .enumeration(0)) }
    #expect(try value("/t:c/speed", transaction) == .uint32(101))
    try edit(transaction) { try $0.set(test.locate("/t:c/kind"), .enumeration(1)) }
    try await test.engine.validate(transaction, unlock: true)
    #expect(try value("/t:c/opt/user", transaction) == .string("u"))
    try edit(transaction) { try $0.set(test.locate("/t:c/kind"), .enumeration(0)) }
    #expect(try value("/t:c/speed", transaction) == nil)
  }

  @Test func documentsInAnyOrder() async throws {
    let transaction = try test.start()
    let load = try ConfigurationLoad(transaction, LoadOptions(format: .xml, mode: .merge))
    try load.feed(Array("<c xmlns=\"urn:t\"><more>m</more><speed>300</speed><kind>eth</kind></c>".utf8))
    try load.finish()
    try await test.engine.apply(transaction, keepOpen: true)
    #expect(try test.value("/t:c/more") == .string("m"))
  }
}
