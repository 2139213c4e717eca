import NIOCore
import NSOClient
import NSOModel

/// The program `ncs_cmd` (protocol part 08, section 4).
public enum CommandTool {
  /// Runs the program.
  /// - Parameter arguments: the command line without the program's name.
  /// - Returns: the exit code.
  public static func main(arguments: [String]) async -> Int32 { await run(arguments, .process("ncs_cmd")) }

  static func run(_ arguments: [String], _ io: ToolIO) async -> Int32 {
    let settings: CommandSettings
    let script: [(command: Command, call: ScriptCommand)]
    do {
      settings = try CommandSettings(arguments: arguments)
      if settings.wantsHelp {
        _ = io.writeOutput(ByteBuffer(string: try help(settings.operands)))
        return ToolExit.success
      }
      script = try Command.resolve(CommandScript.parse(try await text(settings)))
    } catch let error as UsageError {
      io.complain(error.description)
      return ToolExit.usage
    } catch {
      io.complain(describe(error))
      return error is ScriptError ? ToolExit.usage : ToolExit.failure
    }
    do {
      let client = try settings.connection.client(io)
      let run = CommandRun(settings: settings, io: io, client: client, commands: script.map(\.command))
      do {
        for (command, call) in script { try await run.perform(command, call) }
        try await run.finish()
        try io.outputFailure.check()
        return ToolExit.success
      } catch {
        await run.abandon()
        io.complain(describe(error))
        return ToolExit.failure
      }
    } catch {
      io.complain(error.description)
      return ToolExit.usage
    }
  }

  private static func text(_ settings: CommandSettings) async throws -> String {
    if let script = settings.script { return script }
    guard let file = settings.operands.first, file != "-" else { return try await InputFile.standardInput.readAll() }
    return try await InputFile.text(of: file)
  }

  /// `-h`, `-h commands`, `-h COMMAND`.
  static func help(_ words: [String]) throws(UsageError) -> String {
    guard let word = words.first else { return CommandSettings.options.help }
    if word == "commands" { return Command.list }
    guard let command = Command.named(word) else { throw Command.unknown(word) }
    return command.help
  }
}
