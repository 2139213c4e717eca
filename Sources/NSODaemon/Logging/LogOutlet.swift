import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A terminal or pipe that log lines go to. Its reader may take its time: lines wait here, bounded, on a queue of their own, so that
/// neither who logs nor the other places of a log wait for it. What does not fit is counted, and the count is told when there is room.
final class LogOutlet: Sendable {
  static let standardOutput = LogOutlet(STDOUT_FILENO)

  private struct State {
    var waiting = 0
    var lost = 0
  }

  private static let limit = 1 << 20
  private let descriptor: Int32
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "log.outlet")

  /// The descriptor stays the caller's.
  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// - Parameter head: how many bytes at the start of the line a line of our own would have as well.
  func write(_ line: [UInt8], head: Int) {
    let fits = state.withLock { state in
      guard state.waiting + line.count <= Self.limit else {
        state.lost += 1
        return false
      }
      state.waiting += line.count
      return true
    }
    guard fits else { return }
    queue.async {
      let lost = self.state.withLock { state in
        defer { state.lost = 0 }
        return state.lost
      }
      var bytes = lost == 0 ? [] : line[..<head] + Array("\(lost) log records could not be shown\n".utf8)
      bytes += line
      writeAll(self.descriptor, bytes)
      self.state.withLock { $0.waiting -= line.count }
    }
  }

  /// Returns when everything that was written before is out, or after two seconds.
  func flush() {
    let done = DispatchSemaphore(value: 0)
    queue.async { done.signal() }
    _ = done.wait(timeout: .now() + .seconds(2))
  }
}

/// write(2) until everything is written, also where the descriptor does not wait.
@discardableResult
func writeAll(_ descriptor: Int32, _ bytes: some Collection<UInt8>) -> Bool {
  Array(bytes).withUnsafeBytes { bytes in
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest)
      let count = write(descriptor, piece.baseAddress, piece.count)
      if count < 0 {
        if errno == EINTR { continue }
        guard errno == EAGAIN else { return false }
        var place = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&place, 1, -1)
        continue
      }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
