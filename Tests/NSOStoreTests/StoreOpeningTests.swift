import Testing

@testable import NSOStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct StoreOpeningTests {
  private func code(_ body: () throws -> Void) -> StoreError.Code? {
    do {
      try body()
      return nil
    } catch {
      return (error as? StoreError)?.code
    }
  }

  private func put(_ path: String, _ content: [UInt8]) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    _ = content.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    close(file)
  }

  @Test func aDurableStoreKeepsItsDataAndRevision() throws {
    let directory = try TemporaryDirectory()
    let options = StoreOptions(path: directory.path + "/db")
    var batch = WriteBatch()
    batch.put(.running, bytes("a"), bytes("1"))
    do {
      let store = try Store(options)
      try store.commitAndWait(batch)
      store.close()
    }
    let store = try Store(options)
    #expect(store.revision.rawValue == 1)
    #expect(try store.snapshot().get(.running, bytes("a")) == bytes("1"))
    #expect(try store.commitAndWait(batch).rawValue == 2)
  }

  @Test func aVolatileStoreIsWiped() throws {
    let directory = try TemporaryDirectory()
    let options = StoreOptions(path: directory.path + "/db", durability: .volatile)
    var batch = WriteBatch()
    batch.put(.operational, bytes("a"), bytes("1"))
    try Store(options).commitAndWait(batch)
    let store = try Store(options)
    #expect(store.revision == .zero)
    #expect(try store.snapshot().count(.operational) == 0)
  }

  @Test func asecondOpenerLearnsWhoHasIt() throws {
    let directory = try TemporaryDirectory()
    let store = try Store(StoreOptions(path: directory.path, instanceName: "ncs on port 4569"))
    #expect(
      code { _ = try Store(StoreOptions(path: directory.path)) } == .inUse(pid: getpid(), name: "ncs on port 4569"))
    let snapshot = try store.snapshot()
    store.close()
    // The file stays taken as long as anybody reads it.
    #expect(code { _ = try Store(StoreOptions(path: directory.path)) } == .inUse(pid: getpid(), name: "ncs on port 4569"))
    withExtendedLifetime(snapshot) {}
  }

  @Test func aClosedStoreSaysSo() throws {
    let test = try TestStore()
    test.store.close()
    test.store.close()
    #expect(code { _ = try test.store.snapshot() } == .closed)
    #expect(code { try test.store.commitAndWait(WriteBatch()) } == .closed)
  }

  @Test func filesOfOthersAreNotTouched() throws {
    let directory = try TemporaryDirectory()
    put(directory.path + "/data.mdb", Array(repeating: 65, count: 20000))
    #expect(code { _ = try Store(StoreOptions(path: directory.path)) } == .foreign)
    put(directory.path + "/data.mdb", bytes("short"))
    #expect(code { _ = try Store(StoreOptions(path: directory.path)) } == .foreign)
  }

  @Test func aDirectoryThatCannotBeMadeIsNamed() throws {
    #expect {
      _ = try Store(StoreOptions(path: "/nonexistent/place/db"))
    } throws: {
      ($0 as? StoreError)?.code == .unreadable && "\($0)".contains("/nonexistent/place/db")
    }
  }

  @Test func aNewerFormatIsRefused() throws {
    let directory = try TemporaryDirectory()
    let options = StoreOptions(path: directory.path)
    try setFormat("swift-nso store 999", options)
    #expect(code { _ = try Store(options) } == .newerFormat)
    try setFormat("something else", options)
    #expect(code { _ = try Store(options) } == .corrupt)
  }

  /// Writes the format mark as another release would.
  private func setFormat(_ text: String, _ options: StoreOptions) throws {
    if let environment = try? Environment(options) {
      let transaction = try WriteTransaction(environment)
      try transaction.setMeta(Environment.formatKey, bytes(text))
      try transaction.commit()
      return
    }
    // Already unreadable: start again.
    unlink(options.path + "/data.mdb")
    try setFormat(text, options)
  }

  @Test func aFileThatWasCutIsFoundOut() throws {
    let directory = try TemporaryDirectory()
    let options = StoreOptions(path: directory.path)
    do {
      let store = try Store(options)
      for round in 0..<20 {
        var batch = WriteBatch()
        for index in 0..<500 { batch.put(.running, bytes("key \(round) \(index)"), Array(repeating: 1, count: 50)) }
        try store.commitAndWait(batch)
      }
    }
    let path = directory.path + "/data.mdb"
    var about = stat()
    stat(path, &about)
    let size = about.st_size
    for cut in [1, 2, 4, 8, 16] {
      truncate(path, size - size * cut / 20)
      #expect(code { _ = try Store(options) } == .corrupt, "cut by \(cut)/20")
    }
    truncate(path, 4096)
    #expect(code { _ = try Store(options) } == .corrupt)
    truncate(path, 0)
    // An empty file is a store never written.
    #expect(code { _ = try Store(options) } == nil)
  }

  @Test func theLargestSizeIsKeptAndTheOldStateStays() throws {
    let directory = try TemporaryDirectory()
    let store = try Store(StoreOptions(path: directory.path, maximumSize: 1 << 20))
    var batch = WriteBatch()
    batch.put(.running, bytes("a"), bytes("1"))
    try store.commitAndWait(batch)
    var big = WriteBatch()
    big.put(.running, bytes("a"), bytes("2"))
    for index in 0..<5000 { big.put(.running, bytes("key \(index)"), Array(repeating: 1, count: 500)) }
    #expect(code { try store.commitAndWait(big) } == .full)
    #expect(store.revision.rawValue == 1)
    #expect(try store.snapshot().get(.running, bytes("a")) == bytes("1"))
    #expect(try store.snapshot().count(.running) == 1)
    batch.put(.running, bytes("b"), bytes("3"))
    #expect(try store.commitAndWait(batch).rawValue == 2)
  }

  @Test func aBatchThatFailsDoesNotTakeOthersWithIt() async throws {
    let directory = try TemporaryDirectory()
    let store = try Store(StoreOptions(path: directory.path, maximumSize: 1 << 20))
    var big = WriteBatch()
    for index in 0..<5000 { big.put(.running, bytes("key \(index)"), Array(repeating: 1, count: 500)) }
    async let first = { [big] in try? await store.commit(big) }()
    async let others = withTaskGroup(of: Revision?.self) { group in
      for index in 0..<20 {
        group.addTask {
          var batch = WriteBatch()
          batch.put(.running, bytes("small \(index)"), [])
          return try? await store.commit(batch)
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(await first == nil)
    #expect(Set(await others.compactMap { $0?.rawValue }) == Set(1...20))
    #expect(try store.snapshot().count(.running) == 20)
  }

  @Test func tooManyReadersAreRefused() throws {
    let directory = try TemporaryDirectory()
    let store = try Store(StoreOptions(path: directory.path, durability: .volatile, maximumReaders: 16))
    var held: [Snapshot] = []
    var failure: StoreError.Code?
    for index in 0..<40 where failure == nil {
      var batch = WriteBatch()
      batch.put(.running, bytes("\(index)"), [])
      try store.commitAndWait(batch)
      failure = code { held.append(try store.snapshot()) }
    }
    #expect(failure == .tooManyReaders)
    held.removeLast(4)
    #expect(code { _ = try store.snapshot() } == nil)
  }

  @Test func aHugeCommitGoesThrough() throws {
    let test = try TestStore(.volatile, maximumSize: 8 << 30)
    var batch = WriteBatch()
    for index in 0..<300_000 {
      batch.put(.running, bytes("interface \((index &* 7919) % 300_000)"), Array(repeating: 1, count: 40))
    }
    try test.store.commitAndWait(batch)
    #expect(try test.store.snapshot().count(.running) == 300_000)
    batch = WriteBatch()
    batch.delete(.running, .prefix(bytes("interface 1")))
    try test.store.commitAndWait(batch)
    #expect(try test.store.snapshot().count(.running) == 300_000 - 111_111)
  }
}
