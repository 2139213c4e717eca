import NSOModel
import NSOSchema
import TestSupport
import Testing

@testable import NSOStore

@Suite struct TreeDiffTests {
  private func lines(_ tree: TestTree, _ diff: TreeDiff, below: TreePath = .root, deleted: Bool = false) throws -> [String] {
    var lines: [String] = []
    var failure: (any Error)?
    try diff.forEach(below: below, includingDeletedContents: deleted) { change in
      do {
        let path = try tree.text(change.path)
        let old = change.old.map { String(decoding: $0, as: UTF8.self) } ?? "-"
        let new = change.new.map { String(decoding: $0, as: UTF8.self) } ?? "-"
        switch change.kind {
        case .created: lines.append("+ \(path)")
        case .deleted: lines.append("- \(path)")
        case .set: lines.append("= \(path) \(old) \(new)")
        case .unset: lines.append("x \(path) \(old)")
        case .moved(let after): lines.append("m \(path) \(after.map { keyText($0) } ?? "first")")
        case .attribute(let number): lines.append("a \(path) \(number) \(old) \(new)")
        }
      } catch { failure = error }
      return .goOn
    }
    if let failure { throw failure }
    return lines
  }

  @Test func aTransactionsChanges() throws {
    let tree = try TestTree()
    var start = Overlay(try tree.running)
    for name in ["a", "b", "c"] {
      try start.createEntry(try tree.path("top", "server", Key(name)), [])
      start.set(try tree.path("top", "server", Key(name), "port"), bytes("80"))
    }
    for number in [1, 2, 3, 4] { try start.createEntry(try tree.path("top", "rule", Key(number)), []) }
    start.set(try tree.path("top", "name"), bytes("n"))
    start.set(try tree.path("alone"), bytes("same"))
    start.set(try tree.path("top", "state-of-things"), [])
    start.set(try tree.path("top", "state-of-things", "level"), bytes("5"))
    try tree.commit(start)

    var overlay = Overlay(try tree.running)
    #expect(try TreeDiff(overlay, layout: tree.layout).isEmpty())
    overlay.set(try tree.path("alone"), bytes("same"))
    #expect(try TreeDiff(overlay, layout: tree.layout).isEmpty())
    overlay.set(try tree.path("top", "server", Key("a"), "port"), bytes("81"))
    try overlay.delete(try tree.path("top", "server", Key("b")))
    try overlay.delete(try tree.path("top", "server", Key("c"), "port"))
    try overlay.createEntry(try tree.path("top", "server", Key("d")), [])
    overlay.set(try tree.path("top", "server", Key("d"), "port"), bytes("90"))
    try overlay.createEntry(try tree.path("top", "server", Key("d"), "tag", Key("t")), [])
    try overlay.delete(try tree.path("top", "state-of-things"))
    try overlay.delete(try tree.path("top", "name"))
    #expect(try overlay.moveEntry(try tree.path("top", "rule", Key(1)), to: .after(key(3))))
    try overlay.createEntry(try tree.path("top", "rule", Key(9)), [], at: .first)
    try overlay.delete(try tree.path("top", "rule", Key(2)))
    overlay.set(try tree.path("top", "rule", Key(4), "action"), bytes("drop"))
    let wanted = [
      "x /top/name n", "- /top/state-of-things", "= /top/server{a}/port 80 81", "- /top/server{b}", "x /top/server{c}/port 80",
      "+ /top/server{d}", "= /top/server{d}/port - 90", "+ /top/server{d}/tag{t}", "- /top/rule{2}",
      "= /top/rule{4}/action - drop", "+ /top/rule{9}", "m /top/rule{9} first", "m /top/rule{1} 3",
    ]
    #expect(try lines(tree, TreeDiff(overlay, layout: tree.layout)) == wanted)
    #expect(try lines(tree, TreeDiff(from: tree.running, to: overlay, layout: tree.layout)) == wanted)
    #expect(
      try lines(tree, TreeDiff(overlay, layout: tree.layout), below: tree.path("top", "server", Key("d"))) == [
        "+ /top/server{d}", "= /top/server{d}/port - 90", "+ /top/server{d}/tag{t}",
      ])
    #expect(
      try lines(tree, TreeDiff(overlay, layout: tree.layout), below: tree.path("top", "server", Key("b")), deleted: true) == [
        "- /top/server{b}", "x /top/server{b}/port 80",
      ])
    #expect(try TreeDiff(overlay, layout: tree.layout).isEmpty(below: tree.path("alone")))
  }

  @Test func whatIsDeletedAndMadeAgainIsNoChange() throws {
    let tree = try TestTree()
    var start = Overlay(try tree.running)
    try start.createEntry(try tree.path("top", "server", Key("a")), [])
    start.set(try tree.path("top", "server", Key("a"), "port"), bytes("80"))
    start.set(try tree.path("top", "server", Key("a"), "options", "ttl"), bytes("1"))
    try tree.commit(start)
    var overlay = Overlay(try tree.running)
    try overlay.delete(try tree.path("top"))
    try overlay.createEntry(try tree.path("top", "server", Key("a")), [])
    overlay.set(try tree.path("top", "server", Key("a"), "port"), bytes("80"))
    #expect(try lines(tree, TreeDiff(overlay, layout: tree.layout)) == ["x /top/server{a}/options/ttl 1"])
  }

  @Test func attributesAreShown() throws {
    let tree = try TestTree()
    var overlay = Overlay(try tree.running)
    try overlay.createEntry(try tree.path("top", "server", Key("a")), [])
    overlay.put(try tree.path("top", "server", Key("a")).attributeKey(.annotation), bytes("why"))
    #expect(
      try lines(tree, TreeDiff(overlay, layout: tree.layout)) == ["+ /top/server{a}", "a /top/server{a} 2147483649 - why"])
    #expect(try TreeCheck(overlay, layout: tree.layout).problems == [])
    // Walks and counts do not see them, and they go with their node.
    #expect(try overlay.count(of: tree.path("top", "server")) == 1)
    try overlay.delete(try tree.path("top", "server", Key("a")))
    #expect(overlay.isEmpty)
  }

  @Test func aSinkCanSkipAndStop() throws {
    let tree = try TestTree()
    var overlay = Overlay(try tree.running)
    for name in ["a", "b"] {
      try overlay.createEntry(try tree.path("top", "server", Key(name)), [])
      overlay.set(try tree.path("top", "server", Key(name), "port"), bytes("80"))
    }
    var seen: [String] = []
    try TreeDiff(overlay, layout: tree.layout).forEach { change in
      seen.append(keyText(change.path.entryKey ?? []))
      return .skipBelow
    }
    #expect(seen == ["a", "b"])
    seen = []
    try TreeDiff(overlay, layout: tree.layout).forEach { change in
      seen.append(keyText(change.path.entryKey ?? []))
      return .stop
    }
    #expect(seen == ["a"])
  }

  /// Carrying out all changes on the old tree makes the new one, whichever way they were found.
  @Test(arguments: 1...16 as ClosedRange<UInt64>)
  func changesCarriedOutMakeTheNewTree(_ seed: UInt64) throws {
    let tree = try TestTree()
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<6 {
      let base = try tree.running
      var overlay = Overlay(base)
      for _ in 0..<40 { try randomEdit(&overlay, tree, &generator) }
      #expect(try TreeCheck(overlay, layout: tree.layout).problems == [])
      for diff in [TreeDiff(overlay, layout: tree.layout), TreeDiff(from: base, to: overlay, layout: tree.layout)] {
        let made = try carryOut(diff, on: base)
        #expect(try contents(made, tree) == contents(overlay, tree))
        #expect(try TreeCheck(made, layout: tree.layout).problems == [])
      }
      // And back again.
      let undone = try carryOut(TreeDiff(from: overlay, to: base, layout: tree.layout), on: overlay)
      #expect(try contents(undone, tree) == contents(base, tree))
      try tree.commit(overlay)
    }
  }

  private func carryOut(_ diff: TreeDiff, on base: any DataTree) throws -> Overlay {
    var made = Overlay(base)
    var failure: (any Error)?
    try diff.forEach { change in
      do {
        switch change.kind {
        case .created:
          if change.path.isEntry {
            try made.createEntry(change.path, change.new.map { Array($0) } ?? [])
          } else {
            made.set(change.path, [])
          }
        case .deleted, .unset: try made.delete(change.path)
        case .set: made.set(change.path, change.new.map { Array($0) } ?? [])
        case .moved(let after):
          let isDone = try made.moveEntry(change.path, to: after.map { .after($0) } ?? .first)
          #expect(isDone)
        case .attribute: break
        }
      } catch { failure = error }
      return .goOn
    }
    if let failure { throw failure }
    return made
  }

  /// All records but those of the order, and the order of the lists ordered by user.
  private func contents(_ view: any DataTree, _ tree: TestTree) throws -> [String] {
    var all: [String] = []
    for (key, value) in try view.list() {
      guard let path = tree.layout.path(key) else { continue }
      all.append("\(try tree.text(path)) = \(value)")
    }
    var rules: [String] = []
    try view.forEachEntry(in: try tree.path("top", "rule")) { key, _ in
      rules.append(keyText(Array(key)))
      return true
    }
    for rule in rules {
      var hosts: [String] = []
      try view.forEachEntry(in: try tree.path("top", "rule", Key(Int(rule) ?? 0), "host")) { key, _ in
        hosts.append(keyText(Array(key)))
        return true
      }
      all.append("\(rule): \(hosts)")
    }
    return all + [rules.joined(separator: " ")]
  }

  private func randomEdit(_ overlay: inout Overlay, _ tree: TestTree, _ generator: inout SeededGenerator) throws {
    let server = Key("s\(Int.random(in: 0..<5, using: &generator))")
    let rule = Key(Int.random(in: 0..<6, using: &generator))
    let host = Key("h\(Int.random(in: 0..<5, using: &generator))")
    let value = bytes("\(Int.random(in: 0..<3, using: &generator))")
    let places: [EntryPlace] = [.first, .last]
    func place(_ list: TreePath, _ generator: inout SeededGenerator) throws -> EntryPlace {
      let index = Int.random(in: 0..<8, using: &generator)
      guard let entry = try overlay.entryKey(at: index, in: list) else { return places[index % 2] }
      return index % 2 == 0 ? .before(entry) : .after(entry)
    }
    func ensure(_ path: TreePath) throws {
      if try !overlay.exists(path) { try overlay.createEntry(path, [], at: .last) }
    }
    switch Int.random(in: 0..<16, using: &generator) {
    case 0, 1:
      try ensure(try tree.path("top", "server", server))
      overlay.set(try tree.path("top", "server", server, "port"), value)
    case 2:
      try ensure(try tree.path("top", "server", server))
      overlay.set(try tree.path("top", "server", server, "options", "ttl"), value)
    case 3:
      try ensure(try tree.path("top", "server", server))
      try ensure(try tree.path("top", "server", server, "tag", host))
    case 4: try overlay.delete(try tree.path("top", "server", server))
    case 5: try overlay.delete(try tree.path("top", "server", server, "options"))
    case 6: try overlay.delete(try tree.path("top", "server", server, "tag"))
    case 7, 8:
      try overlay.createEntry(try tree.path("top", "rule", rule), [], at: try place(try tree.path("top", "rule"), &generator))
    case 9:
      _ = try overlay.moveEntry(try tree.path("top", "rule", rule), to: try place(try tree.path("top", "rule"), &generator))
    case 10: try overlay.delete(try tree.path("top", "rule", rule))
    case 11, 12:
      try ensure(try tree.path("top", "rule", rule))
      let list = try tree.path("top", "rule", rule, "host")
      try overlay.createEntry(try tree.path("top", "rule", rule, "host", host), [], at: try place(list, &generator))
    case 13:
      let list = try tree.path("top", "rule", rule, "host")
      _ = try overlay.moveEntry(try tree.path("top", "rule", rule, "host", host), to: try place(list, &generator))
    case 14:
      overlay.set(try tree.path("top", "state-of-things"), [])
      overlay.set(try tree.path("top", "state-of-things", "level"), value)
    default:
      if Int.random(in: 0..<4, using: &generator) == 0 { try overlay.delete(try tree.path("top")) }
      try overlay.delete(try tree.path("top", "state-of-things"))
    }
  }
}
