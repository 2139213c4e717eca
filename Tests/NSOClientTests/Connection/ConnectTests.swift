import NIOCore
import NSOModel
import NSOWire
import Testing

@testable import NSOClient

/// Connecting on real sockets: what works, and what each failure says.
@Suite(.timeLimit(.minutes(10))) struct ConnectTests {
  private func client(
    _ daemon: FakeDaemon, secretFile: String? = nil, limits: ConnectionLimits = ConnectionLimits(), version: UInt16 = 82
  ) -> NSOClient {
    NSOClient(
      endpoint: Endpoint(daemon.address, secretFile: secretFile), configuration: .init(limits: limits, protocolVersion: version)
    )
  }

  private func code(_ client: NSOClient) async -> (ConnectionError.Code?, ConnectionError.Step?, String) {
    do {
      try await client.withMAAPI { _ in }
      return (nil, nil, "connected")
    } catch let error as ConnectionError {
      return (error.code, error.step, error.description)
    } catch {
      return (nil, nil, "\(error)")
    }
  }

  @Test(arguments: [FakeDaemon.Place.tcp, .tcpIPv6, .unix])
  func connects(place: FakeDaemon.Place) async throws {
    try await FakeDaemon.run(on: place) { peer in
      let hello = try await peer.acceptHello()
      #expect(hello.client == .maapi)
      #expect(hello.version == 85)
      try await peer.waitForClose()
    } _: { daemon in
      let version = try await client(daemon, version: 85).withMAAPI { $0.daemon.daemon }
      #expect(version == 0x0807_0000)
    }
  }

  /// A host name may have several addresses, of which some do not answer.
  @Test func connectsByHostName() async throws {
    try await FakeDaemon.run { peer in
      try await peer.acceptHello()
      try await peer.waitForClose()
    } _: { daemon in
      guard case .tcp(_, let port) = daemon.address else { return }
      let client = NSOClient(endpoint: Endpoint(.tcp(host: "localhost", port: port)))
      try await client.withMAAPI { _ in }
    }
  }

  @Test(arguments: [FakeDaemon.Place.tcp, .unix])
  func accessCheck(place: FakeDaemon.Place) async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("secret", Array("s3cret\n".utf8))
    let secret = try AccessSecret(fileContent: Array("s3cret\n".utf8))
    try await FakeDaemon.run(on: place) { peer in
      guard try await peer.checkAccess(secret) else { return }
      try await peer.acceptHello()
      try await peer.waitForClose()
    } _: { daemon in
      #expect(await code(client(daemon, secretFile: file)).2 == "connected")
      let wrong = try folder.file("wrong", Array("s3cret".utf8))
      let rejected = await code(client(daemon, secretFile: wrong))
      #expect(rejected.0 == .secretRejected)
      #expect(rejected.1 == .verdict)
      #expect(rejected.2.contains(wrong))
      let plain = await code(client(daemon))
      #expect(plain.0 == .secretRequired)
      #expect(plain.2.contains("NCS_IPC_ACCESS_FILE"))
    }
  }

  /// The daemon closes without a verdict.
  @Test func rejectedByClosing() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("secret", [65])
    try await FakeDaemon.run { peer in
      try await peer.send([AccessCheck.challengeByte] + Array(repeating: 7, count: 16))
      _ = try await peer.read(17)
    } _: { daemon in
      #expect(await code(client(daemon, secretFile: file)).0 == .secretRejected)
    }
  }

  @Test func secretThatNobodyAsksFor() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("secret", [65])
    try await FakeDaemon.run { peer in
      _ = try await peer.read(9)
    } _: { daemon in
      let limits = ConnectionLimits(accessCheck: .milliseconds(20))
      let result = await code(client(daemon, secretFile: file, limits: limits))
      #expect(result.0 == .secretNotExpected)
      #expect(result.1 == .challenge)
    }
  }

  @Test func secretFiles() async throws {
    let folder = try TemporaryFolder()
    let endpoint = IPCAddress.tcp(host: "127.0.0.1", port: 1)
    let cases: [([UInt8], String)] = [([], "empty"), (Array(repeating: 65, count: 2000), "2000 bytes"), ([0, 65], "empty")]
    for (content, reason) in cases {
      let file = try folder.file("secret", content)
      let result = await code(NSOClient(endpoint: Endpoint(endpoint, secretFile: file)))
      #expect(result.0 == .secretUnusable)
      #expect(result.1 == .preparation)
      #expect(result.2.contains(reason), "\(result.2)")
    }
    let missing = await code(NSOClient(endpoint: Endpoint(endpoint, secretFile: folder.path + "/none")))
    #expect(missing.0 == .secretUnusable)
    #expect(missing.2.contains("No such file"))
  }

  @Test func refusedVersion() async throws {
    try await FakeDaemon.run { peer in
      _ = try await peer.read(9)
      try await peer.send([1, 0, 87, 8, 7, 0, 0, 20, 9])
    } _: { daemon in
      let result = await code(client(daemon))
      #expect(result.0 == .versionRejected)
      #expect(result.2.contains("82") && result.2.contains("87"))
    }
  }

  @Test func somethingElseListens() async throws {
    try await FakeDaemon.run { peer in
      try await peer.send(Array("SSH-2.0-OpenSSH\r\n".utf8))
      try await peer.waitForClose()
    } _: { daemon in
      #expect(await code(client(daemon)).0 == .protocolViolation)
    }
  }

  @Test(arguments: 0..<9) func closedInTheHello(after count: Int) async throws {
    try await FakeDaemon.run { peer in
      _ = try await peer.read(9)
      try await peer.send(Array([0, 0, 82, 8, 7, 0, 0, 20, 9].prefix(count)))
    } _: { daemon in
      let result = await code(client(daemon))
      #expect(result.0 == .closed)
      #expect(result.1 == .hello)
    }
  }

  /// A peer that stops at any byte of the handshake is noticed by the time limit of that step.
  @Test(arguments: [0, 1, 16, 17, 18, 20, 26]) func silence(after count: Int) async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("secret", [65])
    let all: [UInt8] = [AccessCheck.challengeByte] + Array(repeating: 7, count: 16) + [0, 0, 0, 82, 8, 7, 0, 0, 20]
    try await FakeDaemon.run { peer in
      try await peer.send(Array(all.prefix(count)))
      try await peer.waitForClose()
    } _: { daemon in
      let expected: ConnectionError.Step = count < 17 ? .challenge : count < 18 ? .verdict : .hello
      // A slow machine may be late already in an earlier step; then it gets more time.
      var limit = Duration.milliseconds(20)
      var result = await code(client(daemon, secretFile: file, limits: ConnectionLimits(accessCheck: limit, hello: limit)))
      while result.1 != expected, limit < .seconds(20) {
        limit *= 4
        result = await code(client(daemon, secretFile: file, limits: ConnectionLimits(accessCheck: limit, hello: limit)))
      }
      #expect(result.1 == expected)
      #expect(result.0 == (count < 17 ? .secretNotExpected : .timedOut))
    }
  }

  @Test func nothingListens() async throws {
    let port = try ReservedPort()
    defer { withExtendedLifetime(port) {} }
    let tcp = await code(NSOClient(endpoint: Endpoint(.tcp(host: "127.0.0.1", port: port.number))))
    #expect(tcp.0 == .nothingListens)
    #expect(tcp.1 == .connect)
    let folder = try TemporaryFolder()
    let missing = await code(NSOClient(endpoint: Endpoint(.unix(path: folder.path + "/none"))))
    #expect(missing.0 == .nothingListens)
    let file = try folder.file("plain", [])
    let plain = await code(NSOClient(endpoint: Endpoint(.unix(path: file))))
    #expect(plain.0 == .nothingListens || plain.0 == .badAddress)
    let long = await code(NSOClient(endpoint: Endpoint(.unix(path: "/tmp/" + String(repeating: "x", count: 200)))))
    #expect(long.0 == .badAddress)
  }

  @Test func theErrorSaysWhereTheAddressCameFrom() async throws {
    let folder = try TemporaryFolder()
    let endpoint = try Endpoint(environment: ["NCS_IPC_PATH": folder.path + "/ipc"])
    let result = await code(NSOClient(endpoint: endpoint))
    #expect(result.2.contains("NCS_IPC_PATH"))
    #expect(result.2.contains(folder.path + "/ipc"))
  }

  @Test func environmentOfThisProcess() {
    #expect(Endpoint.processEnvironment["PATH"]?.isEmpty == false)
  }
}
