import Glibc
import Testing

/// How the tools find the daemon: every row of the table of variables and options (protocol part 08, section 1), with a daemon
/// on TCP over IPv4 and IPv6 and on a Unix socket.
@Suite(.serialized) struct AddressTests {
  private enum Place { case v4, v6, unix }

  @Test func everyRowOfTheTable() async throws {
    let instance = try Instance(listen: Instance.everywhere)
    _ = try await instance.withLaunched { daemon in
      let (v4, v6, unix) = (try "\(daemon.port())", try "\(daemon.port("[::1]"))", instance.socket)
      let rows: [(options: [String], variables: [String: String], place: Place)] = [
        (["--address", "127.0.0.1", "--port", v4], ["NCS_IPC_PATH": unix], .v4),
        (["--port", v4], ["NCS_IPC_PATH": unix], .v4),
        (["--address", "::1"], ["NCS_IPC_PORT": v6, "NCS_IPC_ADDR": "127.0.0.1"], .v6),
        (["--port", v4], ["NCS_IPC_PORT": "1"], .v4),
        (["--socket-path", unix], ["NCS_IPC_ADDR": "::1", "NCS_IPC_PORT": v6], .unix),
        (["--socket-path", unix], ["NCS_IPC_PATH": "/nowhere"], .unix),
        (["--socket-path", unix, "--address", "127.0.0.1", "--port", "1"], [:], .unix),
        ([], ["NCS_IPC_PATH": unix], .unix),
        ([], ["NCS_IPC_PATH": unix, "NCS_IPC_ADDR": "127.0.0.1", "NCS_IPC_PORT": v4], .unix),
        ([], ["NCS_IPC_ADDR": "::1", "NCS_IPC_PORT": v6], .v6),
        ([], ["NCS_IPC_ADDR": "localhost", "NCS_IPC_PORT": v4], .v4),
        ([], ["NCS_IPC_PORT": v4], .v4),
        // Empty is unset.
        ([], ["NCS_IPC_PATH": "", "NCS_IPC_ADDR": "", "NCS_IPC_PORT": v4, "NCS_IPC_ACCESS_FILE": ""], .v4),
      ]
      for row in rows {
        // The daemon's list of clients has this very connection.
        let result = try await instance.tool("ncs", ["--status"] + row.options, row.variables)
        #expect(result.code == 0, "\(row): \(result.errors)")
        let client = result.output.split(separator: "\n").last { $0.contains("MAAPI") } ?? ""
        let mark =
          switch row.place {
          case .v4: ", 127.0.0.1:"
          case .v6: ", [::1]:"
          case .unix: ", uid \(geteuid()) "
          }
        #expect(client.contains(mark), "\(row): \(client)")
        #expect(result.errors == "", "\(row)")
      }
    }
  }

  @Test func theToolsShareTheRules() async throws {
    let instance = try Instance(listen: Instance.everywhere)
    _ = try await instance.withLaunched { daemon in
      let (v4, v6, unix) = (try "\(daemon.port())", try "\(daemon.port("[::1]"))", instance.socket)
      for (options, variables) in [
        ([], ["NCS_IPC_PATH": unix]), ([], ["NCS_IPC_ADDR": "::1", "NCS_IPC_PORT": v6]), ([], ["NCS_IPC_PORT": v4]),
        (["-a", "127.0.0.1", "-p", v4], ["NCS_IPC_PATH": "/nowhere"]), (["-a", "::1", "-p", v6], [:]),
        (["--socket-path", unix], ["NCS_IPC_PORT": "1"]),
      ] as [([String], [String: String])] {
        let command = try await instance.tool("ncs_cmd", options + ["-c", "mget /s:top/mtu"], variables)
        #expect(command.code == 0 && command.output == "1500\n", "\(options) \(variables): \(command.errors)")
        // -a and -p have other meanings in ncs_load.
        guard !options.contains("-a") else { continue }
        let load = try await instance.tool("ncs_load", options + ["-Fp"], variables)
        #expect(load.code == 0, "\(options) \(variables): \(load.errors)")
      }
    }
  }

  @Test func aCommonSlipGetsAWarning() async throws {
    let instance = try Instance(listen: Instance.everywhere)
    _ = try await instance.withLaunched { daemon in
      let result = try await instance.tool(
        "ncs", ["--status"], ["NCS_IPC_ADDRESS": "192.0.2.1", "NCS_IPC_PORT": "\(try daemon.port())"])
      #expect(result.code == 0)
      #expect(result.errors.contains("NCS_IPC_ADDRESS=192.0.2.1 is ignored: the variable is NCS_IPC_ADDR"))
      let right = try await instance.tool(
        "ncs", ["--status"],
        ["NCS_IPC_ADDRESS": "192.0.2.1", "NCS_IPC_ADDR": "127.0.0.1", "NCS_IPC_PORT": "\(try daemon.port())"])
      #expect(right.code == 0 && right.errors == "")
    }
  }

