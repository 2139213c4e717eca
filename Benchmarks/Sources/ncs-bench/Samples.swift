import Glibc
import NSOModel
import NSOTerms
import NSOWire

/// Commits on running beside a stream of operational samples: the samples are written by another process, which is stopped for
/// every second round, so that both cases are measured in one run.
func benchSamples(_ options: Options, _ daemon: BenchDaemon, cpu: Int) throws {
  let countFile = daemon.folder + "/samples"
  let child = try Child([
    "taskset", "-c", String(cpu == 0 ? 1 : 0), CommandLine.arguments[0], "samples", daemon.socket, String(options.samples),
    countFile,
  ])
  defer { child.stop() }
  try awaitFile(countFile)
  let maapi = try Peer(path: daemon.socket, .maapi)
  try maapi.startSession()
  var times: [Bool: [Double]] = [:]
  var loudTime = 0.0
  for round in 0..<(options.rounds + 2) {
    for isLoud in [false, true] {
      child.signal(isLoud ? SIGCONT : SIGSTOP)
      let start = now()
      for turn in 0..<10 {
        let leaf = Leaf.description((round * 10 + turn) * 7919 % 1000)
        let time = try cost(1) {
          let handle = try maapi.startTransaction(.readWrite)
          try maapi.ask(frame(.setElem2("\(isLoud) round \(round) turn \(turn)", leaf), handle))
          try maapi.ask(frame(.applyTransaction(keepOpen: false, flags: 0), handle))
          try maapi.ask(frame(.stopTransaction, handle))
        }
        if round >= 2 { times[isLoud, default: []].append(time / 1000) }
      }
      if isLoud { loudTime += now() - start }
    }
  }
  child.signal(SIGCONT)
  child.stop()
  let written = try Double(number(in: countFile))
  let (quiet, loud) = (median(times[false] ?? []), median(times[true] ?? []))
  print(
    "One-leaf durable commits beside operational samples (\(Int(written / loudTime)) a second, each a write of its own): \(shown(loud, 3)) ms, without \(shown(quiet, 3)) ms, ratio \(shown(loud / quiet))"
  )
}

/// Writes samples until standard input ends, in portions of a millisecond; then says how many.
func runSamples(path: String, rate: Int, countFile: String) throws {
  let connections = try (0..<4).map { _ in try Peer(path: path, .cdb) }
  for cdb in connections {
    try cdb.socket.send(frame(CDBCall(.clientName("samples"))))
    try cdb.ask(frame(CDBCall(.newSession(NewSession(.operational, options: [])))))
  }
  let state = "urn:ietf:params:xml:ns:yang:ietf-interfaces"
  let frames = try (0..<64).map { number -> [UInt8] in
    let entry: [Keypath.Element] = [
      .tag(Tag("interfaces-state", in: state)), .tag("interface"), .keys([.string("ge-\(number)")]),
    ]
    try connections[0].ask(frame(CDBCall(.create(WireKeypath(Keypath(entry))))))
    return frame(
      CDBCall(.setElem2("\(number)", WireKeypath(Keypath(entry + [.tag("statistics"), .tag("in-octets")])))))
  }
  try write(0, to: countFile)
  var written = 0
  var input = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
  // A stop of this process is no time to be made up for.
  while poll(&input, 1, 1) == 0 {
    let portion = max(1, rate / 1000)
    for index in 0..<portion { try connections[index % 4].socket.send(frames[(written + index) & 63]) }
    for index in 0..<portion {
      let reply = try connections[index % 4].socket.receiveFrame()
      guard let first = reply.first, first & 0x80 == 0 else { throw BenchError("the daemon refused a sample") }
    }
    written += portion
  }
  try write(written, to: countFile)
}

private func write(_ number: Int, to path: String) throws {
  guard let file = fopen(path + ".new", "w") else { throw BenchError("cannot write \(path)") }
  fputs("\(number)", file)
  fclose(file)
  rename(path + ".new", path)
}

private func number(in path: String) throws -> Int {
  guard let file = fopen(path, "r") else { throw BenchError("cannot read \(path)") }
  defer { fclose(file) }
  var text = [CChar](repeating: 0, count: 32)
  guard fgets(&text, 31, file) != nil else { throw BenchError("\(path) is empty") }
  return atol(text)
}

private func awaitFile(_ path: String) throws {
  let end = now() + 60
  while now() < end {
    if access(path, R_OK) == 0 { return }
    usleep(2000)
  }
  throw BenchError("\(path) is not there after a minute")
}
