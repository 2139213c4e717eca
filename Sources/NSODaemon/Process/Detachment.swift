#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Running in the background. The command starts itself again with the private option `--detached=N`, in a session of its own, and
/// waits until that process says through the pipe N how its start went. Until then the new process writes to the same
/// terminal, so that warnings and errors are seen where the command was given.
public enum Detachment {
  /// The private option; N is the descriptor of the pipe's writing end.
  public static let option = "--detached"
  /// The descriptor that the new process gets.
  private static let pipeDescriptor: Int32 = 3

  /// Something between the two processes failed.
  public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
  }

  /// Starts the daemon in the background and waits until it has started, or has ended.
  /// - Parameters:
  ///   - executable: the program, which is this one.
  ///   - arguments: this command's arguments, without the program's name.
  /// - Returns: what this command should exit with.
  public static func launch(executable: String, arguments: [String]) throws(Failure) -> ExitCode {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw failure("pipe", errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let reading = ends[0]
    var writing = ends[1]
    defer { close(reading) }
    defer { if writing >= 0 { close(writing) } }
    if writing == pipeDescriptor {
      // dup2 onto itself would leave the close-on-exec flag set.
      let moved = fcntl(writing, F_DUPFD_CLOEXEC, 10)
      guard moved >= 0 else { throw failure("fcntl", errno) }
      close(writing)
      writing = moved
    }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, writing, pipeDescriptor)

    let words = ["ncs"] + arguments + ["\(option)=\(pipeDescriptor)"]
    var vector = words.map { strdup($0) } + [nil]
    defer { for word in vector { free(word) } }
    var child = pid_t()
    let result = posix_spawn(&child, executable, &actions, nil, &vector, environ)
    guard result == 0 else { throw failure("posix_spawn of \(executable)", result) }
    close(writing)
    writing = -1

    var code: UInt8 = 0
    while true {
      let count = read(reading, &code, 1)
      if count < 0, errno == EINTR { continue }
      if count == 1 { return ExitCode(rawValue: Int32(code)) }
      break
    }
    // It ended without a word: its own exit status says how.
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 { guard errno == EINTR else { return .failure } }
    let signal = status & 0x7F
    if signal == 0 {
      let code = status >> 8 & 0xFF
      return code == 0 ? .failure : ExitCode(rawValue: code)
    }
    return ExitCode(rawValue: 128 + signal)
  }

  /// The new process's end of the pipe.
  public struct Starter: Sendable {
    private let descriptor: Int32

    /// Leaves the terminal's session.
    /// - Parameter descriptor: the value of the private option; `nil` when it is not an open pipe.
    public init?(descriptor: Int32) {
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return nil }
      self.descriptor = descriptor
      setsid()
      // Programs that the daemon runs must not hold the pipe open.
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Tells the command that it may return, and lets go of the terminal. Called once.
    public func report(_ code: ExitCode) {
      if code == .success {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        if null >= 0 {
          dup2(null, STDOUT_FILENO)
          dup2(null, STDERR_FILENO)
          close(null)
        }
      }
      var byte = UInt8(truncatingIfNeeded: code.rawValue)
      // The command may be gone by now (interrupted); the daemon goes on without it.
      while write(descriptor, &byte, 1) < 0, errno == EINTR {}
      close(descriptor)
    }
  }

  private static func failure(_ operation: String, _ number: Int32) -> Failure {
    Failure(
      description: "the daemon could not be started in the background: \(operation): \(String(cString: strerror(number)))")
  }
}
