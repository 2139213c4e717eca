import Glibc
import NSOWire
import Testing

@testable import NSODaemon

@Suite struct VariableExpansionTests {
  let environment = ["HOME": "/home/x", "EMPTY": "", "NESTED": "${HOME}"]

  @Test(arguments: [
    ("plain", "plain"), ("$HOME and $", "$HOME and $"), ("${HOME}/a", "/home/x/a"), ("a${HOME}b${HOME}c", "a/home/xb/home/xc"),
    ("${NOT_SET:-x y}", "x y"), ("${NOT_SET:-}", ""), ("${EMPTY:-d}", "d"), ("${EMPTY}", ""), ("${HOME:-d}", "/home/x"),
    ("${NESTED}", "${HOME}"), ("${NOT_SET:-a:-b}", "a:-b"),
  ])
  func replaces(_ text: String, _ expected: String) throws {
    #expect(try VariableExpansion.expand(text, environment) == expected)
  }

  @Test(arguments: ["${NOT_SET}", "${HOME", "${}", "${1A}", "${A B}", "${:-x}"])
  func faults(_ text: String) {
    #expect(throws: VariableExpansion.Fault.self) { try VariableExpansion.expand(text, environment) }
  }
}

@Suite struct DurationTextTests {
  @Test(arguments: [
    ("PT30S", Duration.seconds(30)), ("5s", .seconds(5)), ("PT1H30M", .seconds(5400)), ("P1DT1S", .seconds(86_401)),
    ("PT0S", .zero), ("PT0.5S", .milliseconds(500)), ("PT10M", .seconds(600)),
  ])
  func reads(_ text: String, _ expected: Duration) {
    #expect(DurationText.parse(text) == expected)
  }

  @Test(arguments: [
    "", "P", "PT", "30", "PT30", "P30S", "PT1D", "-5s", "PTS", "P1Y", "PT99999999999999999999S", "PT9999999999999H", "x",
  ])
  func refuses(_ text: String) {
    #expect(DurationText.parse(text) == nil)
  }
}

@Suite struct SecretFileTests {
  @Test func nothingIsTrimmedAndNULEnds() throws {
    let folder = try TemporaryDirectory()
    #expect(
      try SecretFile.read(folder.write("a", "very secret\n", mode: 0o400)) == AccessSecret(fileContent: "very secret\n".utf8))
    #expect(
      try SecretFile.read(folder.write("b", Array("ab".utf8) + [0, 1], mode: 0o640)) == AccessSecret(fileContent: "ab".utf8))
    #expect(
      try SecretFile.read(folder.write("c", [UInt8](repeating: 65, count: 1007), mode: 0o600))
        == AccessSecret(fileContent: [UInt8](repeating: 65, count: 1007)))
  }

  @Test(arguments: [0o404, 0o602, 0o644, 0o666, 0o420, 0o777] as [mode_t])
  func othersMustNotTouchIt(_ mode: mode_t) throws {
    let folder = try TemporaryDirectory()
    let file = try folder.write("secret", "x", mode: mode)
    let fault = #expect(throws: SecretFile.Fault.self) { try SecretFile.read(file) }
    #expect(fault?.reason.contains("mode 0\(String(mode, radix: 8))") == true)
    #expect(fault?.remedy.contains("0400") == true)
  }

  @Test func unusableContentAndFiles() throws {
    let folder = try TemporaryDirectory()
    let contents = [([], "empty"), ([0, 65], "empty"), ([UInt8](repeating: 65, count: 1008), "1007")]
    for (index, (bytes, word)) in contents.enumerated() {
      let file = try folder.write("secret\(index)", bytes, mode: 0o400)
      let fault = #expect(throws: SecretFile.Fault.self) { try SecretFile.read(file) }
      #expect(fault?.remedy.contains(word) == true)
    }
    #expect(throws: SecretFile.Fault.self) { try SecretFile.read(folder.path + "/missing") }
    #expect(throws: SecretFile.Fault.self) { try SecretFile.read(folder.path) }
    #expect(throws: SecretFile.Fault.self) { try SecretFile.read("") }
    // Nobody writes to it; nobody waits for that.
    let pipe = folder.path + "/pipe"
    #expect(mkfifo(pipe, 0o400) == 0)
    #expect(throws: SecretFile.Fault.self) { try SecretFile.read(pipe) }
  }
}

@Suite struct InstallationPathsTests {
  private func find(_ executable: String, _ environment: [String: String] = [:], _ files: Set<String>) throws
    -> InstallationPaths
  {
    try InstallationPaths.find(executable: executable, environment: environment, exists: { files.contains($0) })
  }

  @Test func buildFolder() throws {
    let paths = try find(
      "/src/nso/.build/x86_64/debug/ncs", [:],
      ["/src/nso/Sources/NSODaemon/YANG/tailf-ncs-config.yang", "/src/nso/var/yang/ietf-interfaces.yang"])
    #expect(paths == InstallationPaths(ownModules: "/src/nso/Sources/NSODaemon/YANG", standardModules: ["/src/nso/var/yang"]))
  }

  @Test func installation() throws {
    let files: Set<String> = [
      "/opt/nso/share/swift-nso/yang/tailf-ncs-config.yang", "/opt/nso/share/swift-nso/yang-standard/ietf-interfaces.yang",
      "/other/share/swift-nso/yang/tailf-ncs-config.yang",
    ]
    let found = try find("/opt/nso/bin/ncs", [:], files)
    #expect(found.ownModules == "/opt/nso/share/swift-nso/yang")
    #expect(found.standardModules == ["/opt/nso/share/swift-nso/yang-standard"])
    #expect(try find("/opt/nso/bin/ncs", ["NCS_DIR": "/other"], files).ownModules == "/other/share/swift-nso/yang")
  }

  @Test func aPackageThatUsesThisOne() throws {
    let checkout = "/app/.build/checkouts/swift-nso/Sources/NSODaemon/YANG"
    #expect(try find("/app/.build/debug/appTests", [:], [checkout + "/tailf-ncs-config.yang"]).ownModules == checkout)
  }

  @Test func variableForStandardModules() throws {
    let files: Set<String> = ["/b/Sources/NSODaemon/YANG/tailf-ncs-config.yang", "/b/var/yang/ietf-interfaces.yang"]
    #expect(try find("/b/ncs", ["NSO_YANG_DIR": "/x:/y"], files).standardModules == ["/x", "/y"])
  }

  @Test func nothingFoundTellsWhereItLooked() {
    let error = #expect(throws: InstallationPaths.NotFound.self) { try find("/usr/bin/ncs", [:], []) }
    #expect(error?.looked.contains("/usr/share/swift-nso/yang") == true)
  }

  @Test func thisBuildFindsItsOwn() throws {
    #expect(InstallationPaths.isReadable(try InstallationPaths.find(environment: [:]).ownModules + "/tailf-ncs-config.yang"))
  }
}