  @Test func failuresSayWhatWasTriedAndWhereItCameFrom() async throws {
    let instance = try Instance()
    let dead = try Instance.deadPort()
    let file = try instance.write("file", "no socket")
    let rows: [([String], [String: String], [String], Int32)] = [
      ([], ["NCS_IPC_PATH": "/nowhere/ipc"], ["/nowhere/ipc", "NCS_IPC_PATH", "no such socket"], 2),
      (["--socket-path", "/nowhere/ipc"], [:], ["/nowhere/ipc", "option"], 2),
      (["--socket-path", file], [:], [file, "regular file, not a socket"], 2),
      ([], ["NCS_IPC_PATH": instance.path], [instance.path, "NCS_IPC_PATH", "directory, not a socket"], 2),
      ([], ["NCS_IPC_PATH": file + "/ipc"], ["no such socket"], 2),
      (["--port", "\(dead.number)"], [:], ["127.0.0.1:\(dead.number)", "default", "option", "nothing listens"], 2),
      ([], ["NCS_IPC_PORT": "\(dead.number)"], ["127.0.0.1:\(dead.number)", "NCS_IPC_PORT", "nothing listens"], 2),
      ([], ["NCS_IPC_ADDR": "no.such.host.invalid"], ["no.such.host.invalid", "NCS_IPC_ADDR"], 2),
      ([], ["NCS_IPC_PORT": "4569x"], ["4569x", "NCS_IPC_PORT", "65535"], 1),
      ([], ["NCS_IPC_ADDR": "127.0.0.1:4569"], ["127.0.0.1:4569", "NCS_IPC_ADDR", "the port 4569"], 1),
      (["--address="], [:], ["option"], 1),
      (["--socket-path="], [:], ["socket path is empty"], 1),
      (["--port", "0"], [:], ["0"], 1),
      (["--port", "65536"], [:], ["65536"], 1),
      (["--socket-path", String(repeating: "x", count: 200)], [:], ["too long"], 2),
    ]
    for (options, variables, words, code) in rows {
      let result = try await instance.tool("ncs", ["--status"] + options, variables)
      #expect(result.code == code, "\(options) \(variables): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      for word in words { #expect(result.errors.contains(word), "\(options) \(variables): \(result.errors)") }
    }
  }

  @Test func theDaemonsOwnRules() async throws {
    // NCS_IPC_PATH overrides the file, and switches TCP off; the other variables mean nothing to a daemon.
    let instance = try Instance(listen: "<ncs-ipc-address><port>0</port></ncs-ipc-address>")
    var daemon = try await instance.launch(with: ["NCS_IPC_PATH": instance.path + "/from/variable"])
    #expect(daemon.log.contains("listening on \(instance.path)/from/variable, mode 0600, user check, no access check"))
    #expect(!daemon.log.contains("listening on 127.0.0.1"))
    #expect(instance.exists("from/variable"))
    _ = try await daemon.stop()
    #expect(!instance.exists("from/variable"))

    daemon = try await instance.launch(with: ["NCS_IPC_ADDR": "192.0.2.1", "NCS_IPC_PORT": "1", "NCS_IPC_PATH": ""])
    #expect(try daemon.port() > 0)
    _ = try await daemon.stop()

    // The two kinds exclude each other unless our own setting allows both.
    let unix = try Instance(
      listen: """
        <ncs-local-ipc><enabled>true</enabled><path>./ipc</path></ncs-local-ipc>
        <ncs-ipc-address><port>0</port></ncs-ipc-address>
        """)
    daemon = try await unix.launch()
    #expect(!daemon.log.contains("listening on 127.0.0.1"))
    _ = try await daemon.stop()

    let both = try Instance(settings: "<ncs-ipc-listen-backlog>3</ncs-ipc-listen-backlog>", listen: Instance.everywhere)
    daemon = try await both.launch()
    let ports = [try daemon.port(), try daemon.port("[::1]")]
    #expect(ports.allSatisfy { $0 > 0 })
    #expect(both.exists("run/a/ipc"))
    _ = try await daemon.stop()
    #expect(!both.exists("run/a/ipc"))
  }

  /// The kernel's view of the backlog: `ss` shows it for listening sockets as the size of the send queue.
  @Test func theBacklogIsTheSystems() async throws {
    let instance = try Instance(
      settings: "<ncs-ipc-listen-backlog>7</ncs-ipc-listen-backlog>",
      listen: "<ncs-ipc-address><port>0</port></ncs-ipc-address>")
    _ = try await instance.withLaunched { daemon in
      // Column 5 of /proc/net/tcp has the queues; for a listening socket the first is what waits, the limit is only in netlink.
      // So ask through connections that nobody accepts: a stopped daemon's queue holds the backlog and one more.
      try await daemon.process.stop()
      defer { daemon.process.signal(SIGCONT) }
      let port = try daemon.port()
      let accepted = Self.connectWithoutWaiting(to: port, count: 20)
      #expect(accepted == 8)
    }
  }

  /// How many connections the system completes on its own.
  private static func connectWithoutWaiting(to port: UInt16, count: Int) -> Int {
    var sockets: [pollfd] = []
    defer { for socket in sockets { close(socket.fd) } }
    for _ in 0..<count {
      let descriptor = socket(
        AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      address.sin_port = port.bigEndian
      _ = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      sockets.append(pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0))
    }
    poll(&sockets, nfds_t(sockets.count), 0)
    return sockets.count { $0.revents & Int16(POLLOUT) != 0 }
  }
}
