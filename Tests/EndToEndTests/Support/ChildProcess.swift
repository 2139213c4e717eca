import Glibc
import Synchronization

/// A program that a test runs, with its input, output and end.
///
/// Everything that waits does so on a thread of its own with a time limit; the limit is for broken programs, no test depends on it.
final class ChildProcess: Sendable {
  struct Result: Sendable {
    /// The exit code; 128 and the signal for a program that was killed.
    var code: Int32
    var output: String
    var errors: String
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  let pid: pid_t
  private let output: Int32
  private let errors: Int32
  /// Closing it is the end of the program's standard input.
  private let input: Int32
  /// At its end when the program, and every process it started, is gone.
  private let life: Int32

  /// - Parameters:
  ///   - environment: all of it; nothing is passed on.
  ///   - keepsInput: whether standard input stays open until `endInput`; else it is `/dev/null`.
  ///   - handing: a descriptor that the program gets as its number 3.
  init(
    _ program: String, _ arguments: [String], environment: [String: String], keepsInput: Bool = false, handing: Int32? = nil
  ) throws {
    // One at a time: a program must not inherit the ends of another one's pipes before they are marked as private.
    (pid, output, errors, life, input) = try Self.spawning.withLock { _ in
      try Self.spawn(program, arguments, environment, keepsInput, handing)
    }
  }

  private static let spawning = Mutex(())

  private typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

  /// A function that Swift's module of the C library leaves out.
  private static var closeFrom: CloseFrom? {
    dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map { unsafeBitCast($0, to: CloseFrom.self) }
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String: String], _ keepsInput: Bool, _ handing: Int32?
  ) throws -> (pid_t, Int32, Int32, Int32, Int32) {
    let (outputEnd, outputInside) = try pipe()
    let (errorsEnd, errorsInside) = try pipe()
    let (lifeEnd, lifeInside) = try pipe()
    let (inputInside, inputEnd) = try pipe()
    // Room for the log of a daemon that nobody reads while it runs (F_SETPIPE_SZ, which the headers show to GNU programs only).
    _ = fcntl(outputEnd, 1031, 1 << 20)
    defer { for end in [outputInside, errorsInside, lifeInside, inputInside] { close(end) } }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if keepsInput {
      posix_spawn_file_actions_adddup2(&actions, inputInside, STDIN_FILENO)
    } else {
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, outputInside, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errorsInside, STDERR_FILENO)
    // A high number, so that it is in nobody's way; inherited by what the program starts.
    posix_spawn_file_actions_adddup2(&actions, lifeInside, 200)
    if let handing { posix_spawn_file_actions_adddup2(&actions, handing, 3) }
    // Nothing else is, such as connections of clients that other tests have open: they would never end. Closed ones are no error.
    for descriptor in Int32(handing == nil ? 3 : 4)..<200 { posix_spawn_file_actions_addclose(&actions, descriptor) }
    guard let closeFrom = Self.closeFrom else { throw Failure(description: "no posix_spawn_file_actions_addclosefrom_np") }
    _ = closeFrom(&actions, 201)

    var vector = ([program] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for word in vector + variables { free(word) } }
    var child = pid_t()
    let status = posix_spawn(&child, program, &actions, nil, &vector, &variables)
    guard status == 0 else {
      for end in [outputEnd, errorsEnd, lifeEnd, inputEnd] { close(end) }
      throw Failure(description: "\(program): \(String(cString: strerror(status)))")
    }
    return (child, outputEnd, errorsEnd, lifeEnd, inputEnd)
  }

  deinit {
    for end in [output, errors, life, input] { close(end) }
  }

  /// Runs a program to its end.
  static func run(
    _ program: String, _ arguments: [String], environment: [String: String], input: String = ""
  ) async throws -> Result {
    let child = try ChildProcess(program, arguments, environment: environment, keepsInput: !input.isEmpty)
    if !input.isEmpty { try child.write(input) }
    return try await child.finish()
  }

  /// Writes to the program, and ends its input.
  func write(_ text: String) throws {
    try type(text)
    endInput()
  }

