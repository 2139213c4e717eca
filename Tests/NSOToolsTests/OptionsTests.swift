import NSOModel
import Testing

@testable import NSOTools

/// The ways in which the published tools are called must parse.
@Suite struct OptionsTests {
  @Test(arguments: [
    (["-lmu", "admin"], "admin", true),
    (["-l", "-m", "-u", "admin"], "admin", true),
    (["-lmuadmin"], "admin", true),
  ])
  func clusterEndsInAValue(arguments: [String], user: String, isLoad: Bool) throws {
    let settings = try LoadSettings(arguments: arguments)
    #expect(settings.connection.user == user)
    #expect(settings.isLoad == isLoad)
    #expect(settings.merge == .merge)
  }

  @Test func gluedFormat() throws {
    #expect(try LoadSettings(arguments: ["-Fp"]).format == .prettyXML)
    #expect(try LoadSettings(arguments: ["-F", "o"]).format == .json)
    #expect(try LoadSettings(arguments: ["-ddFp", "-p", "/a/b"]).connection.debug == 2)
  }

  @Test(arguments: [
    ["-F", "z"], ["-Fxx"], ["-F"], ["-Q"], ["-m"], ["-lW"], ["-lP", "/x"], ["a", "b"], ["--port", "0"], ["--nope"],
    ["-l", "-m", "-r"], ["-lr", "-m"],
  ])
  func mistakesAreRefused(arguments: [String]) {
    #expect(throws: UsageError.self) { try LoadSettings(arguments: arguments) }
  }

  @Test func filesAndDash() throws {
    let settings = try LoadSettings(arguments: ["-l", "a.xml", "-", "-m", "--", "-b.xml"])
    #expect(settings.files == ["a.xml", "-", "-b.xml"])
    #expect(settings.merge == .merge)
  }

  @Test func groupsAddUp() throws {
    let settings = try LoadSettings(arguments: ["-uadmin", "-gone", "-g", "two", "-c", "netconf"])
    #expect(settings.connection.groups == ["one", "two"])
    #expect(settings.connection.context == "netconf")
  }

  @Test(arguments: [
    ["-ddu", "admin", "-c", "mget /a"],
    ["-dduadmin", "-cmget /a"],
    ["-d", "-d", "-u", "admin", "-c", "mget /a"],
  ])
  func commandClusters(arguments: [String]) throws {
    let settings = try CommandSettings(arguments: arguments)
    #expect(settings.connection.debug == 2)
    #expect(settings.connection.user == "admin")
    #expect(settings.script == "mget /a")
  }

  @Test func lockFlags() throws {
    #expect(try CommandSettings(arguments: ["-fr"]).lockFlags == ["r"])
    #expect(try CommandSettings(arguments: ["-o", "-f", "wr"]).lockFlags == ["w", "r"])
    #expect(try CommandSettings(arguments: ["-o"]).database == .operational)
    #expect(throws: UsageError.self) { try CommandSettings(arguments: ["-fx"]) }
  }

  @Test func addresses() throws {
    let settings = try CommandSettings(arguments: ["-a", "::1", "-p4570", "--socket-path=/run/x", "--access-file", "s"])
    #expect(settings.connection.address == "::1")
    #expect(settings.connection.port == 4570)
    #expect(settings.connection.socketPath == "/run/x")
    #expect(settings.connection.accessFile == "s")
  }

  @Test func severalScriptsAreLines() throws {
    #expect(try CommandSettings(arguments: ["-c", "a", "-c", "b"]).script == "a\nb")
    #expect(throws: UsageError.self) { try CommandSettings(arguments: ["-c", "a", "file"]) }
  }

  /// Every option is in the help, and no letter is there twice.
  @Test func helpIsComplete() {
    check(LoadSettings.options)
    check(CommandSettings.options)
  }

  private func check<Settings>(_ options: Options<Settings>) {
    var letters: Set<Character> = []
    for option in options.groups.flatMap(\.options) {
      #expect(options.help.contains("  " + option.label))
      if let short = option.short { #expect(letters.insert(short).inserted, "-\(short) twice in \(options.program)") }
    }
    #expect(options.help.split(separator: "\n").allSatisfy { $0.count <= 130 })
  }

  @Test func optionalValueOfALongOption() throws {
    struct Wait { var seconds = -1 }
    let options = Options<Int>(
      program: "x", summary: "", synopsis: [""],
      groups: [
        .init(
          title: "",
          options: [
            .init(
              short: nil, long: "wait", argument: .optional("SECONDS", { Int($0) != nil }), help: "",
              apply: { settings, value throws(UsageError) in settings = Int(value) ?? 5 })
          ])
      ])
    var settings = 0
    #expect(try options.parse(["--wait", "7", "rest"], into: &settings) == ["rest"])
    #expect(settings == 7)
    #expect(try options.parse(["--wait", "rest"], into: &settings) == ["rest"])
    #expect(settings == 5)
    _ = try options.parse(["--wait=9"], into: &settings)
    #expect(settings == 9)
  }
}
