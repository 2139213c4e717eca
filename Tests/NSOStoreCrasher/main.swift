import NSOStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

// Run by CrashTests: `commit DIRECTORY` commits until it is killed and tells each commit that was acknowledged;
// `limit DIRECTORY` lets the file system refuse a commit and tells how the store took it.

func tell(_ text: String) {
  let line = Array((text + "\n").utf8)
  _ = line.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
}

/// What commit `number` does; CrashTests does the same to its model.
func makeBatch(_ number: UInt64) -> WriteBatch {
  var batch = WriteBatch()
  let slot = number &* 7919 % 50
  batch.delete(.running, .prefix(Array("slot \(number &* 31 % 50) ".utf8)))
  for part in 0..<(number % 40) {
    batch.put(
      .running, Array("slot \(slot) part \(part)".utf8), Array(repeating: UInt8(truncatingIfNeeded: number), count: 200))
  }
  batch.put(.history, Array("number".utf8), Array("\(number)".utf8))
  return batch
}

func run() throws {
  let arguments = CommandLine.arguments
  guard arguments.count == 3 else { throw StoreError(.failed(number: EINVAL), "usage: commit|limit DIRECTORY") }
  let store = try Store(StoreOptions(path: arguments[2], instanceName: "crasher"))
  switch arguments[1] {
  case "commit":
    while true {
      let revision = try store.commitAndWait(makeBatch(store.revision.rawValue + 1))
      tell("\(revision)")
    }
  default:
    try store.commitAndWait(makeBatch(1))
    let before = store.revision
    signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(1), &limit)
    let unlimited = limit
    limit.rlim_cur = 1 << 19
    setrlimit(__rlimit_resource_t(1), &limit)
    var big = WriteBatch()
    for number in 0..<10000 { big.put(.running, Array("big \(number)".utf8), Array(repeating: 1, count: 400)) }
    do {
      try store.commitAndWait(big)
      tell("no error")
    } catch {
      // LMDB tells a write that was done in part as EIO.
      tell("\(error.code == .failed(number: EFBIG) || error.code == .failed(number: EIO))")
    }
    tell("\(store.revision == before)")
    tell("\(try store.snapshot().count(.running, .prefix(Array("big".utf8))))")
    limit = unlimited
    setrlimit(__rlimit_resource_t(1), &limit)
    try store.commitAndWait(big)
    tell("\(try store.snapshot().count(.running, .prefix(Array("big".utf8))))")
  }
}

do { try run() } catch { tell("failed: \(error)") }
