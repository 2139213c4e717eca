import Glibc
import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSODaemon

@Suite struct ConfigurationTests {
  let folder: TemporaryDirectory
  let modules: String

  init() throws {
    folder = try TemporaryDirectory()
    modules = try InstallationPaths.find(environment: [:]).ownModules
  }

  private static let required =
    "<load-path><dir>./yang</dir></load-path><state-dir>./state</state-dir><cdb><db-dir>./cdb</db-dir></cdb>"

  private func load(
    _ body: String, fragments: [String: String] = [:], environment: [String: String] = [:],
    listening: ListeningOptions = ListeningOptions(), complete: Bool = true
  ) throws -> DaemonConfiguration {
    let text =
      "<ncs-config xmlns=\"http://tail-f.com/yang/tailf-ncs-config/1.0\">\n\(body)\n\(complete ? Self.required : "")</ncs-config>"
    let file = try folder.write("ncs.conf", text)
    for (name, body) in fragments {
      try folder.write(
        "ncs.conf.d/" + name, "<ncs-config xmlns=\"http://tail-f.com/yang/tailf-ncs-config/1.0\">\(body)</ncs-config>")
    }
    return try DaemonConfiguration.load(
      .init(file: file, listeningOptions: listening, environment: environment), modules: modules)
  }

  private func fault(
    _ body: String, fragments: [String: String] = [:], environment: [String: String] = [:], complete: Bool = true
  ) -> ConfigurationError? {
    do {
      _ = try load(body, fragments: fragments, environment: environment, complete: complete)
      return nil
    } catch {
      return error as? ConfigurationError
    }
  }

  @Test func defaults() throws {
    let configuration = try load("")
    #expect(configuration.ipc.unixPath == nil)
    #expect(configuration.ipc.tcpAddresses == [.loopback])
    #expect(configuration.ipc.tcpPort == 4569)
    #expect(configuration.ipc.backlog == 128)
    #expect(configuration.ipc.secret == nil)
    #expect(configuration.ipc.connectTimeLimit == .seconds(60))
    #expect(configuration.loadPath == ["./yang"])
    #expect(configuration.stateDirectory == "./state")
    #expect(configuration.databaseDirectory == "./cdb")
    #expect(configuration.logs.destinations.values.allSatisfy { !$0.isAnywhere })
    #expect(configuration.events.replyTimeout == .seconds(120) && configuration.events.connectTimeout == .seconds(60))
    #expect(!configuration.isHAEnabled)
    #expect(configuration.notices == [])
  }

  @Test func transports() throws {
    let unix = try load("<ncs-local-ipc><enabled>true</enabled><path>/run/x/ipc</path></ncs-local-ipc>")
    #expect(unix.ipc.unixPath == "/run/x/ipc")
    #expect(unix.ipc.tcpAddresses == [])
    let both = try load(
      """
      <ncs-local-ipc><enabled>true</enabled><with-tcp xmlns="urn:swift-nso:config">true</with-tcp></ncs-local-ipc>
      <ncs-ipc-address><ip>::1</ip><port>5000</port></ncs-ipc-address>
      <ncs-ipc-extra-listen-ip>127.0.0.1</ncs-ipc-extra-listen-ip><ncs-ipc-extra-listen-ip>10.0.0.1</ncs-ipc-extra-listen-ip>
      """)
    #expect(both.ipc.unixPath == "/tmp/nso/nso-ipc")
    #expect(both.ipc.tcpAddresses.map(\.description) == ["::1", "127.0.0.1", "10.0.0.1"])
    #expect(both.ipc.tcpPort == 5000)
    let variable = try load("<ncs-local-ipc><enabled>false</enabled></ncs-local-ipc>", environment: ["NCS_IPC_PATH": "/x/ipc"])
    #expect(variable.ipc.unixPath == "/x/ipc")
    #expect(variable.ipc.tcpAddresses == [])
    #expect(fault("<ncs-ipc-address><ip>:::1</ip></ncs-ipc-address>")?.place.line == 2)
  }

