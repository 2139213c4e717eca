import Glibc
import Testing

/// The access check between real processes (protocol part 01, section 3): what each side does and says when the two agree, and
/// when they do not.
@Suite(.serialized) struct AccessTests {
  private func addresses(_ instance: Instance, _ daemon: RunningDaemon) throws -> [[String: String]] {
    [
      ["NCS_IPC_PATH": instance.socket], ["NCS_IPC_PORT": "\(try daemon.port())"],
      ["NCS_IPC_ADDR": "::1", "NCS_IPC_PORT": "\(try daemon.port("[::1]"))"],
    ]
  }

  @Test func bothSidesCheck() async throws {
    let instance = try Instance.checking("correct horse\n")
    let right = try instance.write("right", "correct horse\n", mode: 0o440)
    let wrong = try instance.write("wrong", "battery staple\n")
    let noNewline = try instance.write("no-newline", "correct horse")
    let (_, log) = try await instance.withLaunched { daemon in
      for address in try addresses(instance, daemon) {
        func status(_ file: String) async throws -> ChildProcess.Result {
          try await instance.tool("ncs", ["--status"], address.merging(["NCS_IPC_ACCESS_FILE": file]) { $1 })
        }
        let good = try await status(right)
        #expect(good.code == 0, "\(address): \(good.errors)")
        #expect(good.output.contains(", access check"))
        // The option wins over the variable.
        let option = try await instance.tool(
          "ncs", ["--status", "--access-file", right], address.merging(["NCS_IPC_ACCESS_FILE": wrong]) { $1 })
        #expect(option.code == 0, "\(option.errors)")
        for file in [wrong, noNewline] {
          let bad = try await status(file)
          #expect(bad.code == 2)
          #expect(bad.errors.contains(file) && bad.errors.contains("NCS_IPC_ACCESS_FILE"), "\(bad.errors)")
        }
        let command = try await instance.tool(
          "ncs_cmd", ["-c", "mget /s:top/mtu"], address.merging(["NCS_IPC_ACCESS_FILE": right]) { $1 })
        #expect(command.output == "1500\n", "\(command.errors)")
      }
    }
    let refusals = log.split(separator: "\n").filter { $0.contains("LIB_NO_ACCESS") }
    #expect(refusals.count == 6)
    #expect(refusals.allSatisfy { $0.contains("another secret") && $0.contains("a final newline counts") }, "\(refusals)")
    #expect(!log.contains("correct horse"))
  }

  @Test func onlyTheDaemonChecks() async throws {
    let instance = try Instance.checking("s3cret")
    let (_, log) = try await instance.withLaunched { daemon in
      for address in try addresses(instance, daemon) {
        let result = try await instance.tool("ncs", ["--status"], address)
        #expect(result.code == 2)
        #expect(result.errors.contains("NCS_IPC_ACCESS_FILE"), "\(result.errors)")
        let command = try await instance.tool("ncs_cmd", ["-c", "mget /s:top/mtu"], address)
        #expect(command.code == 1 && command.errors.contains("NCS_IPC_ACCESS_FILE"), "\(command.errors)")
      }
    }
    let refusals = log.split(separator: "\n").filter { $0.contains("LIB_NO_ACCESS") }
    #expect(refusals.count == 6)
    #expect(refusals.allSatisfy { $0.contains("sent a hello") && $0.contains("NCS_IPC_ACCESS_FILE") }, "\(refusals)")
  }

  @Test func onlyTheClientChecks() async throws {
    let instance = try Instance(
      settings: "<api><connect-timeout>PT3S</connect-timeout></api>", listen: Instance.everywhere)
    let file = try instance.write("secret", "s3cret")
    let (_, log) = try await instance.withLaunched { daemon in
      for address in try addresses(instance, daemon) {
        let result = try await instance.tool("ncs", ["--status"], address.merging(["NCS_IPC_ACCESS_FILE": file]) { $1 })
        #expect(result.code == 2)
        #expect(result.errors.contains("without a challenge") && result.errors.contains(file), "\(result.errors)")
      }
    }
    #expect(log.components(of: "no hello came in time") == 3)
    #expect(log.contains("unset NCS_IPC_ACCESS_FILE for the client, or enable ncs-ipc-access-check"))
  }

  @Test func theSecretEndsAtANul() async throws {
    let instance = try Instance.checking("abc\0def")
    let file = try instance.write("other", "abc\0xyz\n")
    let whole = try instance.write("whole", "abcdef")
    _ = try await instance.withLaunched { daemon in
      for (name, code) in [(file, 0), (instance.path + "/secret", 0), (whole, 2)] as [(String, Int32)] {
        let result = try await instance.tool(
          "ncs", ["--status"], ["NCS_IPC_PATH": instance.socket, "NCS_IPC_ACCESS_FILE": name])
        #expect(result.code == code, "\(result.errors)")
      }
    }
  }

