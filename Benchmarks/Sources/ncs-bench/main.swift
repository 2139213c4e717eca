import Glibc
import NSOModel
import NSOTerms
import NSOWire

/// `make bench`: what a read over IPC costs beside a bare echo, and what a durable commit costs at two sizes beside the disk,
/// and beside a stream of operational samples.
/// All ratios are taken in one run, variants interleaved, both ends of a socket on one CPU.
struct Options {
  var ncs = "../.build/release/ncs"
  var yang = "../var/yang"
  var entries = [1000, 100_000]
  var rounds = 40
  /// Operational samples a second.
  var samples = 5000

  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard let value = rest.popFirst() else { throw BenchError("\(option) needs a value") }
      switch option {
      case "--ncs": ncs = value
      case "--yang": yang = value
      case "--entries": entries = value.split(separator: ",").compactMap { Int($0) }
      case "--samples": samples = Int(value) ?? samples
      case "--rounds": rounds = Int(value) ?? rounds
      default: throw BenchError("unknown option \(option); known: --ncs --yang --entries --rounds --samples")
      }
    }
    ncs = try Self.absolute(ncs)
    yang = try Self.absolute(yang)
  }

  private static func absolute(_ path: String) throws -> String {
    guard let resolved = realpath(path, nil) else { throw BenchError("\(path): \(String(cString: strerror(errno)))") }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
}

func shown(_ value: Double, _ places: Int = 2) -> String {
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  let digits = String(Int((value * scale).rounded()))
  let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
  return padded.dropLast(places) + "." + padded.suffix(places)
}

/// Microseconds for each of `count` calls of `body`.
func cost(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
  let start = now()
  for _ in 0..<count { try body() }
  return (now() - start) / Double(count) * 1e6
}

func benchReads(_ options: Options, _ daemon: BenchDaemon, cpu: Int) throws {
  let echoPath = daemon.folder + "/echo"
  let echo = try Child(["taskset", "-c", String(cpu), CommandLine.arguments[0], "echo", echoPath])
  defer { echo.stop() }
  try echo.awaitSocket(echoPath)
  try pin(to: cpu)

  let cdb = try Peer(path: daemon.socket, .cdb)
  try cdb.socket.send(frame(CDBCall(.clientName("bench"))))
  try cdb.ask(frame(CDBCall(.newSession(NewSession(.running, options: [])))))
  let maapi = try Peer(path: daemon.socket, .maapi)
  try maapi.startSession()
  let reading = try maapi.startTransaction(.read)
  let echoSocket = try BlockingSocket(path: echoPath)

  let paths = (0..<64).map { Leaf.description($0 * 13 % 1000) }
  let gets = paths.map { frame(CDBCall(.get($0))) }
  let exists = paths.map { frame(CDBCall(.exists($0))) }
  let elems = paths.map { frame(.getElem($0), reading) }

  /// An echo request as long as `request`, asking for an answer as long as its reply.
  func echoes(_ requests: [[UInt8]], _ replies: [[UInt8]]) -> [[UInt8]] {
    zip(requests, replies).map { request, reply in
      var bytes = request
      for index in 0..<4 { bytes[4 + index] = UInt8(truncatingIfNeeded: reply.count >> (8 * (3 - index))) }
      return bytes
    }
  }
  let getEchoes = echoes(gets, try gets.map { try cdb.ask($0) })
  let existEchoes = echoes(exists, try exists.map { try cdb.ask($0) })
  let elemEchoes = echoes(elems, try elems.map { try maapi.ask($0) })

  var ratios: [String: [Double]] = [:]
  var times: [String: [Double]] = [:]
  for round in 0..<(options.rounds + 2) {
    func measure(_ name: String, _ requests: [[UInt8]], _ plain: [[UInt8]], _ ask: ([UInt8]) throws -> [UInt8]) throws {
      var index = 0
      let first = try cost(1000) {
        _ = try echoSocket.exchange(plain[index & 63])
        index += 1
      }
      let own = try cost(2000) {
        _ = try ask(requests[index & 63])
        index += 1
      }
      let second = try cost(1000) {
        _ = try echoSocket.exchange(plain[index & 63])
        index += 1
      }
      guard round >= 2 else { return }
      ratios[name, default: []].append(own / ((first + second) / 2))
      times[name, default: []].append(own)
      times["echo", default: []].append((first + second) / 2)
    }
    try measure("CDB GET", gets, getEchoes) { try cdb.socket.exchange($0) }
    try measure("CDB EXISTS", exists, existEchoes) { try cdb.socket.exchange($0) }
    try measure("MAAPI GET_ELEM", elems, elemEchoes) { try maapi.socket.exchange($0) }
  }
  print("Reads over the Unix socket, both ends on CPU \(cpu); bare NIO echo \(shown(median(times["echo"] ?? []))) us")
  for name in ["CDB GET", "CDB EXISTS", "MAAPI GET_ELEM"] {
    print("  \(name): \(shown(median(times[name] ?? []))) us, ratio to the echo \(shown(median(ratios[name] ?? [])))")
  }
}