  /// `0.0.0.0` keeps 127.0.0.1 from the same port: the system would refuse it.
  @Test func anAddressThatStandsForAllTakesTheOthersIn() throws {
    func addresses(_ main: String, _ extra: String...) throws -> DaemonConfiguration {
      try load(
        "<ncs-ipc-address><ip>\(main)</ip></ncs-ipc-address>"
          + extra.map { "<ncs-ipc-extra-listen-ip>\($0)</ncs-ipc-extra-listen-ip>" }.joined())
    }
    let main = try addresses("0.0.0.0", "127.0.0.1", "::1")
    #expect(main.ipc.tcpAddresses.map(\.description) == ["0.0.0.0", "::1"])
    #expect(main.notices.count == 1 && main.notices[0].hasPrefix("127.0.0.1 is among"), "\(main.notices)")
    #expect(try addresses("127.0.0.1", "0.0.0.0", "::1", "::").ipc.tcpAddresses.map(\.description) == ["0.0.0.0", "::"])
  }

  /// What somebody wrote and does not get is told.
  @Test func settingsThatOthersPutOutOfForceAreTold() throws {
    let off = try load("<ncs-local-ipc><path>/run/x/ipc</path></ncs-local-ipc>")
    #expect(off.notices == ["ncs-local-ipc/path has no effect: ncs-local-ipc/enabled is not true"])
    let unix = try load(
      "<ncs-local-ipc><enabled>true</enabled></ncs-local-ipc><ncs-ipc-address><port>5000</port></ncs-ipc-address>")
    #expect(unix.notices.count == 1 && unix.notices[0].contains("ncs-ipc-address/port") && unix.notices[0].contains("with-tcp"))
    let variable = try load("", environment: ["NCS_IPC_PATH": "/x/ipc"])
    #expect(
      variable.notices.count == 1 && variable.notices[0].contains("NCS_IPC_PATH") && variable.notices[0].contains("/x/ipc"))
  }

  @Test func fragmentsAreMergedInOrderOfName() throws {
    let configuration = try load(
      "<logs><ncs-log><enabled>true</enabled></ncs-log></logs>",
      fragments: [
        "20.conf": "<load-path><dir>b</dir></load-path>", "10.conf": "<load-path><dir>a</dir></load-path>",
        "30.conf": "<logs><ncs-log><file><name>l</name><enabled>true</enabled></file></ncs-log></logs>", "ignored.txt": "<x/>",
      ])
    #expect(configuration.loadPath == ["./yang", "a", "b"])
    #expect(configuration.logs.destinations[.daemon] == .init(file: "l"))
    #expect(configuration.files.map { $0.split(separator: "/").last } == ["ncs.conf", "10.conf", "20.conf", "30.conf"])
  }

  @Test func aLeafGivenTwiceIsAnErrorThatNamesBothPlaces() {
    let error = fault(
      "<ncs-ipc-address><port>1</port></ncs-ipc-address>",
      fragments: ["a.conf": "<ncs-ipc-address><port>2</port></ncs-ipc-address>"])
    #expect(error?.place.file.hasSuffix("a.conf") == true)
    #expect(error?.reason.contains("ncs.conf:2") == true)
    #expect(fault("<state-dir>x</state-dir>") != nil)
    #expect(fault("<load-path><dir>./yang</dir></load-path>") != nil)
  }

  @Test func variables() throws {
    let configuration = try load(
      "<ncs-ipc-address><port>${PORT}</port></ncs-ipc-address><ncs-local-ipc><path>${NO:-/d}/ipc</path></ncs-local-ipc>",
      environment: ["PORT": " 17 "])
    #expect(configuration.ipc.tcpPort == 17)
    let error = fault("\n<ncs-ipc-address><port>${NO_PORT}</port></ncs-ipc-address>")
    #expect(error?.place.line == 3)
    #expect(error?.reason.contains("NO_PORT") == true)
  }

  @Test(arguments: [
    ("<bogus/>", "bogus"), ("<ncs-ipc-adress><ip>127.0.0.1</ip></ncs-ipc-adress>", "did you mean ncs-ipc-address"),
    ("<ncs-ipc-address><ip>localhost</ip></ncs-ipc-address>", "not an IPv4 or IPv6 address"),
    ("<ncs-ipc-listen-backlog>0</ncs-ipc-listen-backlog>", "range"),
    ("<ncs-ipc-access-check><enabled>true</enabled><filename/></ncs-ipc-access-check>", "empty"),
    ("<ncs-ipc-address><port>70000</port></ncs-ipc-address>", "70000"), ("<ncs-ipc-address><port/></ncs-ipc-address>", "port"),
    ("<ncs-local-ipc><enabled>yes</enabled></ncs-local-ipc>", "yes"),
    ("<api><connect-timeout>60</connect-timeout></api>", "PT30S"),
    ("<ncs-local-ipc>text</ncs-local-ipc>", "text"), ("<ncs-ipc-listen-backlog><x/></ncs-ipc-listen-backlog>", "holds a value"),
    ("<ncs-ipc-access-check><enabled>true</enabled></ncs-ipc-access-check>", "filename"),
    ("<hide-group><password/></hide-group>", "without name"), ("<opcache><enabled>true</enabled></opcache>", "timeout"),
    ("<with-tcp xmlns='urn:swift-nso:config'>true</with-tcp>", "unknown"),
    ("<ncs-local-ipc><with-tcp>true</with-tcp></ncs-local-ipc>", "namespace"),
    ("<ncs-ipc-access-check><enabled>true</enabled><filename>/no/such/file</filename></ncs-ipc-access-check>", "/no/such/file"),
    ("<logs><ncs-log><file><enabled>true</enabled></file></ncs-log></logs>", "name"), ("<cli><style>x</style></cli>", "x"),
    ("<a", "XML"), ("<!-- -- -->", "XML"),
  ])
  func faultsTellLineReasonAndRemedy(_ body: String, _ word: String) throws {
    let error = try #require(fault(body))
    #expect(error.place.line != nil && error.place.line != 1, "\(error)")
    #expect("\(error)".contains(word), "\(error)")
    #expect(!error.remedy.isEmpty)
  }

  /// Faults are logged and answered to clients.
  @Test(arguments: ["5ec2e7", "5ec2e7${", "5ec2e7${5ec2e7}", "${5ec2e7", "${KEY}", "${NO_5ec2e7}"])
  func noFaultRepeatsASecret(_ value: String) throws {
    for kind in ["AESCFB128", "AES256CFB128"] {
      for body in [
        "<encrypted-strings><\(kind)><key>\(value)</key></\(kind)></encrypted-strings>",
        "<encrypted-strings><key-rotation><generation>1</generation><\(kind)><key>\(value)</key></\(kind)></key-rotation></encrypted-strings>",
      ] {
        let error = try #require(fault(body, environment: ["KEY": "5ec2e7"]))
        #expect("\(error)".contains("\(kind)/key: the value (not shown)"), "\(error)")
        #expect(!"\(error)".contains("5ec2e7"), "\(error)")
        #expect(error.place.line == 2)
      }
    }
  }

  @Test func mandatorySettings() {
    #expect(
      fault("<load-path><dir>a</dir></load-path><state-dir>s</state-dir>", complete: false)?.reason.contains("cdb/db-dir")
        == true)
    #expect(
      fault("<state-dir>s</state-dir><cdb><db-dir>c</db-dir></cdb>", complete: false)?.reason.contains("load-path/dir") == true)
  }

  @Test func otherDocumentsAreNotConfigurations() throws {
    for text in ["<config/>", "<ncs-config/>", "", "<ncs-config xmlns='urn:x'/>"] {
      let file = try folder.write("other.conf", text)
      #expect(throws: ConfigurationError.self) {
        try DaemonConfiguration.load(.init(file: file, environment: [:]), modules: modules)
      }
    }
    #expect(throws: ConfigurationError.self) {
      try DaemonConfiguration.load(.init(file: folder.path + "/missing.conf", environment: [:]), modules: modules)
    }
  }

  @Test func logsGoWhereTheConfigurationSays() throws {
    let configuration = try load(
      """
      <logs><syslog-config><facility>local2</facility></syslog-config>
      <ncs-log><syslog><enabled>true</enabled></syslog></ncs-log>
      <developer-log><enabled>false</enabled><file><name>d</name><enabled>true</enabled></file></developer-log>
      <developer-log-level>trace</developer-log-level>
      <audit-log><file><name>a</name><enabled>true</enabled></file>
        <syslog><enabled>true</enabled><facility>authpriv</facility></syslog></audit-log>
      <audit-log-commit>true</audit-log-commit>
      <transaction-error-log><enabled>true</enabled><filename>t</filename></transaction-error-log>
      <progress-trace><enabled>true</enabled><dir>p</dir></progress-trace>
      <error-log><enabled>true</enabled><filename>e</filename><max-size>S10K</max-size></error-log></logs>
      <japi><event-reply-timeout>PT5S</event-reply-timeout></japi><ha><enabled>true</enabled></ha>
      """)
    let logs = configuration.logs
    #expect(logs.destinations[.daemon] == .init(syslog: Syslog.Target(facility: 18)))
    #expect(logs.destinations[.developer] == nil)
    #expect(logs.developerLevel == .trace)
    #expect(logs.destinations[.audit] == .init(file: "a", syslog: Syslog.Target(facility: 10)))
    #expect(logs.auditsChanges && !logs.auditsDefaults)
    #expect(logs.destinations[.transactionErrors] == .init(file: "t"))
    #expect(logs.progressDirectory == "p")
    #expect(logs.errors == .init(file: "e", rotation: LogRotation(maximumSize: 10240)))
    #expect(configuration.events.replyTimeout == .seconds(5) && configuration.isHAEnabled)
    #expect(configuration.notices == [])
    let unnamed = fault("<logs><audit-log><file><enabled>true</enabled></file></audit-log></logs>")
    #expect(unnamed?.description.contains("logs/audit-log/file is enabled but has no name") == true)
    #expect(fault("<logs><audit-log><syslog><enabled>true</enabled><facility>77</facility></syslog></audit-log></logs>") != nil)
  }

  @Test func settingsWithoutEffectAreTold() throws {
    let configuration = try load(
      "<cli><style>c</style><timezone>utc</timezone></cli><webui><enabled>true</enabled><any><thing/></any></webui><hide-group><name>debug</name></hide-group>"
    )
    #expect(configuration.notices == ["settings that have no effect in this version: cli/timezone, webui, hide-group"])
    // Each by its name; those of logs that there are have one.
    let traces = try load(
      "<logs><ncs-log><external><enabled>false</enabled></external></ncs-log><snmp-log-level>info</snmp-log-level>"
        + "<netconf-trace-log><enabled>true</enabled><filename>n</filename></netconf-trace-log></logs>")
    #expect(
      traces.notices == [
        "settings that have no effect in this version: logs/snmp-log-level, logs/netconf-trace-log"
      ], "\(traces.notices)")
  }

  @Test func theAccessSecretIsRead() throws {
    let secret = try folder.write("secret", "abc\n", mode: 0o400)
    let body = "<ncs-ipc-access-check><enabled>true</enabled><filename>\(secret)</filename></ncs-ipc-access-check>"
    #expect(try load(body).ipc.secret == AccessSecret(fileContent: "abc\n".utf8))
    chmod(secret, 0o644)
    #expect(fault(body)?.reason.contains("mode 0644") == true)
  }

  @Test func withoutAFileForAnEphemeralDaemon() throws {
    let configuration = try DaemonConfiguration.load(.init(ephemeralDirectory: "/t", environment: [:]), modules: modules)
    #expect(configuration.files == [])
    #expect(configuration.stateDirectory == "/t/state")
    #expect(configuration.databaseDirectory == "/t/cdb")
    #expect(configuration.ipc.tcpPort == 4569)
  }

  @Test func optionsComeBeforeTheFile() throws {
    let body =
      "<ncs-local-ipc><enabled>true</enabled><path>/x/file</path></ncs-local-ipc><ncs-ipc-address><port>1</port></ncs-ipc-address>"
    func ipc(_ options: ListeningOptions, _ environment: [String: String] = [:]) throws -> DaemonConfiguration.IPC {
      try load(body, environment: environment, listening: options).ipc
    }
    let port = try ipc(ListeningOptions(port: 4570), ["NCS_IPC_PATH": "/x/variable", "NCS_IPC_PORT": "7"])
    #expect(port.unixPath == nil && port.tcpPort == 4570 && port.tcpAddresses == [IPAddress("127.0.0.1")])
    let path = try ipc(ListeningOptions(socketPath: "/x/option"), ["NCS_IPC_PATH": "/x/variable"])
    #expect(path.unixPath == "/x/option" && path.tcpAddresses.isEmpty)
    let both = try ipc(ListeningOptions(address: "::1", port: 4570, socketPath: "/x/option"))
    #expect(both.unixPath == "/x/option" && both.tcpPort == 4570 && both.tcpAddresses == [IPAddress("::1")])
    let secret = try folder.write("secret", "abc\n", mode: 0o400)
    #expect(try ipc(ListeningOptions(accessFile: secret)).secret == AccessSecret(fileContent: "abc\n".utf8))
    #expect(throws: ConfigurationError.self) { try ipc(ListeningOptions(accessFile: "/nowhere/secret")) }
    #expect(throws: ConfigurationError.self) { try ipc(ListeningOptions(address: "somewhere")) }
    // Variables of clients mean nothing to a daemon with a file.
    #expect(try load("", environment: ["NCS_IPC_PORT": "4570"]).ipc.tcpPort == 4569)
  }

  @Test func withoutAFileTheVariablesOfClientsSayWhereToListen() throws {
    func ipc(_ environment: [String: String], _ options: ListeningOptions = ListeningOptions()) throws
      -> DaemonConfiguration.IPC
    {
      try DaemonConfiguration.load(
        .init(ephemeralDirectory: "/t", listeningOptions: options, environment: environment), modules: modules
      ).ipc
    }
    let secret = try folder.write("secret", "abc\n", mode: 0o400)
    let tcp = try ipc(["NCS_IPC_ADDR": "::1", "NCS_IPC_PORT": "4570", "NCS_IPC_ACCESS_FILE": secret])
    #expect(tcp.tcpAddresses == [IPAddress("::1")] && tcp.tcpPort == 4570 && tcp.unixPath == nil && tcp.secret != nil)
    let unix = try ipc(["NCS_IPC_PORT": "4570", "NCS_IPC_PATH": "/x/ipc"])
    #expect(unix.tcpAddresses.isEmpty && unix.unixPath == "/x/ipc")
    #expect(try ipc(["NCS_IPC_PORT": "4570"], ListeningOptions(port: 4571)).tcpPort == 4571)
    #expect(throws: ConfigurationError.self) { try ipc(["NCS_IPC_PORT": "x"]) }
  }

  @Test func changesBetweenTwoReadings() throws {
    let one = try load("<ncs-ipc-address><port>1</port></ncs-ipc-address><api><query-timeout>PT1S</query-timeout></api>")
    let two = try load(
      "<ncs-ipc-address><port>2</port></ncs-ipc-address><ncs-local-ipc><enabled>true</enabled></ncs-local-ipc>")
    let changed = two.tree.changes(from: one.tree).map(two.tree.shortPath)
    #expect(Set(changed) == ["ncs-ipc-address/port", "api/query-timeout", "ncs-local-ipc/enabled"])
    #expect(try two.tree.effect(of: two.tree.node("ncs-ipc-address/port")) == .start)
    #expect(try two.tree.effect(of: two.tree.node("api/query-timeout")) == .reload)
  }
}