  @Test func whatTheClientCannotUse() async throws {
    let instance = try Instance.checking("abc")
    try instance.write("empty", "")
    try instance.write("long", String(repeating: "x", count: 1008))
    #expect(mkfifo(instance.path + "/pipe", 0o600) == 0)
    _ = try await instance.withLaunched { _ in
      for (name, words) in [
        ("missing", ["No such file"]), ("empty", ["empty"]), ("long", ["1008", "1007"]), (".", ["directory"]),
        ("pipe", ["not a regular file"]),
      ] {
        let file = instance.path + "/" + name
        let result = try await instance.tool(
          "ncs", ["--status"], ["NCS_IPC_PATH": instance.socket, "NCS_IPC_ACCESS_FILE": file])
        #expect(result.code == 2, "\(name): \(result.errors)")
        for word in words + [file] { #expect(result.errors.contains(word), "\(result.errors)") }
      }
    }
  }

  @Test func theModeOfTheSecretFile() async throws {
    let instance = try Instance.checking("abc")
    for mode: mode_t in [0o400, 0o440, 0o600, 0o640] {
      unlink(instance.path + "/secret")
      try instance.write("secret", "abc", mode: mode)
      _ = try await instance.launch().stop()
    }
    for mode: mode_t in [0o404, 0o444, 0o402, 0o420, 0o460, 0o604, 0o620, 0o644, 0o660, 0o666, 0o777] {
      unlink(instance.path + "/secret")
      try instance.write("secret", "abc", mode: mode)
      let result = try await instance.tool("ncs", ["--cd", instance.path, "-c", "ncs.conf", "--foreground"])
      #expect(result.code == 21)
      for word in ["mode 0\(String(mode, radix: 8))", "0400", "0440", "chmod", "secret"] {
        #expect(result.errors.contains(word), "\(String(mode, radix: 8)): \(result.errors)")
      }
    }
  }

  @Test func whatTheDaemonCannotUse() async throws {
    for (content, words) in [
      ("", ["empty"]), ("\0abc", ["empty"]), (String(repeating: "x", count: 1008), ["1008", "1007"]), (nil, ["does not exist"]),
    ] as [(String?, [String])] {
      let instance = try Instance.checking(content ?? "")
      if content == nil { unlink(instance.path + "/secret") }
      let result = try await instance.tool("ncs", ["--cd", instance.path, "-c", "ncs.conf", "--foreground"])
      #expect(result.code == 21)
      for word in words + ["./secret"] { #expect(result.errors.contains(word), "\(result.errors)") }
    }
    let longest = try Instance.checking(String(repeating: "x", count: 1007))
    _ = try await longest.launch().stop()
    let noName = try Instance(
      settings: "<ncs-ipc-access-check><enabled>true</enabled></ncs-ipc-access-check>")
    let result = try await noName.tool("ncs", ["--cd", noName.path, "-c", "ncs.conf", "--foreground"])
    #expect(result.code == 21 && result.errors.contains("filename"), "\(result.errors)")
  }

  @Test func anOpenPortIsToldLoudly() async throws {
    let open = "<ncs-ipc-address><ip>0.0.0.0</ip><port>0</port></ncs-ipc-address>"
    let instance = try Instance(listen: open)
    let daemon = try await instance.launch()
    let port = try daemon.port("0.0.0.0")
    let status = try await instance.tool("ncs", ["--status"], ["NCS_IPC_PORT": "\(port)"])
    #expect(status.output.contains("warning: SECURITY: "))
    #expect(status.output.contains("0.0.0.0:\(port), no access check, OPEN TO THE NETWORK"), "\(status.output)")
    daemon.process.endInput()
    let result = try await daemon.process.finish()
    #expect(result.errors.contains("SECURITY") && result.errors.contains("0.0.0.0:\(port)"), "\(result.errors)")
    #expect(try instance.read("logs/ncs.log").components(of: "full control") == 1)

    let guarded = try Instance.checking("abc", listen: open)
    let quiet = try await guarded.launch()
    let text = try await guarded.tool(
      "ncs", ["--status"],
      ["NCS_IPC_PORT": "\(try quiet.port("0.0.0.0"))", "NCS_IPC_ACCESS_FILE": guarded.path + "/secret"])
    #expect(!text.output.contains("SECURITY") && text.output.contains(", access check"), "\(text.output)\(text.errors)")
    quiet.process.endInput()
    #expect(try await !quiet.process.finish().errors.contains("SECURITY"))
  }
}

extension String {
  /// How often `text` is in it.
  func components(of text: String) -> Int { ranges(of: text).count }
}