  func type(_ text: String) throws {
    let bytes = Array(text.utf8)
    guard Glibc.write(input, bytes, bytes.count) == bytes.count else {
      throw Failure(description: "cannot write to the program")
    }
  }

  /// Ends the program's standard input. Its number is kept, so that nothing else gets it.
  func endInput() {
    let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
    dup2(null, input)
    _ = fcntl(input, F_SETFD, FD_CLOEXEC)
    close(null)
  }

  func signal(_ number: Int32) { kill(pid, number) }

  /// Stops the program; when this returns none of its threads runs. It goes on with SIGCONT.
  func stop() async throws {
    signal(SIGSTOP)
    try await offThread { [pid] in
      var info = siginfo_t()
      guard waitid(P_PID, id_t(pid), &info, WSTOPPED | WNOWAIT) == 0 else {
        throw Failure(description: "process \(pid) does not stop: \(String(cString: strerror(errno)))")
      }
    }
  }

  /// Reads standard output until a line contains `text`.
  /// - Returns: everything up to there.
  func output(until text: String) async throws -> String {
    try await offThread { [output] in
      var bytes: [UInt8] = []
      while true {
        guard let more = Self.read(output) else { throw Failure(description: "no \(text) within the time limit") }
        bytes += more
        let all = String(decoding: bytes, as: UTF8.self)
        if let found = all.range(of: text), all[found.upperBound...].contains("\n") { return all }
        if more.isEmpty { throw Failure(description: "the program ended without \(text):\n\(all)") }
      }
    }
  }

  /// What it writes next; empty at the end.
  func more() async throws -> [UInt8] {
    try await offThread { [output] in
      guard let more = Self.read(output) else { throw Failure(description: "nothing within the time limit") }
      return more
    }
  }

  /// Waits for the program's end, and reads what it still says.
  func finish() async throws -> Result {
    try await offThread { [self] in
      // Both streams at once: a program that fills one must not wait for ever.
      var collected: [Int32: [UInt8]] = [output: [], errors: []]
      var open: Set<Int32> = [output, errors]
      while !open.isEmpty {
        var polls = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&polls, nfds_t(polls.count), Self.limit) > 0 else {
          kill(pid, SIGKILL)
          throw Failure(description: "the program did not end within the time limit")
        }
        for ready in polls where ready.revents != 0 {
          let more = Self.read(ready.fd) ?? []
          if more.isEmpty { open.remove(ready.fd) } else { collected[ready.fd, default: []] += more }
        }
      }
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0 { guard errno == EINTR else { break } }
      let signal = status & 0x7F
      return Result(
        code: signal == 0 ? status >> 8 & 0xFF : 128 + signal, output: String(decoding: collected[output] ?? [], as: UTF8.self),
        errors: String(decoding: collected[errors] ?? [], as: UTF8.self))
    }
  }

  /// Waits until the program and all that it started are gone.
  func gone() async throws {
    try await offThread { [life] in
      var end = pollfd(fd: life, events: Int16(POLLIN), revents: 0)
      guard poll(&end, 1, Self.limit) == 1 else { throw Failure(description: "still there after the time limit") }
    }
  }

  // MARK: Helpers

  /// Milliseconds.
  private static let limit: Int32 = 60_000

  /// What can be read now; waits for something. Empty at the end, `nil` when the time limit passes.
  private static func read(_ descriptor: Int32) -> [UInt8]? {
    var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&ready, 1, limit) == 1 else { return nil }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = Glibc.read(descriptor, &buffer, buffer.count)
    return count > 0 ? Array(buffer[..<count]) : []
  }

  private static func pipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { throw Failure(description: "pipe: \(String(cString: strerror(errno)))") }
    // Other tests start programs at the same time: these ends are not for them.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}

extension String {
  fileprivate func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}

/// Runs something that blocks on a thread of its own.
func offThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    let box = Unmanaged.passRetained(Work { continuation.resume(with: Result { try body() }) })
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, box.toOpaque())
    guard status == 0 else {
      box.release()
      return continuation.resume(throwing: ChildProcess.Failure(description: "no thread: \(status)"))
    }
    pthread_detach(thread)
  }
}

private final class Work {
  let run: () -> Void
  init(_ run: @escaping () -> Void) { self.run = run }
}
