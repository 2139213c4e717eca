import Foundation
import Glibc
import TestSupport
import Testing

/// NETCONF over TCP with the real daemon.
@Suite struct NetconfTests {
  private static let settings = """
    <netconf-north-bound><transport><tcp><enabled>true</enabled><ip>127.0.0.1</ip><port>0</port></tcp></transport></netconf-north-bound>
    <datastores><candidate><enabled>true</enabled></candidate></datastores>
    """

  private static let base = "urn:ietf:params:xml:ns:netconf:base:1.0"

  /// The port that the daemon listens on.
  private func port(_ instance: Instance) async throws -> UInt16 {
    let status = try await instance.run("ncs", "--status").output
    let line = try #require(status.split(separator: "\n").first { $0.contains(", TCP, no authentication") }, "\(status)")
    return try #require(UInt16(line.split(separator: ":").dropFirst().first?.prefix { $0.isNumber } ?? ""))
  }

  /// What the daemon sends until `count` messages have ended, or the connection has. Blocks a thread of its own.
  private func exchange(_ port: UInt16, _ text: String, replies count: Int) async throws -> String {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<String, any Error>) in
      Thread {
        continuation.resume(with: Result { try Self.talk(port, text, count) })
      }.start()
    }
  }

  private static func talk(_ port: UInt16, _ text: String, _ count: Int) throws -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw ChildProcess.Failure(description: "connect: \(errno)") }
    let bytes = Array(text.utf8)
    guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw ChildProcess.Failure(description: "send: \(errno)")
    }
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while String(decoding: all, as: UTF8.self).components(separatedBy: "]]>]]>").count <= count {
      let length = recv(descriptor, &buffer, buffer.count, 0)
      guard length > 0 else { break }
      all += buffer[..<length]
    }
    return String(decoding: all, as: UTF8.self)
  }

  private static var hello: String {
    "<hello xmlns=\"\(base)\"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>"
  }

  private func rpc(_ text: String) -> String { "<rpc message-id=\"1\" xmlns=\"\(Self.base)\">\(text)</rpc>]]>]]>" }

  @Test func editsAndReads() async throws {
    let instance = try Instance(settings: Self.settings)
    try await instance.withDaemon { _ in
      let port = try await port(instance)
      let edit = rpc(
        """
        <edit-config><target><running/></target><config><top xmlns="urn:small"><name>wire</name>\
        <item><id>3</id><text>a &lt; b</text></item></top></config></edit-config>
        """)
      let get = rpc("<get-config><source><running/></source></get-config>")
      let text = try await exchange(port, "[joe;192.0.2.7;]\n" + Self.hello + edit + get + rpc("<close-session/>"), replies: 9)
      #expect(text.contains("<session-id>"))
      #expect(
        text.contains(
          "<data><top xmlns=\"urn:small\"><name>wire</name><item><id>3</id><text>a &lt; b</text></item></top></data>"),
        "\(text)")
      // The end of the session ends the connection: less than nine came.
      #expect(text.components(separatedBy: "<ok/>").count == 3)
      #expect(try await instance.run("ncs_cmd", "-c", "mget /top/name").output == "wire\n")
      #expect(try await exchange(port, "[\n" + Self.hello, replies: 1).isEmpty)
    }
  }

  @Test func whatASessionHoldsGoesWithItsConnection() async throws {
    let instance = try Instance(settings: Self.settings)
    try await instance.withDaemon { _ in
      let port = try await port(instance)
      let lock = rpc("<lock><target><running/></target></lock>")
      // Three messages: the hello and two replies; then the client is gone.
      let text = try await exchange(port, Self.hello + lock + lock, replies: 3)
      #expect(text.contains("<ok/>") && text.contains("<error-tag>lock-denied</error-tag>"), "\(text)")
      try await until("the lock is free") {
        try await instance.run("ncs", "--status").output.contains("locks: none")
      }
      let again = try await exchange(port, Self.hello + lock, replies: 2)
      #expect(again.contains("<ok/>"))
    }
  }
}
