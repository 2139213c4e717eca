import Glibc
import NSOClient
import NSOModel
import NSOWire
import Testing

/// What a program shows, as far as it was looked at.
private final class Screen {
  let program: ChildProcess
  private var bytes: [UInt8] = []

  init(_ program: ChildProcess) { self.program = program }

  /// Waits until a text comes, and goes on behind it.
  /// - Returns: what came, the text included.
  @discardableResult
  func wait(for text: String) async throws -> String {
    while true {
      let shown = String(decoding: bytes, as: UTF8.self)
      if let found = shown.firstRange(of: text) {
        bytes = Array(shown[found.upperBound...].utf8)
        return String(shown[..<found.upperBound])
      }
      let more = try await program.more()
      guard !more.isEmpty else { throw ChildProcess.Failure(description: "the program ended without \(text):\n\(shown)") }
      bytes += more
    }
  }
}

/// `ncs_cli` with the real daemon.
@Suite struct CLITests {
  private func cli(_ instance: Instance, _ script: String, _ options: [String] = []) async throws -> ChildProcess.Result {
    try await instance.run("ncs_cli", arguments: ["-u", "admin"] + options, input: script)
  }

  private func output(_ instance: Instance, _ script: String, _ options: [String] = []) async throws -> String {
    let result = try await cli(instance, script, options)
    #expect(result.code == 0 && result.errors.isEmpty, "\(script): \(result.code) \(result.errors)")
    return result.output
  }

  @Test func configuresInAScript() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      // A here-document, as in the manual.
      #expect(
        try await output(
          instance,
          """
          configure
          set interfaces interface eth0 mtu 1400
          set sys location "The attic"
          show interfaces interface eth0 | match mtu
          show | compare
          commit label first
          exit no-confirm
          exit
          """) == """
            mtu 1400;
             system {
            -    location "Room 12, rack 3";
            +    location "The attic";
             }
             interfaces {
                 interface eth0 {
            +        mtu 1400;
                 }
             }
            Commit complete.

            """)
      #expect(try await instance.cmd("mget /r:interfaces/interface{eth0}/mtu") == "1400\n")
      #expect(try await output(instance, "show configuration system location") == "location \"The attic\";\n")
      #expect(
        try await output(instance, "show configuration interfaces interface eth0 mtu | display set")
          == "set interfaces interface eth0 mtu 1400\n")
      #expect(
        try await output(instance, "show configuration interfaces interface eth0 mtu | display keypath")
          == "/r:interfaces/interface{eth0}/mtu 1400\n")
      #expect(try await output(instance, "show configuration | display xml | match '<mtu>1400' | count") == "Count: 0 lines\n")
      #expect(try await output(instance, "show configuration | display xml | match <mtu>1400 | count") == "Count: 1 lines\n")
      // What show writes is what load reads.
      let all = try await output(instance, "show configuration")
      try instance.write("all.cfg", all)
      #expect(
        try await output(
          instance, "configure\ndelete interfaces interface eth0\nload override \(instance.path)/all.cfg\ncommit\n"
        )
        .contains("No modifications to commit."))
      #expect(try await output(instance, "show configuration") == all)
    }
  }

  @Test func errorsAreShownAndEndAScriptWhereAsked() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let bad = try await cli(instance, "configure\nset interfaces interface eth0 mtu many\nset sys loc Attic\ncommit\n")
      #expect(bad.code == 0 && bad.output.contains(String(repeating: "-", count: 34) + "^\nsyntax error: mtu: \"many\""))
      #expect(bad.output.hasSuffix("Commit complete.\n"))
      let stopped = try await cli(instance, "configure\nset nothing 1\nset sys loc Cellar\ncommit\n", ["-s"])
      #expect(stopped.code == 8 && stopped.output.contains("----^\nsyntax error: \"nothing\" is not known"))
      #expect(try await instance.cmd("mget /r:system/location") == "Attic\n")
      // Validation.
      let invalid = try await cli(instance, "configure\ndelete interfaces interface lo\ndelete users\ncommit\n", ["-s"])
      #expect(invalid.code == 0 || invalid.output.contains("Aborted: "), "\(invalid.output)")
      let unknown = try await cli(instance, "frobnicate\n", ["-s"])
      #expect(unknown.code == 8 && unknown.output.hasPrefix("^\nsyntax error: unknown command"))
      let style = try await cli(instance, "", ["-C"])
      #expect(style.code == 1 && style.errors.contains("style C"))
      let nobody = try await instance.run("ncs_cli", "-S", "/nowhere/ipc")
      #expect(nobody.code == 1)
    }
  }

  @Test func sessionsAreSeenAndEnded() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let program = try ChildProcess(
        Instance.programs + "/ncs_cli", ["-n", "-u", "ada", "-H", "box"], environment: instance.environment, keepsInput: true)
      let screen = Screen(program)
      try await screen.wait(for: "ada@box> ")
      try program.type("configure exclusive\n")
      try await screen.wait(for: "ada@box% ")
      let who = try await output(instance, "who")
      #expect(who.contains(" ada ") && who.contains("cli"))
      let locked = try await cli(instance, "configure exclusive\n", ["-s"])
      #expect(locked.code == 8 && locked.output.contains("ada"))
      let session = try #require(who.split(separator: "\n").first { $0.contains(" ada ") }?.split(separator: " ").first)
      try program.type("set system location Roof\n")
      try await screen.wait(for: "% ")
      _ = try await output(instance, "logout session \(session)")
      let result = try await program.finish()
      #expect(result.code == 2)
      // Lock and transaction have gone with it.
      #expect(try await output(instance, "configure exclusive\nexit\n") == "")
    }
  }

  @Test func filesAreThoseOfTheProgram() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      #expect(
        try await output(instance, "show configuration system | save saved.cfg\n", ["-c", instance.path]) == "")
      #expect(try instance.read("saved.cfg").contains("hostname gw1.example.com;"))
      let missing = try await cli(instance, "configure\nload merge nothing.cfg\n", ["-s", "-c", instance.path])
      #expect(missing.code == 8 && missing.output.contains("nothing.cfg"))
      try instance.write(
        "more.cfg", "system { location Shed; }\n/* a comment */\ninterfaces { interface eth7 { kind ethernet; } }\n")
      #expect(
        try await output(
          instance, "configure\nload merge more.cfg\ncommit\n", ["-c", instance.path]) == "Commit complete.\n")
      #expect(try await instance.cmd("mget /r:system/location") == "Shed\n")
      try instance.write("bad.cfg", "system {\n  location Shed;\n  nothing 3;\n}\n")
      let bad = try await cli(instance, "configure\nload merge bad.cfg\n", ["-s", "-c", instance.path])
      #expect(bad.code == 8 && bad.output.contains("line 3: \"nothing\""))
      try instance.write("script", "show configuration system location\n")
      let script = try await instance.run("ncs_cli", "-u", "admin", instance.path + "/script")
      #expect(script.code == 0 && script.output == "location Shed;\n")
    }
  }
}