/// Milliseconds of a plain write and fdatasync in the same file system.
struct Disk: ~Copyable {
  private let descriptor: Int32

  init(_ folder: String) throws {
    descriptor = open(folder + "/sync", O_RDWR | O_CREAT, 0o600)
    guard descriptor >= 0 else { throw BenchError("cannot write in \(folder)") }
    _ = ftruncate(descriptor, 1 << 20)
    fsync(descriptor)
  }

  deinit { close(descriptor) }

  func sync() throws -> Double {
    let page = [UInt8](repeating: 7, count: 4096)
    return try cost(1) {
      for offset in [0, 65536] { pwrite(descriptor, page, page.count, off_t(offset)) }
      guard fdatasync(descriptor) == 0 else { throw BenchError("fdatasync: errno \(errno)") }
    } / 1000
  }
}

func benchCommits(_ options: Options, _ daemons: [(count: Int, daemon: BenchDaemon)]) throws {
  var times: [Int: [Double]] = [:]
  var syncs: [Double] = []
  let disk = try Disk(daemons[0].daemon.folder)
  for round in 0..<(options.rounds + 2) {
    for (count, daemon) in daemons {
      let maapi = try Peer(path: daemon.socket, .maapi)
      try maapi.startSession()
      for turn in 0..<10 {
        let leaf = Leaf.description((round * 10 + turn) * 7919 % count)
        let time = try cost(1) {
          let handle = try maapi.startTransaction(.readWrite)
          try maapi.ask(frame(.setElem2("round \(round) turn \(turn)", leaf), handle))
          try maapi.ask(frame(.applyTransaction(keepOpen: false, flags: 0), handle))
          try maapi.ask(frame(.stopTransaction, handle))
        }
        if round >= 2 { times[count, default: []].append(time / 1000) }
      }
    }
    for _ in 0..<10 {
      let time = try disk.sync()
      if round >= 2 { syncs.append(time) }
    }
  }
  print("One-leaf durable commits (start, set, apply, finish); two written pages and fdatasync: \(shown(median(syncs), 3)) ms")
  let base = median(times[daemons[0].count] ?? [])
  for (count, _) in daemons {
    let time = median(times[count] ?? [])
    print(
      "  \(count) entries: \(shown(time, 3)) ms, ratio to \(daemons[0].count) entries \(shown(time / base)), to the disk \(shown(time / median(syncs)))"
    )
  }
}

func run() async throws {
  let options = try Options(Array(CommandLine.arguments.dropFirst()))
  let cpu = 1
  var daemons: [(count: Int, daemon: BenchDaemon)] = []
  defer { for (_, daemon) in daemons { daemon.stop() } }
  for count in options.entries {
    let start = now()
    let daemon = try BenchDaemon(
      ncs: options.ncs, modules: ["ietf-interfaces", "iana-if-type"], yang: options.yang, cpu: cpu)
    daemons.append((count, daemon))
    let started = now()
    try await daemon.load(count)
    print(
      "\(count) entries: daemon up in \(shown((started - start) * 1000, 1)) ms, loaded and committed in \(shown(now() - started)) s"
    )
  }
  guard let first = daemons.first else { return }
  try benchReads(options, first.daemon, cpu: cpu)
  try benchCommits(options, daemons)
  try benchSamples(options, first.daemon, cpu: cpu)
}

do {
  if CommandLine.arguments.dropFirst().first == "echo", let path = CommandLine.arguments.dropFirst(2).first {
    try runEchoServer(path: path)
  } else if CommandLine.arguments.count == 5, CommandLine.arguments[1] == "samples" {
    try runSamples(
      path: CommandLine.arguments[2], rate: Int(CommandLine.arguments[3]) ?? 1000, countFile: CommandLine.arguments[4])
  } else {
    try await run()
  }
} catch {
  let text = "ncs-bench: \(error)\n"
  _ = write(2, text, text.utf8.count)
  exit(1)
}
