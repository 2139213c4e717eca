import Glibc
import Testing

/// Peers that stop, stall or vanish at every byte of connecting, against a real daemon.
@Suite(.serialized) struct HandshakeTests {
  private func places(_ instance: Instance, _ daemon: RunningDaemon) throws -> [RawSocket.Place] {
    [.unix(instance.socket), .tcp(try daemon.port())]
  }

  private func expectService(_ instance: Instance, secret: String? = nil) async throws {
    let variables = secret.map { ["NCS_IPC_ACCESS_FILE": $0] } ?? [:]
    let result = try await instance.tool(
      "ncs_cmd", ["-c", "mget /s:top/mtu"], variables.merging(["NCS_IPC_PATH": instance.socket]) { $1 })
    #expect(result.output == "1500\n", "\(result.errors)")
  }

  /// How often `word` is in the log of a daemon once it has ended.
  private func run(
    _ instance: Instance, secret: String? = nil, _ body: @escaping @Sendable (RawSocket.Place, Bool) throws -> Void
  ) async throws -> String {
    let (_, log) = try await instance.withLaunched { daemon in
      for place in try places(instance, daemon) {
        for isSlow in [false, true] { try await offThread { try body(place, isSlow) } }
      }
      try await expectService(instance, secret: secret)
    }
    return log
  }

