import Foundation
import Logging
import NIOCore
import NIOPosix
import NSOModel
import NSOWire
import TestSupport
import Testing

@testable import NSOServer

/// A folder of its own that goes with the test.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "nso-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { path + "/" + name }
}

/// Calls `body` with the system's form of an address.
func withSocketAddress<Result>(
  _ address: ListenAddress, _ body: (_ family: CInt, UnsafePointer<sockaddr>, socklen_t) throws -> Result
) throws -> Result {
  switch address {
  case .unix(let path):
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return try withUnsafePointer(to: &address) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try body(AF_UNIX, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  case .tcp(let ip, let port):
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo("\(ip)", "\(port)", nil, &found) == 0, let info = found, let pointer = info.pointee.ai_addr else {
      throw POSIXError(.EINVAL)
    }
    defer { freeaddrinfo(info) }
    return try body(info.pointee.ai_family, pointer, info.pointee.ai_addrlen)
  case .inherited: throw POSIXError(.EINVAL)
  }
}

/// A blocking client socket: tests say exactly which bytes go when.
final class RawClient {
  let descriptor: CInt

  init(_ address: ListenAddress) throws {
    descriptor = try withSocketAddress(address) { family, pointer, length in
      let descriptor = socket(family, CInt(SOCK_STREAM.rawValue), 0)
      guard connect(descriptor, pointer, length) == 0 else {
        let code = errno
        close(descriptor)
        throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO)
      }
      // What never comes makes a failure, not a test without end.
      var limit = timeval(tv_sec: 120, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      return descriptor
    }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) }

  /// So many bytes, or fewer when the daemon closes before.
  func receive(_ count: Int) -> [UInt8] {
    var all: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while all.count < count {
      let got = recv(descriptor, &piece, min(piece.count, count - all.count), 0)
      if got < 0, errno == EAGAIN { Issue.record("nothing came for two minutes") }
      guard got > 0 else { break }
      all += piece.prefix(got)
    }
    return all
  }

  var isAtEnd: Bool { receive(1).isEmpty }

  /// The port on this side of a TCP connection over IPv4.
  var localPort: UInt16? {
    var address = [UInt8](repeating: 0, count: 128)
    var length = socklen_t(address.count)
    let result = address.withUnsafeMutableBytes {
      getsockname(descriptor, $0.bindMemory(to: sockaddr.self).baseAddress, &length)
    }
    // Family, then the port in network order.
    return result == 0 ? UInt16(address[2]) << 8 | UInt16(address[3]) : nil
  }

  static let hello: [UInt8] = [7, 0, 82, 8, 2, 5, 0, 0, 0]
}

/// A file of /proc to its end: it has no size of its own, and long tables come in pieces.
private func kernelTable(_ path: String) throws -> String {
  let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
  var bytes = Data()
  while let piece = try file.read(upToCount: 65_536), !piece.isEmpty { bytes += piece }
  return String(decoding: bytes, as: UTF8.self)
}

/// A server whose APIs are scripted, with a group of event loops for the test. The body blocks on its sockets, so it runs on threads
/// of its own: the few threads of Swift's tasks belong to the server.
private func withServer(
  _ listeners: [ListenAddress], log: LogRecorder = LogRecorder(),
  change: (inout IPCServerConfiguration) throws -> Void = { _ in },
  _ body: (IPCServer) async throws -> Void
) async throws {
  var configuration = IPCServerConfiguration(listeners: listeners)
  try change(&configuration)
  let core = ServerCore(configuration: configuration, logger: log.logger) { connection, _ in ScriptedAPI(connection) }
  let server = IPCServer(core: core, group: .singletonMultiThreadedEventLoopGroup)
  try await server.start()
  do {
    try await withTaskExecutorPreference(ThreadPerJob()) { try await body(server) }
  } catch {
    await server.stop(within: .seconds(1))
    throw error
  }
  await server.stop(within: .seconds(1))
}

private func echo(_ address: ListenAddress) throws {
  let client = try RawClient(address)
  client.send(RawClient.hello)
  #expect(client.receive(9) == [0, 0, 82, 8, 2, 5, 0, 20, 9])
  client.send([0, 0, 0, 2] + Array("e1".utf8))
  #expect(client.receive(6) == [0, 0, 0, 2] + Array("e1".utf8))
}

