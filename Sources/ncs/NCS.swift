import Glibc
import NSOClient
import NSODaemon
import NSOModel
import NSOTools
import Synchronization

/// The daemon, and the command that controls a running one (protocol part 08, section 2).
@main
enum NCS {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let command: DaemonCommand
    do {
      command = try DaemonCommand(arguments: arguments)
    } catch {
      complain("\(error)")
      exit(ExitCode.failure.rawValue)
    }
    switch command.action {
    case .help: write(DaemonCommand.help, to: STDOUT_FILENO)
    case .version: write("\(Product.name) \(Product.version)\n", to: STDOUT_FILENO)
    case .control(let control):
      if let failure = changeDirectory(command.start) { exit(failure.rawValue) }
      if !command.meaningless.isEmpty {
        complain(
          "\(command.meaningless.joined(separator: ", ")) has no effect here: which daemon is meant is said by NCS_IPC_PATH, NCS_IPC_ADDR and NCS_IPC_PORT, or --socket-path, --address and --port"
        )
      }
      perform(control, command.connection)
    case .start:
      for option in command.ignored { complain("\(option) has no effect here") }
      if command.start.isForeground { run(command) } else { exit(launch(arguments).rawValue) }
    }
  }

  /// `--cd`. Returns how to end where that is impossible.
  private static func changeDirectory(_ start: DaemonCommand.Start) -> ExitCode? {
    guard let directory = start.workingDirectory, chdir(directory) != 0 else { return nil }
    complain("--cd \(directory): \(String(cString: strerror(errno)))")
    return .installation
  }

  /// Runs a control command on another thread; this one, to which `main` is bound, waits.
  private static func perform(_ control: ControlCommand, _ connection: ControlConnection) -> Never {
    Task {
      let lost = Mutex<Int32>(0)
      let outcome = await control.run(
        over: connection,
        print: { text in
          let problem = write(text, to: STDOUT_FILENO)
          lost.withLock { if $0 == 0, problem != EPIPE { $0 = problem } }
        }, complain: complain)
      let problem = lost.withLock { $0 }
      guard problem == 0 else {
        complain("standard output: \(String(cString: strerror(problem))); what was printed is not complete")
        exit(outcome.rawValue == 0 ? ExitCode.failure.rawValue : outcome.rawValue)
      }
      exit(outcome.rawValue)
    }
    while true { pause() }
  }

  /// Starts the daemon in the background.
  private static func launch(_ arguments: [String]) -> ExitCode {
    guard let executable = InstallationPaths.executablePath else {
      complain("cannot find this program's own file in /proc/self/exe")
      return .installation
    }
    do {
      return try Detachment.launch(executable: executable, arguments: arguments)
    } catch {
      complain("\(error)")
      return .failure
    }
  }

  /// Is the daemon, until it is told to stop. The main thread does nothing but wait for signals.
  private static func run(_ command: DaemonCommand) -> Never {
    let start = command.start
    let (address, port, socketPath, accessFile) = command.listening
    let listening = ListeningOptions(address: address, port: port, socketPath: socketPath, accessFile: accessFile)
    // Before any other thread is started: threads take over what is blocked.
    Signals.block()
    OpenFileLimit.raise()
    let environment = Endpoint.processEnvironment
    let serviceManager = ServiceManager(environment: environment)
    serviceManager.takeOver()
    var starter: Detachment.Starter?
    if let descriptor = start.reportDescriptor {
      starter = Detachment.Starter(descriptor: descriptor)
      guard starter != nil else {
        complain("--detached is not for users; leave it out to start in the background")
        exit(ExitCode.failure.rawValue)
      }
    }
    if let failure = changeDirectory(start) {
      starter?.report(failure)
      exit(failure.rawValue)
    }
    Task { [starter] in
      let code = await daemon(start, listening, starter, environment, serviceManager)
      if code != .success { starter?.report(code) }
      exit(code.rawValue)
    }
    Signals.forever { event in
      switch event {
      case .stop(let name): running.stop(because: name)
      case .reload: running.reload()
      case .reopenLogs: running.reopenLogs()
      }
    }
  }

  private static func daemon(
    _ start: DaemonCommand.Start, _ listening: ListeningOptions, _ starter: Detachment.Starter?,
    _ environment: [String: String], _ serviceManager: ServiceManager
  ) async -> ExitCode {
    let source = DaemonConfiguration.Source(
      file: start.configurationFile, addedLoadPath: start.addedLoadPath, listeningOptions: listening, environment: environment)
    let options = Daemon.Options(
      source: source, modules: start.modules, isEphemeral: start.isEphemeral, verbose: start.isVerbose,
      stopsInPhase0: start.stopsInPhase0, threads: start.threads, serviceManager: serviceManager, warn: complain)
    let daemon: Daemon
    do throws(StartFailure) {
      daemon = try await Daemon.start(options)
    } catch {
      complain(error.text)
      return error.exitCode
    }
    running.set(daemon)
    if start.stopsOnEndOfInput { StandardInput.whenEnded { daemon.stop(because: "standard input ended") } }
    starter?.report(.success)
    await daemon.stopped()
    return .success
  }

  private static let running = Running()

  @Sendable
  fileprivate static func complain(_ text: String) { write("ncs: \(text)\n", to: STDERR_FILENO) }

  /// - Returns: 0, or the operating system's error number.
  @discardableResult
  private static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = UnsafeBufferPointer(rebasing: rest)
        let count = Glibc.write(descriptor, piece.baseAddress, piece.count)
        if count < 0 {
          if errno == EINTR { continue }
          return errno
        }
        rest = rest.dropFirst(count)
      }
      return 0
    }
  }
}

/// The daemon once it runs, and what signals said before that.
private final class Running: Sendable {
  private struct State {
    var daemon: Daemon?
    var stopReason: String?
    var wantsReload = false
  }

  private let state = Mutex(State())

  func set(_ daemon: Daemon) {
    let missed = state.withLock { state in
      state.daemon = daemon
      return state
    }
    if let reason = missed.stopReason {
      daemon.stop(because: reason)
    } else if missed.wantsReload {
      reload()
    }
  }

  func stop(because reason: String) {
    let daemon = state.withLock { state in
      state.stopReason = reason
      return state.daemon
    }
    daemon?.stop(because: reason)
  }

  func reload() {
    let daemon = state.withLock { state in
      state.wantsReload = state.daemon == nil
      return state.daemon
    }
    // What goes wrong is in the log: nobody waits for an answer.
    if let daemon { Task { try? await daemon.reload() } }
  }

  /// Before the daemon is there its logs are new.
  func reopenLogs() {
    guard let daemon = state.withLock({ $0.daemon }) else { return }
    Task {
      do throws(NSOError) { try await daemon.reopenLogs() } catch {
        NCS.complain("the log files could not be opened anew: \(error.message)")
      }
    }
  }
}
