#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Signals as events: SIGTERM and SIGINT ask the daemon to stop, SIGHUP to reload, SIGUSR1 to open its log files anew. SIGUSR2 means
/// nothing here, and does not end it.
public enum Signals {
  public enum Event: Hashable, Sendable {
    /// SIGTERM, SIGINT; the name is for the log.
    case stop(String)
    /// SIGHUP.
    case reload
    /// SIGUSR1: what programs that rotate logs send.
    case reopenLogs
  }

  /// Takes the signals away from their default actions. Must be called before other threads are started, since threads take over
  /// the mask of the one that starts them.
  public static func block() {
    var set = handled
    pthread_sigmask(SIG_BLOCK, &set, nil)
    // A peer that goes away shows in the result of the write.
    signal(SIGPIPE, SIG_IGN)
  }

  /// Calls `handler` for each signal, on the calling thread, for the rest of the process's life.
  public static func forever(_ handler: (Event) -> Void) -> Never {
    var set = handled
    while true {
      var number: Int32 = 0
      guard sigwait(&set, &number) == 0 else { continue }
      switch number {
      case SIGHUP: handler(.reload)
      case SIGUSR1: handler(.reopenLogs)
      case SIGUSR2: continue
      case SIGINT: handler(.stop("SIGINT"))
      default: handler(.stop("SIGTERM"))
      }
    }
  }

  private static var handled: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2] { sigaddset(&set, number) }
    return set
  }
}

/// Tells when standard input has come to its end (`--stop-on-eof`).
public enum StandardInput {
  /// Calls `handler` once, on a thread of its own. What is read is thrown away.
  public static func whenEnded(_ handler: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Handler(handler))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let handler = Unmanaged<Handler>.fromOpaque(argument).takeRetainedValue()
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
          let count = read(STDIN_FILENO, &buffer, buffer.count)
          if count < 0, errno == EINTR { continue }
          if count <= 0 { break }
        }
        handler.call()
        return nil
      }, box.toOpaque())
    if result == 0 { pthread_detach(thread) } else { box.release() }
  }

  private final class Handler {
    let call: @Sendable () -> Void
    init(_ call: @escaping @Sendable () -> Void) { self.call = call }
  }
}
