import NSOModel
import Synchronization

/// Which process of this machine has which connected TCP socket. Looking takes some milliseconds, so what was seen serves all who
/// ask about the same moment.
enum SocketTable {
  private struct Socket: Hashable {
    var address: IPAddress
    var port: UInt16
    /// At the other end.
    var other: UInt16
  }

  private struct Owner {
    var process: Int32
    var start: UInt64
  }

  private struct Look {
    var time: ContinuousClock.Instant
    var owners: [Socket: Owner]
  }

  private static let last = Mutex<Look?>(nil)

  /// The process that has a socket. Its children may hold it too, knowingly or not: the oldest process has made it. Nil when it is on
  /// another machine, or nobody's that we may look at.
  /// - Parameters:
  ///   - other: the port at the other end, which is ours.
  ///   - moment: what is told was so then, or later.
  static func owner(
    of address: IPAddress, port: UInt16, connectedTo other: UInt16, notBefore moment: ContinuousClock.Instant
  ) -> Int32? {
    let socket = Socket(address: unmapped(address), port: port, other: other)
    // Nothing in here waits for anybody; whoever comes meanwhile wants the same.
    return last.withLock { last in
      if let last, last.time >= moment { return last.owners[socket]?.process }
      let look = look()
      last = look
      return look.owners[socket]?.process
    }
  }

  private static func look() -> Look {
    let time = ContinuousClock.now
    var sockets: [String: Socket] = [:]
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
      // State 01: connected.
      for row in SocketHolder.rows(of: table, state: "01") {
        sockets[row.inode] = Socket(address: unmapped(row.local.address), port: row.local.port, other: row.remote.port)
      }
    }
    var owners: [Socket: Owner] = [:]
    for process in SocketHolder.processes {
      let held = SocketHolder.sockets(of: process).compactMap { sockets[$0] }
      guard !held.isEmpty, let start = SocketHolder.startTime(of: process) else { continue }
      for socket in held {
        if let known = owners[socket], (known.start, known.process) < (start, process) { continue }
        owners[socket] = Owner(process: process, start: start)
      }
    }
    return Look(time: time, owners: owners)
  }

  /// IPv4 in IPv6 (RFC 4291, section 2.5.5.2) as what it is.
  private static func unmapped(_ address: IPAddress) -> IPAddress {
    guard case .v6(let six) = address, six.high == 0, six.low >> 32 == 0xFFFF else { return address }
    return .v4(IPv4Address(bits: UInt32(truncatingIfNeeded: six.low)))
  }
}
