import NSOModel
import NSOSchema
import Testing

@testable import NSOStore

@Suite struct TreeLayoutTests {
  @Test func pathsAreReadBack() throws {
    let tree = try TestTree()
    for path in [
      try tree.path(), try tree.path("alone"), try tree.path("top", "server"), try tree.path("top", "server", Key("a")),
      try tree.path("top", "server", Key("a"), "port"), try tree.path("top", "server", Key("a"), "tag", Key("x")),
      try tree.path("top", "server", Key("a"), "address", Key("1.2.3.4", port: 80), "note"),
      try tree.path("top", "rule", Key(-7), "host", Key("h")),
    ] {
      #expect(tree.layout.path(path.bytes) == path)
      #expect(tree.layout.lineage(of: path).last ?? .root == path)
    }
    let deep = try tree.path("top", "server", Key("a"), "address", Key("1.2.3.4", port: 80), "note")
    #expect(
      try tree.layout.lineage(of: deep).map { try tree.text($0) } == [
        "/top", "/top/server{a}", "/top/server{a}/address{1.2.3.4 80}", "/top/server{a}/address{1.2.3.4 80}/note",
      ])
    #expect(tree.layout.path([0x41, 0xFF]) == nil)
    #expect(tree.layout.path([0x10]) == nil)
  }

  @Test func pathsKnowWhatTheyLeadTo() throws {
    let tree = try TestTree()
    let list = try tree.path("top", "server")
    #expect(list.isWholeList && !list.isEntry && !list.isTerminal && !list.isOrderedByUser)
    let entry = try tree.path("top", "server", Key("a"))
    #expect(!entry.isWholeList && entry.isEntry && !entry.isTerminal)
    #expect(entry.withoutEntryKey == list)
    #expect(entry.entryKey == key("a"))
    #expect(list.entryKey == nil)
    #expect(try tree.path("top", "rule").isOrderedByUser)
    #expect(try !tree.path("top", "rule", Key(1), "action").isOrderedByUser)
    #expect(try tree.path("top", "rule", Key(1), "host", Key("h")).isTerminal)
    #expect(try !tree.path("top", "rule", Key(1), "host").isTerminal)
    #expect(try tree.path("alone").isTerminal)
    var path = entry
    path.removeAll()
    #expect(path == .root)
  }

  @Test func onlyDataHasAPlace() throws {
    let tree = try TestTree()
    let top = try #require(tree.schema.child(of: nil, name: "top"))
    let action = try #require(tree.schema.child(of: top, name: "reset"))
    let notification = try #require(tree.schema.notifications.first)
    #expect(tree.layout.isStored(top))
    #expect(!tree.layout.isStored(action))
    #expect(!tree.layout.isStored(notification))
    #expect(!tree.layout.isStored(NodeID(rawValue: 9999)))
  }

  @Test func stepsAreShortAndInSchemaOrder() throws {
    let tree = try TestTree()
    let deep = try tree.path("top", "server", Key("a"), "address", Key("b", port: 80), "note")
    #expect(deep.bytes.count == 1 + 1 + 3 + 1 + 3 + 4 + 1)
    for node in tree.schema.nodes where tree.layout.isStored(node.id) {
      let children = node.children.filter { tree.layout.isStored($0) }.map { child -> [UInt8] in
        var path = TreePath.root
        path.append(child, tree.layout)
        return path.bytes
      }
      #expect(zip(children, children.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
    }
  }

  @Test func dataSurvivesAChangeOfSchema() throws {
    let directory = try TemporaryDirectory()
    let options = StoreOptions(path: directory.path)
    do {
      let store = try Store(options)
      let schema = try TestSchema.load()
      let layout = try TreeLayout(schema: schema, store: store)
      let revision = store.revision
      // A second time nothing is to be numbered.
      _ = try TreeLayout(schema: schema, store: store)
      #expect(store.revision == revision)
      var overlay = Overlay(try store.snapshot().tree(.running))
      overlay.set(try makePath(["top", "name"], schema, layout), bytes("n"))
      overlay.set(try makePath(["alone"], schema, layout), bytes("x"))
      for name in ["b", "a"] {
        try overlay.createEntry(try makePath(["top", "server", Key(name)], schema, layout), bytes(name))
        overlay.set(try makePath(["top", "server", Key(name), "port"], schema, layout), bytes("80"))
        overlay.set(try makePath(["top", "server", Key(name), "options", "ttl"], schema, layout), bytes("5"))
      }
      overlay.set(try makePath(["top", "state-of-things"], schema, layout), [])
      for number in [3, 1, 2] { try overlay.createEntry(try makePath(["top", "rule", Key(number)], schema, layout), []) }
      try store.commitAndWait(try overlay.batch(for: .running))
    }
    do {
      let store = try Store(options)
      let schema = try TestSchema.load(TestSchema.changed)
      let layout = try TreeLayout(schema: schema, store: store)
      let tree = try store.snapshot().tree(.running)
      #expect(try tree.bytes(makePath(["top", "name"], schema, layout)) == bytes("n"))
      #expect(try tree.bytes(makePath(["alone"], schema, layout)) == bytes("x"))
      #expect(try tree.bytes(makePath(["top", "server", Key("a"), "port"], schema, layout)) == bytes("80"))
      #expect(try tree.bytes(makePath(["top", "server", Key("b"), "options", "ttl"], schema, layout)) == bytes("5"))
      #expect(try tree.exists(makePath(["newcomer"], schema, layout)) == false)
      #expect(try tree.exists(makePath(["top", "brand-new"], schema, layout)) == false)
      // No longer ordered by user: in key order.
      var order: [String] = []
      try tree.forEachEntry(in: makePath(["top", "rule"], schema, layout)) { key, _ in
        order.append(keyText(Array(key)))
        return true
      }
      #expect(order == ["1", "2", "3"])
      // What the schema does not have is passed over.
      var shown: Set<String> = []
      try TreeDiff(from: EmptyTree(), to: tree, layout: layout).forEach { change in
        if let node = change.path.node { shown.insert(schema[node].name.name) }
        return .goOn
      }
      #expect(shown == ["name", "server", "port", "ttl", "rule", "alone"])
    }
    // And back: nothing was lost.
    let store = try Store(options)
    let schema = try TestSchema.load()
    let layout = try TreeLayout(schema: schema, store: store)
    let tree = try store.snapshot().tree(.running)
    #expect(try tree.exists(makePath(["top", "state-of-things"], schema, layout)))
    var order: [String] = []
    try tree.forEachEntry(in: makePath(["top", "rule"], schema, layout)) { key, _ in
      order.append(keyText(Array(key)))
      return true
    }
    #expect(order == ["3", "1", "2"])
  }
}
