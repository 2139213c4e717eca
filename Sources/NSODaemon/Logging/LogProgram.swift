import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A program that gets a log on its standard input (protocol part 08, `logs/external`): one process for each log. Its arguments are
/// 1 (version of this arrangement), `log`, the name of the log, `system` (its kind) and `raw` (lines as they are).
///
/// Whoever logs does not wait for it: lines wait here, bounded, on a queue of their own. A program that ends is started again, so often
/// within a period; then it is given up until the next reload.
final class LogProgram: Sendable {
  /// What to run, and how often.
  struct Command: Hashable, Sendable {
    var path: String
    /// Starts within a period.
    var maximumStarts = 3
    /// Between two starts.
    var delay: Duration = .seconds(1)
    var period: Duration = .seconds(30)
  }

  /// How serious what happens to the program is, by the numbers of `logs/ext-log/level`.
  enum Severity: Int, Sendable { case error = 3, warning = 4, info = 6 }

  private struct State {
    var waiting = 0
    var lost = 0
    var isStopped = false
  }

  /// Touched only on the queue.
  private final class Process: @unchecked Sendable {
    // The serial queue is what keeps threads apart here.
    var pid: pid_t?
    var input: Int32 = -1
    var starts: [ContinuousClock.Instant] = []
    var isGivenUp = false

    deinit { if input >= 0 { close(input) } }
  }

  private static let limit = 4 << 20
  let command: Command
  private let log: String
  private let report: @Sendable (Severity, String) -> Void
  private let state = Mutex(State())
  private let process = Process()
  private let queue: DispatchQueue

  /// - Parameters:
  ///   - log: what the log is called.
  ///   - report: is told what happens to the program, on any thread.
  init(_ command: Command, log: String, report: @escaping @Sendable (Severity, String) -> Void) {
    self.command = command
    self.log = log
    self.report = report
    queue = DispatchQueue(label: "log.program")
    queue.async { self.start() }
  }

  func write(_ line: [UInt8]) {
    let fits = state.withLock { state in
      guard !state.isStopped else { return false }
      guard state.waiting + line.count <= Self.limit else {
        state.lost += 1
        return false
      }
      state.waiting += line.count
      return true
    }
    guard fits else { return }
    queue.async {
      self.pass(line)
      let lost = self.state.withLock { state in
        state.waiting -= line.count
        defer { if state.waiting == 0 { state.lost = 0 } }
        return state.waiting == 0 ? state.lost : 0
      }
      if lost > 0 { self.report(.error, "\(self.title): \(lost) lines were not passed on: it does not read fast enough") }
    }
  }

  /// Another reload: one that was given up gets another chance.
  func reset() {
    queue.async {
      guard self.process.isGivenUp else { return }
      self.process.isGivenUp = false
      self.process.starts = []
      self.start()
    }
  }

