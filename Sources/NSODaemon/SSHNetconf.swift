import Logging
import NIOCore
import NSOEngine
import NSOModel
import NSONetconf
import NSOSSH

/// NETCONF as a subsystem of SSH (RFC 6242).
struct SSHNetconf: SSHService {
  let service: NetconfService

  var context: String { "netconf" }

  func accepts(_ start: SSHChannel.Start) -> Bool { start == .subsystem("netconf") }

  func serve(_ channel: SSHChannel) async -> Int32 {
    let peer = channel.peer
    let groups: [String]
    do throws(NSOError) { groups = try service.engine.groups(of: peer.user) } catch {
      service.engine.log.notice("NETCONF: the groups of \(peer.user) cannot be read: \(error.message)")
      return 1
    }
    await service.serve(
      Transport(channel: channel),
      NetconfPeer(
        user: peer.user, groups: groups, address: peer.origin.address, port: peer.origin.port, proto: peer.origin.proto))
    return 0
  }

  private struct Transport: NetconfTransport {
    let channel: SSHChannel

    func read() async -> ByteBuffer? { await channel.read().map { ByteBuffer(bytes: $0) } }
    func write(_ bytes: ByteBuffer) async throws { try await channel.write(bytes.readableBytesView) }
    func close() { channel.end() }
  }
}
