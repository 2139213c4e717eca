import ExternalTerm
import Foundation
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import TestSupport
import Testing

@testable import NSOServer

/// Several clients work at random on the same data: read, write, commit in one step or in phases, give up, die. A small model in
/// memory says what each must see, which commits may succeed, and what is there at the end.
@Suite struct TransactionPropertyTests {
  @Test(arguments: 1...6) func `transactions are serializable`(_ seed: Int) async throws {
    try await TestDaemon.run { daemon in
      var world = World(seed: UInt64(seed))
      var actors = try (0..<4).map { try Actor(daemon, "user\($0)") }
      for _ in 0..<350 {
        let index = Int.random(in: 0..<actors.count, using: &world.generator)
        try actors[index].step(&world, daemon)
      }
      #expect(world.commits > 20, "\(world.commits) commits, \(world.conflicts) conflicts")
      for index in actors.indices { try actors[index].end() }
      let reader = try daemon.session()
      let handle = try reader.start(.running, .read)
      #expect(try Actor.all(reader, handle) == world.committed)
    }
  }
}

/// Texts by path, `site/a`, `site/a/title`, `owner`; entries have an empty text.
private typealias Facts = [String: String]

private struct World {
  var generator: SeededGenerator
  var committed: Facts = [:]
  var commits = 0
  var conflicts = 0

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
}

private enum Look: Hashable {
  case value(String)
  case count
  case next(after: String)

  /// What it finds.
  func answer(_ facts: Facts) -> String? {
    switch self {
    case .value(let path): facts[path]
    case .count: "\(facts.keys.count(where: Self.isSite))"
    case .next(let site): facts.keys.filter(Self.isSite).map { String($0.dropFirst(5)) }.filter { $0 > site }.min()
    }
  }

  /// All that a conflict may be about: a walk through entries passes over what is in them.
  func extent(_ facts: Facts) -> Facts {
    switch self {
    case .value(let path): facts.filter { $0.key == path }
    case .count, .next: facts.filter { $0.key.hasPrefix("site/") }
    }
  }

  static func isSite(_ path: String) -> Bool { path.hasPrefix("site/") && !path.dropFirst(5).contains("/") }
}

private enum Edit: Hashable {
  case create(String)
  case delete(String)
  case set(String, String)

  /// False where it cannot be done.
  func apply(to facts: inout Facts) -> Bool {
    switch self {
    case .create(let site):
      guard facts["site/\(site)"] == nil else { return false }
      facts["site/\(site)"] = ""
    case .delete(let path):
      guard facts[path] != nil else { return false }
      facts = facts.filter { $0.key != path && !$0.key.hasPrefix(path + "/") }
    case .set(let path, let text):
      if path.hasPrefix("site/"), facts[String(path.dropLast(6))] == nil { return false }
      facts[path] = text
    }
    return true
  }

  /// What it looks at.
  var look: Look? {
    switch self {
    case .create(let site): .value("site/\(site)")
    case .delete(let path): .value(path)
    case .set(let path, _): path.hasPrefix("site/") ? .value(String(path.dropLast(6))) : nil
    }
  }
}

private struct Actor {
  private let name: String
  private var client: WireClient
  private var handle: Int32?
  /// What the transaction sees; what was there when it began.
  private var seen: Facts = [:]
  private var snapshot: Facts = [:]
  private var looks: Set<Look> = []
  private var edits: [Edit] = []
  /// A conflict leaves only the end.
  private var isSpent = false

  init(_ daemon: TestDaemon, _ name: String) throws {
    self.name = name
    client = try daemon.session(name)
  }

  mutating func step(_ world: inout World, _ daemon: TestDaemon) throws {
    guard let handle else {
      self.handle = try client.start()
      (seen, snapshot) = (world.committed, world.committed)
      (looks, edits, isSpent) = ([], [], false)
      return
    }
    switch Int.random(in: 0..<100, using: &world.generator) {
    case _ where isSpent: try stop()
    case 0..<35: try look(handle, &world)
    case 35..<78: try edit(handle, &world)
    case 78..<91: try commit(handle, &world)
    case 91..<94: try phases(handle, &world)
    case 94..<96: try stop()
    case 96..<98:
      try client.done(.revert, handle)
      (seen, looks, edits) = (snapshot, [], [])
    default: try die(handle, daemon, &world)
    }
  }

  mutating func end() throws { if handle != nil { try stop() } }

  private mutating func stop() throws {
    try client.done(.stopTransaction, handle)
    handle = nil
  }

  private func site(_ world: inout World) -> String { ["a", "b", "c", "d", "e"].randomElement(using: &world.generator) ?? "a" }

  private func leaf(_ world: inout World) -> String {
    Int.random(in: 0..<4, using: &world.generator) == 0 ? "owner" : "site/\(site(&world))/title"
  }