  /// Ends its input, which tells it to end. Lines that it does not take within two seconds are lost. Does not wait for that.
  func retire() {
    queue.async {
      self.endInput()
      // Kept until it has ended.
      self.reap(waits: true)
    }
    // From then on a write that waits for the program gives up, and so do those that wait behind it.
    DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + .seconds(2)) { self.giveUpWriting() }
  }

  /// As ``retire()``, and waits until its input has ended: for the end of the daemon.
  func stop() {
    let done = DispatchSemaphore(value: 0)
    queue.async {
      self.endInput()
      done.signal()
    }
    _ = done.wait(timeout: .now() + .seconds(2))
    giveUpWriting()
    queue.async {
      self.endInput()
      self.reap(waits: true)
    }
  }

  private func giveUpWriting() { state.withLock { $0.isStopped = true } }

  private var title: String { "\(command.path) (\(log))" }

  // MARK: On the queue

  private func pass(_ line: [UInt8]) {
    guard !state.withLock(\.isStopped) else { return }
    // Once more on another process, where the one of before has ended.
    for _ in 0..<2 {
      guard process.input >= 0 || start() else { return }
      if write(all: line) { return }
      guard !state.withLock(\.isStopped) else { return }
      end()
    }
  }

  private func write(all bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = UnsafeRawBufferPointer(rebasing: rest)
        let count = writeBytes(process.input, piece.baseAddress, piece.count)
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
          var place = pollfd(fd: process.input, events: Int16(POLLOUT), revents: 0)
          poll(&place, 1, 200)
          if state.withLock(\.isStopped) { return false }
        } else if errno != EINTR {
          return false
        }
      }
      return true
    }
  }

  /// - Returns: whether it runs.
  @discardableResult
  private func start() -> Bool {
    guard !process.isGivenUp, !state.withLock(\.isStopped) else { return false }
    let clock = ContinuousClock()
    // Not less than a second: what is told of a failed start may be a line for the same program.
    let period = max(command.period, .seconds(1))
    process.starts.removeAll { clock.now - $0 > period }
    guard process.starts.count < command.maximumStarts else {
      process.isGivenUp = true
      report(
        .error,
        "\(title) has ended \(process.starts.count) times within \(command.period): it is not started again before the next reload"
      )
      return false
    }
    if let last = process.starts.last {
      let rest = command.delay - (clock.now - last)
      if rest > .zero { pause(rest) }
      // It may have been stopped meanwhile.
      guard !state.withLock(\.isStopped) else { return false }
    }
    process.starts.append(clock.now)
    do throws(Failure) {
      try spawn()
    } catch {
      report(.error, "\(title) cannot be started: \(error.reason)")
      return false
    }
    report(.info, "\(title) is started: process \(process.pid ?? 0)")
    return true
  }

  private func pause(_ time: Duration) {
    let parts = time.components
    var wanted = timespec(tv_sec: Int(min(parts.seconds, 3600)), tv_nsec: Int(parts.attoseconds / 1_000_000_000))
    nanosleep(&wanted, nil)
  }

  private struct Failure: Error { var reason: String }

  #if !canImport(Darwin)
    private typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

    /// A function that Swift's module of the C library leaves out.
    private static var closeFrom: CloseFrom? {
      dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map { unsafeBitCast($0, to: CloseFrom.self) }
    }
  #endif

  private static var spawnFlags: Int16 {
    var flags = Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF)
    #if canImport(Darwin)
      flags |= Int16(POSIX_SPAWN_CLOEXEC_DEFAULT)
    #endif
    return flags
  }

  /// What of the daemon's environment a program gets: enough to run and to find the daemon. Other variables may be keys, which
  /// `ncs.conf` refers to.
  private static var environment: [String] {
    let names = [
      "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "NCS_DIR", "NCS_IPC_ADDR",
      "NCS_IPC_PORT",
      "NCS_IPC_PATH", "NCS_IPC_ACCESS_FILE",
    ]
    return names.compactMap { name in
      guard let value = getenv(name) else { return nil }
      return "\(name)=\(String(cString: value))"
    }
  }

  private func spawn() throws(Failure) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Failure(reason: "pipe: \(String(cString: strerror(errno)))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
    // Whoever started the daemon may wait until nobody has its output any more.
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    // Clients' sockets, databases, and the input of programs that are started at the same time are not for it.
    #if !canImport(Darwin)
      guard let closeFrom = Self.closeFrom else {
        close(ends[1])
        throw Failure(reason: "the C library has no posix_spawn_file_actions_addclosefrom_np, and would hand on open files")
      }
      _ = closeFrom(&actions, STDERR_FILENO + 1)
    #endif
    // Signals as any program expects them; the daemon blocks some, and ignores one.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var broken = sigset_t()
    sigemptyset(&broken)
    sigaddset(&broken, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &broken)
    posix_spawnattr_setflags(&attributes, Self.spawnFlags)

    let words = [command.path, "1", "log", log, "system", "raw"]
    var vector = words.map { strdup($0) } + [nil]
    defer { for word in vector { free(word) } }
    var child = pid_t()
    var environment = Self.environment.map { strdup($0) } + [nil]
    defer { for setting in environment { free(setting) } }
    let failure = posix_spawn(&child, command.path, &actions, &attributes, &vector, &environment)
    guard failure == 0 else {
      close(ends[1])
      throw Failure(reason: String(cString: strerror(failure)))
    }
    process.pid = child
    process.input = ends[1]
  }

  /// The process takes no more.
  private func end() {
    endInput()
    reap(waits: false)
  }

  private func endInput() {
    if process.input >= 0 { close(process.input) }
    process.input = -1
  }

  /// Waits for the end of the process; one that goes on without input is ended.
  private func reap(waits isPatient: Bool) {
    guard let pid = process.pid else { return }
    process.pid = nil
    var status: Int32 = 0
    // Milliseconds for it to end by itself, and after a signal.
    for (signal, time) in [(0, isPatient ? 5000 : 200), (SIGTERM, 1000), (SIGKILL, 1000)] as [(Int32, Int)] {
      if signal != 0 { kill(pid, signal) }
      for _ in 0..<(time / 20) {
        let result = waitpid(pid, &status, WNOHANG)
        if result == pid {
          let number = status & 0x7F
          report(
            signal == 0 && status == 0 ? .info : .warning,
            "\(title): process \(pid) has ended"
              + (number == 0 ? (status == 0 ? "" : " with exit code \(status >> 8 & 0xFF)") : " by signal \(number)"))
          return
        }
        if result < 0, errno != EINTR { return }
        pause(.milliseconds(20))
      }
    }
    report(.error, "\(title): process \(pid) does not end")
  }
}

/// write(2), whose name is used here for other things.
private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
