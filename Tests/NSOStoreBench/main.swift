import NSOModel
import NSOSchema
import NSOStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

// Run by hand:
//   NSO_ONLY=NSOStoreBench swift build -c release --scratch-path .build-rel --product NSOStoreBench
//   .build-rel/release/NSOStoreBench DIRECTORY [ENTRIES...]

let model = """
  module bench {
    yang-version 1.1; namespace "http://example.com/bench"; prefix b;
    container interfaces {
      list interface {
        key name;
        leaf name { type string; }
        leaf description { type string; }
        leaf mtu { type uint16; }
        container ipv4 { list address { key ip; leaf ip { type string; } leaf length { type uint8; } } }
      }
    }
  }
  """

struct Bench {
  let store: Store
  let layout: TreeLayout
  let interfaces: NodeID
  let interface: NodeID
  let leaf: NodeID
  let mtu: NodeID
  let ipv4: NodeID
  let address: NodeID
  let length: NodeID

  init(_ directory: String) throws {
    mkdir(directory, 0o700)
    let file = open(directory + "/bench.yang", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    let content = Array(model.utf8)
    _ = content.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    close(file)
    let schema = try SchemaLoader(files: [directory + "/bench.yang"]).load()
    unlink(directory + "/db/data.mdb")
    store = try Store(StoreOptions(path: directory + "/db"))
    layout = try TreeLayout(schema: schema, store: store)
    func child(_ parent: NodeID?, _ name: String) throws -> NodeID {
      guard let node = schema.child(of: parent, name: name) else { throw StoreError(.badKey, name) }
      return node
    }
    interfaces = try child(nil, "interfaces")
    interface = try child(interfaces, "interface")
    leaf = try child(interface, "description")
    mtu = try child(interface, "mtu")
    ipv4 = try child(interface, "ipv4")
    address = try child(ipv4, "address")
    length = try child(address, "length")
  }

  func entry(_ number: Int) -> TreePath {
    var path = TreePath.root
    path.append(interfaces, layout)
    path.append(interface, layout)
    Array("GigabitEthernet0/\(number)".utf8).withUnsafeBytes { path.appendKey(string: $0) }
    return path
  }

  var list: TreePath { entry(0).withoutEntryKey }
}

func measure(_ name: String, _ count: Int, _ body: () throws -> Void) rethrows {
  let time = try ContinuousClock().measure(body)
  let each = Double(time.components.attoseconds) / 1e9 / Double(count) + Double(time.components.seconds) * 1e9 / Double(count)
  print("  \(name): \(each < 10000 ? "\((each * 10).rounded() / 10) ns" : "\((each / 100).rounded() / 10) µs") each (\(count))")
}

func run(_ directory: String, _ entries: Int) throws {
  let bench = try Bench(directory)
  print("\(entries) entries")
  var overlay = Overlay(try bench.store.snapshot().tree(.running))
  let text = Array("some description".utf8)
  try measure("overlay: make an entry with 2 leafs", entries) {
    for number in 0..<entries {
      let path = bench.entry(number)
      try overlay.createEntry(path, Array("{<<eth>>}".utf8))
      overlay.set(path.appending(bench.leaf, bench.layout), text)
      overlay.set(path.appending(bench.mtu, bench.layout), [97, 5])
    }
  }
  let changes = min(entries, 10_000)
  measure("overlay: set a leaf after a savepoint", changes) {
    for number in 0..<changes {
      let savepoint = overlay
      overlay.set(bench.entry(number &* 7919 % entries).appending(bench.leaf, bench.layout), text)
      withExtendedLifetime(savepoint) {}
    }
  }
  var batch = WriteBatch()
  try measure("overlay to batch", entries) { batch = try overlay.batch(for: .running) }
  try measure("commit of all that, durable", 1) { try bench.store.commitAndWait(batch) }
  overlay.removeAll()
  batch = WriteBatch()

  let tree = try bench.store.snapshot().tree(.running)
  let keys = (0..<1000).map { Array("GigabitEthernet0/\($0 &* 7919 % entries)".utf8) }
  let rounds = 300
  var found = 0
  measure("path of depth 3", rounds * 1000) {
    for _ in 0..<rounds {
      for key in keys {
        var path = TreePath.root
        path.reserve(64)
        path.append(bench.interfaces, bench.layout)
        path.append(bench.interface, bench.layout)
        key.withUnsafeBytes { path.appendKey(string: $0) }
        path.append(bench.leaf, bench.layout)
        found &+= path.bytes.count
      }
    }
  }
  measure("path of depth 5 with 2 keys", rounds * 1000) {
    for _ in 0..<rounds {
      for key in keys {
        var path = TreePath.root
        path.reserve(64)
        path.append(bench.interfaces, bench.layout)
        path.append(bench.interface, bench.layout)
        key.withUnsafeBytes { path.appendKey(string: $0) }
        path.append(bench.ipv4, bench.layout)
        path.append(bench.address, bench.layout)
        key.withUnsafeBytes { path.appendKey(string: $0) }
        path.append(bench.length, bench.layout)
        found &+= path.bytes.count
      }
    }
  }
  let paths = keys.map { key in
    var path = bench.list
    key.withUnsafeBytes { path.appendKey(string: $0) }
    path.append(bench.leaf, bench.layout)
    return path
  }
  try measure("get from a snapshot", rounds * 1000) {
    for _ in 0..<rounds { for path in paths { found &+= try tree.get(path) { $0.count } ?? 0 } }
  }
  try measure("store.snapshot()", rounds * 1000) {
    for _ in 0..<(rounds * 1000) { found &+= Int(truncatingIfNeeded: try bench.store.snapshot().revision.rawValue) }
  }
  let view: any DataTree = Overlay(tree)
  try measure("get through an empty overlay", rounds * 1000) {
    for _ in 0..<rounds { for path in paths { found &+= try view.get(path) { $0.count } ?? 0 } }
  }
  let tracked: any DataTree = Overlay(TrackedTree(tree, ReadRecorder()))
  try measure("get noted in a read set", rounds * 1000) {
    for _ in 0..<rounds { for path in paths { found &+= try tracked.get(path) { $0.count } ?? 0 } }
  }
  let steps = min(entries, 100_000)
  try measure("next entry, one call each", steps) {
    var position = ListPosition.start
    for _ in 0..<steps { found &+= try tree.nextEntry(in: bench.list, &position) { _ in } ? 1 : 0 }
  }
  try measure("all entries", entries) {
    try tree.forEachEntry(in: bench.list) { _, record in
      found &+= record.count
      return true
    }
  }
  try measure("count", entries) { found &+= try tree.count(of: bench.list) }
  try measure("all records", entries * 3) {
    try tree.snapshot.scan(.running) { _, value in
      found &+= value.count
      return true
    }
  }
  var times: [Duration] = []
  for number in 0..<300 {
    var change = Overlay(try bench.store.snapshot().tree(.running))
    change.set(paths[number], Array("changed \(number)".utf8))
    let batch = try change.batch(for: .running)
    times.append(try ContinuousClock().measure { try bench.store.commitAndWait(batch) })
  }
  times.sort()
  print("  one-leaf durable commit: median \(times[150]), best \(times[0]), 95% \(times[285])")
  let statistics = try bench.store.statistics()
  print("  file: \(statistics.size >> 20) MiB   [\(found)]")
}

let arguments = CommandLine.arguments.dropFirst()
let sizes = arguments.dropFirst().compactMap { Int($0) }
do {
  for size in sizes.isEmpty ? [1000, 1_000_000] : sizes { try run(arguments.first ?? "/tmp/nso-store-bench", size) }
} catch { print("failed: \(error)") }