/// `ncs_cli` at a terminal, which `script` makes.
@Suite(.enabled(if: access("/usr/bin/script", X_OK) == 0, "needs /usr/bin/script (bsdutils)"))
struct CLITerminalTests {
  @Test func aUserTypes() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let program = try ChildProcess(
        "/usr/bin/script", ["-qefc", "\(Instance.programs)/ncs_cli -u ada -H box", "/dev/null"],
        environment: instance.environment.merging(["TERM": "vt100", "SHELL": "/bin/sh"]) { $1 }, keepsInput: true)
      let screen = Screen(program)
      try await screen.wait(for: "ada@box> ")
      // Tab completes a command, and then a name.
      try program.type("conf\tpri\t\r")
      try await screen.wait(for: "Entering configuration mode private")
      try await screen.wait(for: "ada@box% ")
      try program.type("set int\tint\teth0 mt\t9000\r")
      try await screen.wait(for: "[ok]")
      try await screen.wait(for: "ada@box% ")
      // What may follow, with descriptions and values.
      try program.type("set interfaces interface eth0 duplex ?")
      let duplex = try await screen.wait(for: "half")
      #expect(duplex.contains("Possible completions:"))
      // Ctrl-U clears the line, arrows bring an earlier one back.
      try program.type("\u{15}show interfaces interface eth0 mtu\r")
      try await screen.wait(for: "mtu 9000;")
      try program.type("\u{1B}[A\r")
      try await screen.wait(for: "mtu 9000;")
      // An error has its place.
      try program.type("set nothing\r")
      try await screen.wait(for: "syntax error: \"nothing\"")
      try await screen.wait(for: "[error]")
      // A message while somebody types.
      _ = try await instance.cmd("message ada hello there")
      try await screen.wait(for: "hello there")
      // With changes it asks.
      try program.type("exit\r")
      try await screen.wait(for: "Discard them? [yes,no] ")
      try program.type("no\r")
      try await screen.wait(for: "Aborted: by user")
      try program.type("commit and-quit\r")
      try await screen.wait(for: "Commit complete.")
      try await screen.wait(for: "ada@box> ")
      // Long output stops at the end of the screen; q ends it.
      try program.type("set screen-length 5\r")
      try await screen.wait(for: "ada@box> ")
      try program.type("\u{4}")
      let result = try await program.finish()
      #expect(result.code == 0)
      #expect(try await instance.cmd("mget /r:interfaces/interface{eth0}/mtu") == "9000\n")
    }
  }
}