  @Test func everyByteOfTheHello() async throws {
    let instance = try Instance(
      settings: "<api><connect-timeout>PT3S</connect-timeout></api>", listen: Instance.everywhere)
    let log = try await run(instance) { place, isSlow in
      let sockets = try (0..<9).map { count in
        let socket = try RawSocket(place)
        socket.send(Array(RawSocket.hello.prefix(count)))
        if !isSlow { socket.endSending() }
        return socket
      }
      for socket in sockets { #expect(socket.reachesEnd()) }
      // Byte for byte it is a hello like any other.
      let socket = try RawSocket(place)
      for byte in RawSocket.hello { socket.send([byte]) }
      #expect(socket.receive(9) == [0, 0, 82, 8, 2, 5, 0, 20, 9])
    }
    // On each of two places: nine that closed, nine that were slow.
    #expect(log.components(of: "the peer closed during the hello after") == 18)
    #expect(log.components(of: "no hello came in time") == 2)
    #expect(log.components(of: "the hello did not come in time") == 16)
  }

  @Test func everyByteOfTheAccessCheck() async throws {
    let instance = try Instance.checking("s3cret\n")
    let log = try await run(instance, secret: instance.path + "/secret") { place, isSlow in
      // Up to the end of the answer, then up to the end of the hello.
      let sockets = try (0..<26).map { count in
        let socket = try RawSocket(place)
        let challenge = socket.receive(17)
        #expect(challenge.count == 17 && challenge.first == 0x0B)
        socket.send(Array((RawSocket.answer(challenge, secret: "s3cret\n") + RawSocket.hello).prefix(count)))
        if !isSlow { socket.endSending() }
        return socket
      }
      for (count, socket) in sockets.enumerated() {
        if count >= 17 { #expect(socket.receive(1) == [0]) }
        #expect(socket.reachesEnd())
      }
      let socket = try RawSocket(place)
      for byte in RawSocket.answer(socket.receive(17), secret: "s3cret\n") { socket.send([byte]) }
      #expect(socket.receive(1) == [0])
      for byte in RawSocket.hello { socket.send([byte]) }
      #expect(socket.receive(9).first == 0)
    }
    #expect(log.components(of: "the peer closed during the access check after") == 34)
    #expect(log.components(of: "the peer closed during the hello after") == 18)
    #expect(log.components(of: "the answer to the access check did not come in time") == 34)
    #expect(log.components(of: "no hello came in time") == 2)
    #expect(log.components(of: "the hello did not come in time") == 16)
  }

  @Test func everyFirstByteThatIsNone() async throws {
    let plain = try Instance(listen: Instance.everywhere)
    let log = try await run(plain) { place, isSlow in
      guard !isSlow else { return }
      for byte in 0...255 as ClosedRange<UInt8> where ![3, 5, 7, 8, 11, 17].contains(byte) {
        let socket = try RawSocket(place)
        socket.send([byte])
        // Refused at this byte, without waiting for more.
        #expect(socket.receive(9).first == 1)
        #expect(socket.reachesEnd())
      }
    }
    #expect(log.components(of: "the hello names API") == 500)

    let checking = try Instance.checking("abc")
    let refusals = try await run(checking, secret: checking.path + "/secret") { place, isSlow in
      guard !isSlow else { return }
      for byte in 0...255 as ClosedRange<UInt8> where byte != 12 {
        let socket = try RawSocket(place)
        socket.send([byte])
        #expect(socket.receive(18).dropFirst(17) == [1])
        #expect(socket.reachesEnd())
      }
    }
    #expect(refusals.components(of: "LIB_NO_ACCESS") == 510)
  }

  @Test func challengesAreNeverTheSame() async throws {
    let instance = try Instance.checking("abc")
    _ = try await instance.withLaunched { _ in
      var seen: Set<[UInt8]> = []
      for _ in 0..<100 { seen.insert(try RawSocket(.unix(instance.socket)).receive(17)) }
      #expect(seen.count == 100)
      // The answer to one challenge is none to another.
      let first = try RawSocket(.unix(instance.socket))
      let second = try RawSocket(.unix(instance.socket))
      _ = second.receive(17)
      second.send(RawSocket.answer(first.receive(17), secret: "abc"))
      #expect(second.receive(1) == [1])
    }
  }

  @Test func versionsThatAreNotSpoken() async throws {
    let instance = try Instance(listen: Instance.everywhere)
    let (_, log) = try await instance.withLaunched { _ in
      for version in [0, 81, 88, 65535] as [UInt16] {
        let socket = try RawSocket(.unix(instance.socket))
        socket.send([7, UInt8(version >> 8), UInt8(version & 0xFF), 8, 2, 5, 0, 0, 0])
        #expect(socket.receive(9).first == 1)
        #expect(socket.reachesEnd())
      }
      for version in 82...87 as ClosedRange<UInt8> {
        let socket = try RawSocket(.unix(instance.socket))
        socket.send([7, 0, version, 8, 2, 5, 0, 0, 0])
        #expect(socket.receive(3) == [0, 0, version])
      }
    }
    #expect(log.components(of: "LIB_BAD_VSN") == 4)
  }

  @Test func aThousandConnectionsOpenedAndDropped() async throws {
    let instance = try Instance(
      settings: """
        <api><max-unfinished-connections xmlns="urn:swift-nso:config">8</max-unfinished-connections></api>
        """, listen: Instance.everywhere)
    _ = try await instance.withLaunched { daemon in
      try await expectService(instance)
      let before = Self.descriptors(of: daemon.process.pid)
      let places = try places(instance, daemon)
      try await offThread {
        for index in 0..<1000 {
          let socket = try RawSocket(places[index % 2])
          socket.send(Array(RawSocket.hello.prefix(index % 10)))
        }
      }
      try await expectService(instance)
      // Held open, more than a burst may be (eight times the bound): the oldest that have not finished connecting go.
      try await offThread {
        let held = try (0..<200).map { _ in try RawSocket(places[0]) }
        #expect(held[0].reachesEnd())
      }
      try await expectService(instance)
      // The daemon has let go of every one of them: what is open is what was open, when the ends have come through.
      var after = Self.descriptors(of: daemon.process.pid)
      for _ in 0..<100 where after > before {
        try await expectService(instance)
        after = Self.descriptors(of: daemon.process.pid)
      }
      #expect(after <= before)
      let status = try await instance.tool("ncs", ["--status"], ["NCS_IPC_PATH": instance.socket])
      #expect(
        status.output.split(separator: "\n").count { $0.contains("MAAPI") || $0.contains("hello") } == 1, "\(status.output)")
    }
  }

  private static func descriptors(of process: pid_t) -> Int {
    guard let folder = opendir("/proc/\(process)/fd") else { return -1 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
  }
}
