import Testing

@testable import NSOTools

@Suite struct DaemonCommandTests {
  private func parse(_ line: String) throws(UsageError) -> DaemonCommand {
    try DaemonCommand(arguments: line.split(separator: " ").map(String.init))
  }

  @Test func starting() throws {
    #expect(try parse("").action == .start)
    let command = try parse("-c my.conf --cd /srv --addloadpath a --addloadpath=b --start-phase0 --smp 4")
    #expect(command.start.configurationFile == "my.conf")
    #expect(command.start.workingDirectory == "/srv")
    #expect(command.start.addedLoadPath == ["a", "b"])
    #expect(command.start.stopsInPhase0)
    #expect(command.start.threads == 4)
    #expect(!command.start.isForeground)
  }

  @Test func bundledAndGluedShortOptions() throws {
    for line in [
      "--foreground -vc my.conf", "-vcmy.conf --foreground", "--foreground -v -cmy.conf",
      "--conf=my.conf --verbose --foreground",
    ] {
      let command = try parse(line)
      #expect(command.start.isVerbose && command.start.isForeground)
      #expect(command.start.configurationFile == "my.conf")
    }
  }

  @Test func ephemeral() throws {
    let command = try parse("--foreground --ephemeral a.yang b.yang --stop-on-eof c.yang")
    #expect(command.start.isEphemeral && command.start.stopsOnEndOfInput)
    #expect(command.start.modules == ["a.yang", "b.yang", "c.yang"])
  }

  @Test(arguments: [
    ("--status", ControlCommand.status), ("--stop", .stop), ("--reload", .reload), ("--areload", .reloadInBackground),
    ("--wait-started", .wait(phase: 2, connecting: nil)), ("--wait-started 17", .wait(phase: 2, connecting: .seconds(17))),
    ("--wait-started=0", .wait(phase: 2, connecting: .zero)), ("--wait-phase0 3", .wait(phase: 0, connecting: .seconds(3))),
    ("--start-phase1", .startPhase(1)), ("--start-phase2", .startPhase(2)),
  ])
  func controlling(_ line: String, _ expected: ControlCommand) throws {
    #expect(try parse(line).action == .control(expected))
  }

  @Test func anOptionalValueTakesOnlyNumbers() throws {
    let command = try parse("--wait-started --timeout 5")
    #expect(command.action == .control(.wait(phase: 2, connecting: nil)))
    #expect(command.connection.timeout == .seconds(5))
  }

  @Test func filesToLoad() throws {
    #expect(try parse("--loadxmlfiles a.xml b.xml").action == .control(.loadXML(["a.xml", "b.xml"], merges: false)))
    #expect(try parse("a.xml --mergexmlfiles --port 4570").action == .control(.loadXML(["a.xml"], merges: true)))
  }

  @Test func dumps() throws {
    #expect(try parse("--debug-dump f").action == .control(.debugDump(file: "f", compressed: false)))
    #expect(try parse("--compress --debug-dump f").action == .control(.debugDump(file: "f", compressed: true)))
    #expect(try parse("--debug-dump f --collect-timeout 3").connection.timeout == .seconds(3))
  }

  /// Which daemon is meant is not said by a configuration file; who names one should know.
  @Test func whatMeansNothingToARunningDaemon() throws {
    #expect(try parse("--stop -c x.conf --foreground -v").meaningless == ["-c", "--foreground", "-v"])
    #expect(try parse("--stop --cd /x").meaningless.isEmpty)
    #expect(try parse("-c x.conf").meaningless.isEmpty)
  }

  @Test func addressOptions() throws {
    let settings = try parse("--status --address ::1 --port 5000 --access-file s").connection.settings
    #expect(settings.address == "::1")
    #expect(settings.port == 5000)
    #expect(settings.accessFile == "s")
  }

  @Test func versionHelpAndWhatIsIgnored() throws {
    #expect(try parse("--version").action == .version)
    #expect(try parse("-h --rollback 1").action == .help)
    #expect(
      try parse("--nolog --with-package-reload --epoll false").ignored == ["--nolog", "--with-package-reload", "--epoll"])
    #expect(DaemonCommand.help.contains("--wait-started [SECONDS]"))
  }

  @Test func thePrivateOptionOfTheBackground() throws {
    let command = try parse("-c x --detached=3")
    #expect(command.start.reportDescriptor == 3)
    #expect(command.start.isForeground)
  }

  @Test(arguments: [
    "--bogus", "-x", "x.yang", "--status x", "--status --stop", "--smp 0", "--smp x", "-c", "--timeout", "--timeout -1",
    "--timeout x",
    "--wait-started=x", "--ephemeral x.yang", "-v", "--stop-on-eof", "--rollback x", "--port 0", "--port 70000", "--port +4569",
    "--detached=1",
    "--loadxmlfiles", "--mergexmlfiles", "--loadxmlfiles a --mergexmlfiles b",
    "--compress", "--status --compress", "--status --collect-timeout 3",
    "--status=1",
  ])
  func whatCannotBeUnderstood(_ line: String) {
    #expect(throws: UsageError.self) { try parse(line) }
  }
}
