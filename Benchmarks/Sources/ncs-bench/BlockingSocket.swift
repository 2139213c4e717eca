import Glibc

/// The client's end of every measurement: one blocking Unix socket, so that the client costs the same in all variants.
final class BlockingSocket {
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw BenchError("socket: \(String(cString: strerror(errno)))") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw BenchError("path too long: \(path)") }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let descriptor = descriptor
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw BenchError("connect \(path): \(String(cString: strerror(errno)))") }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    var offset = 0
    while offset < bytes.count {
      let count = bytes[offset...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { throw BenchError("write: \(String(cString: strerror(errno)))") }
      offset += count
    }
  }

  func receive(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var offset = 0
    while offset < count {
      let got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress?.advanced(by: offset), count - offset) }
      guard got > 0 else { throw BenchError("the peer closed the connection") }
      offset += got
    }
    return bytes
  }

  /// One request frame, one reply frame; the reply's payload.
  func exchange(_ frame: [UInt8]) throws -> [UInt8] {
    try send(frame)
    return try receiveFrame()
  }

  func receiveFrame() throws -> [UInt8] {
    let head = try receive(4)
    let length = head.reduce(0) { $0 << 8 | Int($1) }
    return try receive(length)
  }
}

struct BenchError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Pins this process to one CPU.
func pin(to cpu: Int) throws {
  let status = try Child(["sh", "-c", "taskset --all-tasks --cpu-list --pid \(cpu) \(getpid()) >/dev/null"]).wait()
  guard status == 0 else { throw BenchError("taskset failed with status \(status)") }
}

/// Seconds on the monotonic clock.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