@Suite struct ListenerTests {
  @Test func `TCP, TCP over IPv6 and a Unix socket side by side`() async throws {
    let folder = try TemporaryFolder()
    let wanted: [ListenAddress] = [
      .tcp(.loopback, port: 0), .tcp(.v6(IPv6Address(high: 0, low: 1)), port: 0), .unix(path: folder("a/b/ipc")),
    ]
    try await withServer(wanted) { server in
      let status = await server.status()
      #expect(status.listeners.count == 3)
      for listener in status.listeners {
        if case .tcp(_, let port) = listener.address { #expect(port != 0) }
        #expect(!listener.isUnprotected)
        try echo(listener.address)
      }
      #expect(await server.status().accepted == 3)
    }
    // The socket file goes with the server.
    #expect(!FileManager.default.fileExists(atPath: folder("a/b/ipc")))
  }

  @Test func `the same port on several addresses`() async throws {
    let first: ListenAddress = .tcp(.loopback, port: 0)
    try await withServer([first]) { server in
      guard case .tcp(_, let port) = await server.status().listeners[0].address else { return }
      try await withServer([
        .tcp(.v4(IPv4Address(127, 0, 0, 2)), port: port), .tcp(.v6(IPv6Address(high: 0, low: 1)), port: port),
      ]) {
        for listener in await $0.status().listeners { try echo(listener.address) }
      }
    }
  }

  @Test func `a port that is taken names its holder`() async throws {
    try await withServer([.tcp(.loopback, port: 0)]) { server in
      let taken = await server.status().listeners[0].address
      let error = try await #require(throws: ListenError.self) { try await withServer([taken]) { _ in } }
      #expect(error.address == taken)
      guard case .inUse(let holder) = error.cause else { throw error }
      #expect(holder?.contains("process \(getpid())") == true)
      #expect("\(error)".contains("listens there already"))
    }
  }

  @Test func `the kernel's tables of sockets are understood`() throws {
    for (text, address) in [
      ("0100007F", "127.0.0.1"), ("00000000", "0.0.0.0"), ("00000000000000000000000001000000", "::1"),
      ("0000000000000000FFFF00000100007F", "127.0.0.1"), ("B80D0120000000000000000001000000", "2001:db8::1"),
    ] { #expect(SocketHolder.kernelAddress(Substring(text)) == IPAddress(address)) }
    for text in ["", "0100", "xyz00000", "0000000000000000"] { #expect(SocketHolder.kernelAddress(Substring(text)) == nil) }
  }

  /// The same port at another address of the machine is nobody's concern.
  @Test func `an address is taken by the same one, or by one that stands for all`() throws {
    func excludes(_ one: String, _ other: String) throws -> Bool {
      SocketHolder.excludes(try #require(IPAddress(one)), try #require(IPAddress(other)))
    }
    for (one, other) in [
      ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("::", "::1"), ("::", "127.0.0.1"),
    ] {
      #expect(try excludes(one, other), "\(one) \(other)")
    }
    for (one, other) in [("127.0.0.2", "127.0.0.1"), ("::1", "127.0.0.1"), ("127.0.0.1", "::1"), ("0.0.0.0", "::1")] {
      #expect(try !excludes(one, other), "\(one) \(other)")
    }
  }

  @Test func `the system watches TCP connections whose peer is silent`() async throws {
    try await withServer([.tcp(.loopback, port: 0)]) { server in
      let client = try RawClient(await server.status().listeners[0].address)
      client.send(RawClient.hello)
      #expect(client.receive(9).count == 9)
      #if os(Linux)
        // Column 6 of the kernel's table is the timer: 2 is keepalive, set on the server's side of this connection.
        let port = try #require(client.localPort)
        let hex =
          ":" + String(repeating: "0", count: max(0, 4 - String(port, radix: 16).count)) + String(port, radix: 16).uppercased()
        // Until the reply is acknowledged another timer runs; rows of connections that have ended may have the same port.
        var isWatched = false
        for _ in 0..<500 where !isWatched {
          let table = try kernelTable("/proc/net/tcp")
          isWatched = table.split(separator: "\n").map { $0.split(separator: " ") }.contains { row in
            row.count > 5 && row[2].hasSuffix(hex) && row[3] == "01" && row[5].hasPrefix("02:")
          }
          usleep(10_000)
        }
        #expect(isWatched)
      #endif
    }
  }

  @Test func `when one address fails none is listened on`() async throws {
    let folder = try TemporaryFolder()
    let path = folder("ipc")
    let error = try await #require(throws: ListenError.self) {
      try await withServer([.unix(path: path), .tcp(.v4(IPv4Address(192, 0, 2, 1)), port: 0)]) { _ in }
    }
    #expect(error.cause == .addressNotAvailable)
    #expect(throws: POSIXError.self) { try RawClient(.unix(path: path)) }
  }

  @Test func `a stale socket file is replaced`() async throws {
    let folder = try TemporaryFolder()
    let path = folder("ipc")
    let old = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    let bound = try withSocketAddress(.unix(path: path)) { _, pointer, length in bind(old, pointer, length) }
    #expect(bound == 0)
    close(old)
    #expect(FileManager.default.fileExists(atPath: path))
    try await withServer([.unix(path: path)]) { _ in try echo(.unix(path: path)) }
  }

  @Test func `a live socket is refused and its holder named`() async throws {
    let folder = try TemporaryFolder()
    let address = ListenAddress.unix(path: folder("ipc"))
    try await withServer([address]) { _ in
      let error = try await #require(throws: ListenError.self) { try await withServer([address]) { _ in } }
      guard case .inUse(let holder) = error.cause else { throw error }
      #expect(holder?.contains("process \(getpid())") == true)
      try echo(address)
      // The same without the lock file: the socket itself answers.
      try FileManager.default.removeItem(atPath: folder("ipc.lock"))
      let second = try await #require(throws: ListenError.self) { try await withServer([address]) { _ in } }
      guard case .inUse(let other) = second.cause else { throw second }
      #expect(other?.hasPrefix("process \(getpid())") == true)
      try echo(address)
    }
  }

  @Test func `what is no socket is left alone`() async throws {
    let folder = try TemporaryFolder()
    #expect(FileManager.default.createFile(atPath: folder("file"), contents: Data("precious".utf8)))
    let error = try await #require(throws: ListenError.self) {
      try await withServer([.unix(path: folder("file"))]) { _ in }
    }
    #expect(error.cause == .notASocket)
    #expect(FileManager.default.contents(atPath: folder("file")) == Data("precious".utf8))
    let inside = try await #require(throws: ListenError.self) {
      try await withServer([.unix(path: folder("file/ipc"))]) { _ in }
    }
    guard case .folder(let path, _) = inside.cause else { throw inside }
    #expect(path == folder("file"))
  }

  @Test func `a folder that a foreign group may write is refused`() async throws {
    let folder = try TemporaryFolder()
    let address = ListenAddress.unix(path: folder("ipc"))
    #expect(chmod(folder.path, 0o770) == 0)
    try await withServer([address]) { _ in try echo(address) }
    // Only root can give a folder to a group that it is not in.
    guard geteuid() == 0 else { return }
    #expect(chown(folder.path, 0, 4711) == 0 && chmod(folder.path, 0o770) == 0)
    let error = try await #require(throws: ListenError.self) { try await withServer([address]) { _ in } }
    guard case .folder(_, let reason) = error.cause else { throw error }
    #expect(reason.contains("group 4711"))
    #expect(chmod(folder.path, 0o1770) == 0)
    try await withServer([address]) { _ in try echo(address) }
  }

  @Test func `keepalive is switched on in full`() async throws {
    try await withServer([.tcp(.loopback, port: 0)]) { server in
      let address = try #require(await server.status().listeners.first?.address)
      guard case .tcp(let ip, let port) = address else { return }
      var bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      for (option, value) in Keepalive.options { bootstrap = bootstrap.channelOption(option, value: value) }
      let channel = try await bootstrap.connect(host: "\(ip)", port: Int(port)).get()
      for (option, value) in Keepalive.options { #expect(try await channel.getOption(option).get() == value) }
      try await channel.close()
    }
  }

  @Test func `a path that is too long is refused with the limit`() async throws {
    let folder = try TemporaryFolder()
    let path = folder(String(repeating: "x", count: 200))
    let error = try await #require(throws: ListenError.self) { try await withServer([.unix(path: path)]) { _ in } }
    #expect(error.cause == .pathTooLong(bytes: path.utf8.count, limit: 107))
  }

  @Test func `the socket has its permissions from the first moment`() async throws {
    let folder = try TemporaryFolder()
    try await withServer([.unix(path: folder("ipc"))], change: { $0.unixSocketPermissions = 0o660 }) { _ in
      let attributes = try FileManager.default.attributesOfItem(atPath: folder("ipc"))
      #expect(attributes[.posixPermissions] as? Int == 0o660)
    }
  }

  @Test func `peers on Unix sockets are known by user, group and process`() async throws {
    let folder = try TemporaryFolder()
    let address = ListenAddress.unix(path: folder("ipc"))
    try await withServer([address]) { server in
      let client = try RawClient(address)
      client.send(RawClient.hello)
      #expect(client.receive(9).count == 9)
      let peer = try #require(await server.status().connections.first?.peer)
      #expect(peer.credentials == .init(uid: getuid(), gid: getgid(), pid: getpid()))
      #expect(peer.description == "uid \(getuid()) gid \(getgid()) process \(getpid())")
    }
  }

  @Test func `a peer that the daemon does not want is closed with the reason in the log`() async throws {
    let folder = try TemporaryFolder()
    let log = LogRecorder()
    let address = ListenAddress.unix(path: folder("ipc"))
    try await withServer(
      [address], log: log, change: { $0.localPeerCheck = { .denied(reason: "uid \($0.uid) is no user of this daemon") } }
    ) { _ in
      let client = try RawClient(address)
      #expect(client.isAtEnd)
      let line = log.lines(from: .warning)
      #expect(line.count == 1)
      #expect(line.first?.contains("uid \(getuid()) is no user of this daemon") == true)
    }
  }

  @Test func `an inherited socket is listened on`() async throws {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    let bound = try withSocketAddress(.tcp(.loopback, port: 0)) { _, pointer, length in bind(descriptor, pointer, length) }
    #expect(bound == 0)
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { #expect(getsockname(descriptor, $0, &length) == 0) }
      // Family, then the port in network order.
      return UnsafeRawPointer(pointer).loadUnaligned(fromByteOffset: 2, as: UInt16.self).bigEndian
    }
    try await withServer([.inherited(descriptor: descriptor)]) { _ in try echo(.tcp(.loopback, port: port)) }
  }

  /// Warning of it is for whoever started the server.
  @Test func `an address beyond loopback without access check is unprotected`() async throws {
    let everywhere = ListenAddress.tcp(.v4(IPv4Address(0, 0, 0, 0)), port: 0)
    try await withServer([everywhere]) { server in #expect(await server.status().listeners[0].isUnprotected) }
    try await withServer([everywhere], change: { $0.accessSecret = try AccessSecret(fileContent: "s".utf8) }) { server in
      #expect(await !server.status().listeners[0].isUnprotected)
    }
  }

  @Test func `the access check over a real socket, on TCP and Unix alike`() async throws {
    let folder = try TemporaryFolder()
    let secret = Array("correct-horse\n".utf8)
    let log = LogRecorder()
    try await withServer(
      [.tcp(.loopback, port: 0), .unix(path: folder("ipc"))], log: log,
      change: { $0.accessSecret = try AccessSecret(fileContent: secret) }
    ) { server in
      for listener in await server.status().listeners {
        var challenges: Set<[UInt8]> = []
        for isRight in [true, false] {
          let client = try RawClient(listener.address)
          let challenge = client.receive(17)
          #expect(challenge.first == 0x0B)
          challenges.insert(challenge)
          let answer = AccessCheck.digest(
            secret: isRight ? secret : Array("correct-horse".utf8), challenge: Array(challenge.dropFirst()))
          client.send([0x0C] + answer)
          #expect(client.receive(1) == [isRight ? 0 : 1])
          guard isRight else {
            #expect(client.isAtEnd)
            continue
          }
          client.send(RawClient.hello)
          #expect(client.receive(9).first == 0)
        }
        #expect(challenges.count == 2)
      }
      #expect(log.lines(from: .warning).count == 2)
    }
  }

  @Test func `slow peers are closed at every byte of the handshake, others are served meanwhile`() async throws {
    let folder = try TemporaryFolder()
    let address = ListenAddress.unix(path: folder("ipc"))
    let log = LogRecorder()
    try await withServer([address], log: log, change: { $0.helloTimeLimit = .seconds(2) }) { server in
      let slow = try (0..<9).map { count in
        let client = try RawClient(address)
        client.send(Array(RawClient.hello.prefix(count)))
        return client
      }
      try echo(address)
      for client in slow { #expect(client.isAtEnd) }
      #expect(log.lines(from: .warning).count == 9)
      #expect(await server.status().refused == 9)
    }
  }

  @Test func `a thousand connections come and go`() async throws {
    let folder = try TemporaryFolder()
    let address = ListenAddress.unix(path: folder("ipc"))
    try await withServer([address]) { server in
      for index in 0..<1000 {
        let client = try RawClient(address)
        if index % 3 != 0 { client.send(Array(RawClient.hello.prefix(index % 10))) }
      }
      try echo(address)
      // One counts when its event loop has got to it, which may be after the last was answered.
      try await until("1001 are accepted") { await server.status().accepted >= 1001 }
      #expect(await server.status().accepted == 1001)
    }
  }

  @Test func `stopping lets a request finish and closes the others`() async throws {
    let folder = try TemporaryFolder()
    let address = ListenAddress.unix(path: folder("ipc"))
    try await withServer([address]) { server in
      let idle = try RawClient(address)
      idle.send(RawClient.hello)
      #expect(idle.receive(9).count == 9)
      let stuck = try RawClient(address)
      stuck.send(RawClient.hello + [0, 0, 0, 2] + Array("l1".utf8))
      #expect(stuck.receive(9).count == 9)
      await server.stop(within: .milliseconds(20))
      #expect(idle.isAtEnd)
      #expect(stuck.isAtEnd)
      #expect(throws: POSIXError.self) { try RawClient(address) }
      #expect(await server.status().connections.isEmpty)
    }
  }
}
