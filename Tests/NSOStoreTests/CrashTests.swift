import TestSupport
import Testing

@testable import NSOStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Another process that uses a store, with its standard output.
private struct Child {
  let id: pid_t
  let output: Int32

  /// The helper lies beside the test binary.
  init(_ arguments: [String]) throws {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let folder = path[..<max(0, count)].map { UInt8(bitPattern: $0) }.text.split(separator: "/").dropLast().joined(
      separator: "/")
    let program = "/" + folder + "/NSOStoreCrasher"
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw StoreError(.failed(number: errno), "pipe") }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    // Nor is it to hold what other tests have open. Closed ones are no error.
    for descriptor in Int32(3)..<4096 { posix_spawn_file_actions_addclose(&actions, descriptor) }
    defer { posix_spawn_file_actions_destroy(&actions) }
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var id: pid_t = 0
    let status = posix_spawn(&id, program, &actions, nil, &words, environ)
    close(ends[1])
    guard status == 0 else {
      close(ends[0])
      throw StoreError(.failed(number: status), "cannot run \(program)")
    }
    self.id = id
    output = ends[0]
  }

  /// The next lines, at most what is there when `count` have come; fewer at the end.
  func lines(atLeast count: Int) -> [String] {
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while text.count(where: { $0 == 10 }) < count {
      let got = buffer.withUnsafeMutableBytes { read(output, $0.baseAddress, $0.count) }
      guard got > 0 else { break }
      text += buffer[..<got]
    }
    return text.text.split(separator: "\n").map(String.init)
  }

  func end(_ signal: Int32? = nil) {
    if let signal { kill(id, signal) }
    var status: Int32 = 0
    waitpid(id, &status, 0)
    close(output)
  }
}

@Suite struct CrashTests {
  private func apply(_ number: UInt64, to model: inout ModelTree) {
    let slot = number &* 7919 % 50
    model.delete(.prefix(bytes("slot \(number &* 31 % 50) ")))
    for part in 0..<(number % 40) {
      model.records[bytes("slot \(slot) part \(part)")] = Array(repeating: UInt8(truncatingIfNeeded: number), count: 200)
    }
  }

  @Test func aKilledProcessLosesNothingAcknowledged() throws {
    let directory = try TemporaryDirectory()
    var generator = SeededGenerator(seed: 42)
    var model = ModelTree()
    var applied: UInt64 = 0
    for round in 0..<12 {
      let child = try Child(["commit", directory.path])
      // Killed between two commits or within one, as it comes.
      let seen = child.lines(atLeast: Int.random(in: 1..<25, using: &generator))
      for _ in 0..<Int.random(in: 0..<20000, using: &generator) { _ = getppid() }
      child.end(SIGKILL)
      let acknowledged = try #require(seen.compactMap { UInt64($0) }.last, "round \(round): \(seen)")
      let store = try Store(StoreOptions(path: directory.path))
      let revision = store.revision.rawValue
      #expect(revision >= acknowledged)
      while applied < revision {
        applied += 1
        apply(applied, to: &model)
      }
      let snapshot = try store.snapshot()
      try expectSame(snapshot.tree(.running), model, "round \(round)")
      #expect(try snapshot.get(.history, bytes("number")) == bytes("\(revision)"))
    }
  }

  @Test func aCommitTheFileSystemRefusesChangesNothing() throws {
    let directory = try TemporaryDirectory()
    let child = try Child(["limit", directory.path])
    let lines = child.lines(atLeast: 4)
    child.end()
    #expect(lines == ["true", "true", "0", "10000"])
  }

  @Test func whoHoldsAStoreIsToldToAnotherProcess() throws {
    let directory = try TemporaryDirectory()
    let child = try Child(["commit", directory.path])
    _ = child.lines(atLeast: 1)
    #expect {
      _ = try Store(StoreOptions(path: directory.path))
    } throws: {
      ($0 as? StoreError)?.code == .inUse(pid: child.id, name: "crasher")
    }
    child.end(SIGKILL)
    _ = try Store(StoreOptions(path: directory.path))
  }
}
