import NSOWire
import Testing

@Suite struct AddressTests {
  private func address(_ environment: [String: String], _ options: IPCEnvironment.Options = .init()) throws -> IPCEnvironment {
    try IPCEnvironment(options, environment: environment)
  }

  @Test func nothingSetIsTheDefault() throws {
    let found = try address([:])
    #expect(found.address == .tcp(host: "127.0.0.1", port: 4569) && found.source == .builtIn && found.accessFile == nil)
    #expect(found.explanation == "127.0.0.1:4569 (the default)" && found.warnings.isEmpty)
    #expect(try address(["NCS_IPC_PATH": "", "NCS_IPC_ADDR": "", "NCS_IPC_PORT": ""]) == found)
  }

  @Test func thePathWinsOverAddressAndPort() throws {
    let found = try address(["NCS_IPC_PATH": "/run/ipc", "NCS_IPC_ADDR": "10.0.0.1", "NCS_IPC_PORT": "x"])
    #expect(found.address == .unix(path: "/run/ipc") && found.explanation == "/run/ipc (from NCS_IPC_PATH)")
  }

  @Test func partsCanComeFromDifferentPlaces() throws {
    #expect(try address(["NCS_IPC_PORT": "4570"]).explanation == "127.0.0.1:4570 (address the default, port from NCS_IPC_PORT)")
    #expect(try address(["NCS_IPC_ADDR": "::1"]).explanation == "[::1]:4569 (address from NCS_IPC_ADDR, port the default)")
  }

  @Test func optionsWinOverTheEnvironment() throws {
    let environment = [
      "NCS_IPC_PATH": "/run/ipc", "NCS_IPC_ADDR": "10.0.0.1", "NCS_IPC_PORT": "4570", "NCS_IPC_ACCESS_FILE": "/a",
    ]
    #expect(try address(environment, .init(path: "/other")).explanation == "/other (given by option)")
    // An address or port given by option wins over the path of the environment too.
    #expect(
      try address(environment, .init(host: "h")).explanation == "h:4570 (address given by option, port from NCS_IPC_PORT)")
    #expect(try address(environment, .init(port: 1)).address == .tcp(host: "10.0.0.1", port: 1))
    #expect(try address(environment).accessFile?.value == "/a")
    let file = try address(environment, .init(accessFile: "/b")).accessFile
    #expect(file?.value == "/b" && file?.source == .option)
  }

  @Test(arguments: ["0", "65536", "-1", "http", "45 69", "+4569", " 4569", "4569 ", "0x11d9", "99999999999999999999"])
  func badPortsSayWhereTheyCameFrom(_ text: String) {
    #expect(throws: IPCEnvironment.Failure.badPort(text, .variable("NCS_IPC_PORT"))) { try address(["NCS_IPC_PORT": text]) }
    #expect(throws: IPCEnvironment.Failure.badPort("0", .option)) { try address([:], .init(port: 0)) }
  }

  /// What cannot be a host is said at once, not left to a look-up.
  @Test(arguments: [
    ("127.0.0.1:4570", "127.0.0.1 alone, and the port 4570"), (" 127.0.0.1", "for example"), ("[::1]:4570", "such as ::1"),
    ("/run/nso/ipc", "NCS_IPC_PATH"), ("a b", "for example"),
  ])
  func badHosts(_ text: String, _ words: String) throws {
    let failure = try #require(throws: IPCEnvironment.Failure.self) { try address(["NCS_IPC_ADDR": text]) }
    #expect(failure == .badHost(text, .variable("NCS_IPC_ADDR")))
    #expect("\(failure)".contains(words) && "\(failure)".contains("NCS_IPC_ADDR"), "\(failure)")
  }

  @Test func bracketsAroundAnIPv6AddressAreAccepted() throws {
    #expect(try address(["NCS_IPC_ADDR": "[::1]"]).address == .tcp(host: "::1", port: 4569))
    #expect(try address([:], .init(host: "fe80::1%eth0")).address == .tcp(host: "fe80::1%eth0", port: 4569))
  }

  @Test func emptyOptionsAreMistakes() throws {
    for options in [IPCEnvironment.Options(path: ""), .init(host: ""), .init(accessFile: "")] {
      #expect(throws: IPCEnvironment.Failure.self) { try address(["NCS_IPC_PATH": "/run/ipc"], options) }
    }
  }

  @Test func theOldNameOfTheVariableIsPointedOut() throws {
    let found = try address(["NCS_IPC_ADDRESS": "10.0.0.1"])
    #expect(found.address == .default)
    #expect(found.warnings == ["NCS_IPC_ADDRESS=10.0.0.1 is ignored: the variable is NCS_IPC_ADDR. Using 127.0.0.1."])
    #expect(try address(["NCS_IPC_ADDRESS": "10.0.0.1", "NCS_IPC_ADDR": "::1"]).warnings.isEmpty)
    #expect(try address(["NCS_IPC_ADDRESS": "10.0.0.1", "NCS_IPC_PATH": "/x"]).warnings.isEmpty)
  }

  @Test func localAddresses() {
    #expect(IPCAddress.unix(path: "/x").isLocal && IPCAddress.default.isLocal && IPCAddress.tcp(host: "::1", port: 1).isLocal)
    #expect(IPCAddress.tcp(host: "localhost", port: 1).isLocal && !IPCAddress.tcp(host: "10.0.0.1", port: 1).isLocal)
  }
}
