public import NSOEngine
public import NSOTerminal
import Synchronization

/// Who is at the other end of a connection, once that is known.
public struct SSHPeer: Hashable, Sendable {
  public var user: String
  public var origin: LoginOrigin
  /// `password` or `publickey`.
  public var method: String
}

/// What runs in the channels of connections to a port: the CLI, NETCONF.
public protocol SSHService: Sendable {
  /// Of its sessions, for the audit log: `cli`, `netconf`.
  var context: String { get }
  /// Whether a channel may begin so.
  func accepts(_ start: SSHChannel.Start) -> Bool
  /// Serves a channel to its end; then it is closed.
  /// - Returns: the exit status.
  func serve(_ channel: SSHChannel) async -> Int32
}

/// A channel of a connection, for the service that runs in it. Safe to use from any thread; the library is not touched here.
public final class SSHChannel: Sendable {
  /// What the client asked for.
  public enum Start: Hashable, Sendable {
    case shell
    case exec(String)
    case subsystem(String)
  }

  /// Its connection is gone.
  public struct Closed: Error {}

  public let peer: SSHPeer
  public let start: Start
  /// Somebody types, at a terminal.
  public let hasTerminal: Bool

  private struct State {
    var input: [UInt8] = []
    var isInputOver = false
    var output: [UInt8] = []
    var errors: [UInt8] = []
    var size: ScreenSize?
    var reader: CheckedContinuation<[UInt8]?, Never>?
    var writers: [CheckedContinuation<Void, Never>] = []
    var endings: [@Sendable () -> Void] = []
    var interrupt: (@Sendable () -> Void)?
    var status: Int32?
    /// The service wants no more; what it has written is still sent.
    var isEnding = false
    var isClosed = false
  }

  private let state: Mutex<State>
  private let wake: @Sendable () -> Void
  /// Bytes that wait on either way.
  private static let limit = 128 << 10

  init(_ peer: SSHPeer, _ start: Start, size: ScreenSize?, hasTerminal: Bool, wake: @escaping @Sendable () -> Void) {
    self.peer = peer
    self.start = start
    self.hasTerminal = hasTerminal
    self.wake = wake
    state = Mutex(State(size: size))
  }

  /// The next bytes that the client sent; nil at the end. One may wait at a time.
  public func read() async -> [UInt8]? {
    let bytes: [UInt8]? = await withCheckedContinuation { continuation in
      let outcome: (now: Bool, bytes: [UInt8]?) = state.withLock { state in
        if !state.input.isEmpty {
          defer { state.input = [] }
          return (true, state.input)
        }
        if state.isInputOver || state.isClosed || state.reader != nil { return (true, nil) }
        state.reader = continuation
        return (false, nil)
      }
      if outcome.now { continuation.resume(returning: outcome.bytes) }
    }
    // There is room for more.
    wake()
    return bytes
  }

  /// Sends bytes; waits while enough are on their way.
  /// - Throws: `Closed` when nobody gets them any more.
  public func write(_ bytes: some Sequence<UInt8> & Sendable) async throws(Closed) { try await write(bytes, isError: false) }

  /// As ``write(_:)``, to the client's standard error; a terminal shows both.
  public func writeError(_ text: String) async throws(Closed) {
    let bytes = Array(text.utf8)
    try await write(hasTerminal ? bytes.flatMap { $0 == 10 ? [13, 10] : [$0] } : bytes, isError: !hasTerminal)
  }

  private func write(_ bytes: some Sequence<UInt8> & Sendable, isError: Bool) async throws(Closed) {
    let isClosed = state.withLock { state in
      guard !state.isClosed, !state.isEnding else { return true }
      if isError { state.errors += bytes } else { state.output += bytes }
      return false
    }
    guard !isClosed else { throw Closed() }
    wake()
    await withCheckedContinuation { continuation in
      let goesOn = state.withLock { state in
        guard !state.isClosed, !state.isEnding, state.output.count + state.errors.count > Self.limit else { return true }
        state.writers.append(continuation)
        return false
      }
      if goesOn { continuation.resume() }
    }
  }

  /// For the service, from any task: whoever reads gets the end, nothing more can be written, and what was written is still sent.
  public func end() {
    let (reader, writers) = state.withLock { state in
      state.isInputOver = true
      state.isEnding = true
      defer {
        state.reader = nil
        state.writers = []
      }
      return (state.reader, state.writers)
    }
    reader?.resume(returning: nil)
    for writer in writers { writer.resume() }
  }

  /// Of the client's window, as it is now; nil where there is none.
  public var size: ScreenSize? { state.withLock { $0.size } }

  /// Calls `body` once when the channel is closed, on a thread of the connection; at once if it is.
  public func onClose(_ body: @escaping @Sendable () -> Void) {
    let isClosed = state.withLock { state in
      if !state.isClosed { state.endings.append(body) }
      return state.isClosed
    }
    if isClosed { body() }
  }

  /// What a signal that asks for an interruption does.
  public func onInterrupt(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.interrupt = body } }

  // MARK: For the connection

  /// How many bytes may be taken from the client now.
  var room: Int { state.withLock { $0.isInputOver || $0.isClosed ? 0 : Self.limit - $0.input.count } }

  func put(_ bytes: some Collection<UInt8>) {
    let reader: CheckedContinuation<[UInt8]?, Never>? = state.withLock { state in
      guard !state.isClosed, let reader = state.reader else {
        if !state.isClosed { state.input += bytes }
        return nil
      }
      state.reader = nil
      return reader
    }
    reader?.resume(returning: Array(bytes))
  }

  func endInput() {
    let reader = state.withLock { state in
      state.isInputOver = true
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume(returning: nil)
  }

  func resize(_ size: ScreenSize) { state.withLock { $0.size = size } }

  func interrupt() { state.withLock { $0.interrupt }?() }

  /// The first bytes that are to be sent.
  func outgoing(isError: Bool, upTo count: Int) -> [UInt8] {
    state.withLock { Array((isError ? $0.errors : $0.output).prefix(count)) }
  }

  /// So many of them were.
  func sent(isError: Bool, _ count: Int) {
    let writers = state.withLock { state in
      if isError {
        state.errors.removeFirst(min(count, state.errors.count))
      } else {
        state.output.removeFirst(min(count, state.output.count))
      }
      guard state.output.count + state.errors.count <= Self.limit / 2 else { return [CheckedContinuation<Void, Never>]() }
      defer { state.writers = [] }
      return state.writers
    }
    for writer in writers { writer.resume() }
  }

  /// The service has ended.
  func finish(_ status: Int32) {
    state.withLock { $0.status = status }
    wake()
  }

  /// The exit status, when the service has ended and all is sent.
  var outcome: Int32? { state.withLock { $0.output.isEmpty && $0.errors.isEmpty ? $0.status : nil } }

  func close() {
    let (reader, writers, endings) = state.withLock { state in
      defer {
        state.isClosed = true
        state.reader = nil
        state.writers = []
        state.endings = []
        state.interrupt = nil
        state.input = []
        state.output = []
        state.errors = []
      }
      return (state.reader, state.writers, state.endings)
    }
    reader?.resume(returning: nil)
    for writer in writers { writer.resume() }
    for ending in endings { ending() }
  }
}
