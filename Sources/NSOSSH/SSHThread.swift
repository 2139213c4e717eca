import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Threads that may wait: the library works with calls that do.
enum SSHThread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs something on a thread of its own.
  static func start(_ run: @escaping @Sendable () -> Void) throws(SSHError) {
    let box = Unmanaged.passRetained(Body(run))
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let status = pthread_create(&thread, nil, runBody, box.toOpaque())
    guard status == 0 else {
      box.release()
      throw SSHError(.system, "no thread can be started: \(systemText(status))")
    }
    #if canImport(Darwin)
      if let thread { pthread_detach(thread) }
    #else
      pthread_detach(thread)
    #endif
  }

  #if canImport(Darwin)
    private static let runBody: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = { argument in
      Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
      return nil
    }
  #else
    private static let runBody: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
      if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
      return nil
    }
  #endif

  /// Waits, on a thread that may, for what takes its time elsewhere.
  static func wait<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) throws(SSHError) -> Value {
    let waker = try Waker()
    let box = Box<Value>()
    Task {
      let value = await work()
      box.value.withLock { $0 = value }
      waker.wake()
    }
    while true {
      waker.wait(milliseconds: -1)
      if let value = box.value.withLock({ $0 }) { return value }
    }
  }

  private final class Box<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
  }
}

/// A pipe that a thread which waits for descriptors is woken with. Open as long as anybody has it.
final class Waker: Sendable {
  let reading: Int32
  private let writing: Int32

  init() throws(SSHError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SSHError(.system, "no pipe can be made: \(systemText(errno))") }
    (reading, writing) = (ends[0], ends[1])
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
    }
  }

  deinit {
    close(reading)
    close(writing)
  }

  /// A full pipe wakes as well.
  func wake() {
    var byte: UInt8 = 0
    _ = write(writing, &byte, 1)
  }

  /// Takes what woke.
  func drain() {
    var buffer = [UInt8](repeating: 0, count: 512)
    while read(reading, &buffer, buffer.count) > 0 {}
  }

  /// Returns when it is woken, or after that time.
  func wait(milliseconds: Int32) {
    var entry = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
    _ = poll(&entry, 1, milliseconds)
    drain()
  }
}
