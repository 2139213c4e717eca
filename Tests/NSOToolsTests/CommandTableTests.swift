import NIOCore
import NSOModel
import Synchronization
import Testing

@testable import NSOTools

/// The table of the sub-commands of `ncs_cmd`, and the ways to ask for help.
@Suite struct CommandTableTests {
  /// Names of published examples, which scripts use.
  @Test(arguments: [
    "get", "set", "create", "del", "exists", "num", "children", "mget", "maapi_get", "mset", "mcreate", "mdel", "mexists",
    "maapi_exists", "mnum", "maapi_num_instances", "mapply", "mvalidate", "mrtrans", "attach", "detach", "who", "kill",
    "get_phase",
    "get_txid", "wait-start", "wait_start", "start_phase", "start-phase", "start-phase1", "start-phase2", "stop", "reload",
    "reopen_logs", "reopen-logs",
    "sm",
    "echo", "sleep", "fail",
  ])
  func isThere(name: String) { #expect(Command.named(name) != nil) }

  @Test func namesAreUnique() {
    let names = Command.all.flatMap(\.names).map { $0.replacing("-", with: "_") }
    #expect(Set(names).count == names.count)
  }

  @Test func everyCommandHasHelp() {
    for command in Command.all {
      #expect(command.help.contains(command.usage))
      #expect(!command.purpose.isEmpty)
      #expect(Command.list.contains(command.usage))
    }
  }

  @Test(arguments: [
    ("get", 0, false), ("get", 1, true), ("get", 5, true), ("set", 1, false), ("set", 2, true), ("set", 4, true),
    ("attach", 0, true), ("attach", 2, true), ("attach", 3, false), ("stop", 1, false), ("sm", 4, true), ("sm", 3, false),
    ("echo", 0, true), ("echo", 9, true),
  ])
  func wordsAreCounted(name: String, count: Int, fits: Bool) throws {
    let command = try #require(Command.named(name))
    let words = Array(repeating: "x", count: count)
    #expect(((try? command.check(words)) != nil) == fits)
  }

  private func run(_ arguments: [String]) async -> (code: Int32, output: String, error: String) {
    let output = Sink()
    let error = Sink()
    let io = ToolIO(
      program: "ncs_cmd", environment: [:],
      writeOutput: { bytes in
        output.append(String(decoding: bytes.readableBytesView, as: UTF8.self))
        return 0
      }, writeError: { error.append($0) }, terminal: nil)
    return (await CommandTool.run(arguments, io), output.text, error.text)
  }

  @Test func unknownCommandsAnswerWithTheList() async {
    let result = await run(["-c", "echo first; nonsense /a"])
    #expect(result.code != 0)
    // Nothing is run before all is understood.
    #expect(result.output.isEmpty)
    for command in Command.all { #expect(result.error.contains(command.name)) }
  }

  @Test func help() async {
    #expect(await run(["-h"]).output.contains("usage: ncs_cmd"))
    #expect(await run(["-h", "commands"]).output.contains("mget PATH"))
    #expect(await run(["-h", "wait_start"]).output.contains("wait-start [PHASE]"))
    #expect(await run(["-h", "nonsense"]).code == ToolExit.usage)
  }

  @Test func commandsWithoutADaemon() async {
    let result = await run(["-c", "echo one 'two  three'; echo four"])
    #expect(result.code == 0)
    #expect(result.output == "one two  three\nfour\n")
    let silent = await run(["-s", "-c", "echo one"])
    #expect(silent.code == 0 && silent.output.isEmpty)
    let failing = await run(["-c", "echo a; fail for a reason; echo b"])
    #expect(failing.code == ToolExit.failure)
    #expect(failing.output == "a\n")
    #expect(failing.error.contains("for a reason"))
  }

  @Test func usageErrors() async {
    for arguments in [["-c", "get"], ["-c", "get 'x"], ["-Q"], ["-p", "x"]] {
      #expect(await run(arguments).code == ToolExit.usage)
    }
  }

  @Test(arguments: [(0, "1970-01-01T00:00:00Z"), (1_709_210_096, "2024-02-29T12:34:56Z"), (-1, "1969-12-31T23:59:59Z")])
  func times(seconds: Int, text: String) { #expect(utcText(Int64(seconds)) == text) }
}

private final class Sink: Sendable {
  private let content = Mutex("")
  var text: String { content.withLock { $0 } }
  func append(_ more: String) { content.withLock { $0 += more } }
}