  private mutating func look(_ handle: Int32, _ world: inout World) throws {
    let look: Look
    switch Int.random(in: 0..<6, using: &world.generator) {
    case 0: look = .count
    case 1: look = .next(after: site(&world))
    case 2: look = .value("site/\(site(&world))")
    default: look = .value(leaf(&world))
    }
    #expect(try Self.read(look, client, handle) == look.answer(seen), "\(name) reads \(look)")
    looks.insert(look)
  }

  private mutating func edit(_ handle: Int32, _ world: inout World) throws {
    let edit: Edit
    switch Int.random(in: 0..<6, using: &world.generator) {
    case 0, 1: edit = .create(site(&world))
    case 2: edit = .delete(Bool.random(using: &world.generator) ? "site/\(site(&world))" : leaf(&world))
    default: edit = .set(leaf(&world), "t\(Int.random(in: 0..<1000, using: &world.generator))")
    }
    var next = seen
    let isPossible = edit.apply(to: &next)
    let code = errorCode { try Self.write(edit, client, handle) }
    #expect((code == nil) == isPossible, "\(name): \(edit) gives \(String(describing: code))")
    // Trying is looking, also in vain.
    if let look = edit.look { looks.insert(look) }
    guard isPossible else { return }
    seen = next
    edits.append(edit)
  }

  private mutating func commit(_ handle: Int32, _ world: inout World) throws {
    let code = errorCode { try client.done(.applyTransaction(keepOpen: false, flags: 0), handle) }
    try settle(code, &world)
    try stop()
  }

  /// By hand, with the other way out.
  private mutating func phases(_ handle: Int32, _ world: inout World) throws {
    try client.done(.validateTransaction(unlock: false, force: false), handle)
    let code = errorCode { try client.done(.prepareTransaction(flags: 0), handle) }
    if code == nil, Bool.random(using: &world.generator) {
      try client.done(.abortTransaction, handle)
    } else {
      if code == nil { try client.done(.commitTransaction, handle) }
      try settle(code, &world)
    }
    try stop()
  }

  /// The connection breaks, perhaps while others wait for this transaction.
  private mutating func die(_ handle: Int32, _ daemon: TestDaemon, _ world: inout World) throws {
    if Bool.random(using: &world.generator) {
      try client.done(.validateTransaction(unlock: false, force: false), handle)
    }
    client = try daemon.session(name)
    self.handle = nil
    try daemon.until { !daemon.engine.transactions.contains { $0.handle == handle } }
  }

  /// A commit may only take place when everything that was looked at is as it was; then it does what the model does.
  private mutating func settle(_ code: ErrorCode?, _ world: inout World) throws {
    let lost = edits.isEmpty ? [] : looks.filter { $0.answer(snapshot) != $0.answer(world.committed) }
    switch code {
    case nil:
      world.commits += 1
      #expect(lost.isEmpty, "\(name) committed although \(lost) had changed")
      for edit in edits { #expect(edit.apply(to: &world.committed), "\(name): \(edit) on what is committed") }
    case .transactionConflict:
      world.conflicts += 1
      #expect(
        looks.contains { $0.extent(snapshot) != $0.extent(world.committed) },
        "\(name) lost although nothing that it looked at (\(looks)) has changed")
    default: Issue.record("\(name): commit gives \(String(describing: code))")
    }
  }

  // MARK: The daemon

  private static func path(_ path: String) -> Keypath {
    let parts = path.split(separator: "/").map(String.init)
    if parts == ["owner"] { return .plant(.tag("owner")) }
    return parts.count == 2 ? .site(parts[1]) : .site(parts[1], .tag("title"))
  }

  private static func read(_ look: Look, _ client: WireClient, _ handle: Int32) throws -> String? {
    switch look {
    case .value(let text):
      let path = path(text)
      guard try client.integer(.exists(path.wire), handle) == 1 else { return nil }
      return Look.isSite(text) ? "" : try client.value(path, handle).plainText
    case .count: return "\(try client.integer(.numInstances(Keypath.plant(.tag("site")).wire), handle))"
    case .next(let site):
      let request = FindNext([.string(site)], Keypath.plant(.tag("site")).wire, cursor: 1, includesSame: false)
      guard case .entry(let entry) = try client.call(.findNext(request), handle) else { throw NSOError(.internal, "no entry") }
      return entry?.keys.first?.plainText
    }
  }

  private static func write(_ edit: Edit, _ client: WireClient, _ handle: Int32) throws {
    switch edit {
    case .create(let site): try client.done(.create(Keypath.site(site).wire), handle)
    case .delete(let text): try client.done(.delete(path(text).wire), handle)
    case .set(let text, let value): try client.done(.setElem2(value, path(text).wire), handle)
    }
  }

  static func all(_ client: WireClient, _ handle: Int32) throws -> Facts {
    var facts: Facts = [:]
    for text in ["owner"] + ["a", "b", "c", "d", "e"].flatMap({ ["site/\($0)", "site/\($0)/title"] }) {
      facts[text] = try read(.value(text), client, handle)
    }
    return facts
  }
}
