import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The operating system's words for an error number.
func systemErrorText(_ number: Int32) -> String { strerror(number).map { String(cString: $0) } ?? "error \(number)" }

func isTerminal(standardOutput: Bool) -> Bool { isatty(standardOutput ? STDOUT_FILENO : STDIN_FILENO) == 1 }

/// A file name as the daemon must get it: the daemon's working directory is another one.
func absolutePath(_ path: String) throws -> String {
  if path.hasPrefix("/") { return path }
  guard let directory = getcwd(nil, 0) else { throw ToolError("working directory: \(systemErrorText(errno))") }
  defer { free(directory) }
  return String(cString: directory) + "/" + path
}

/// A file that is written from its beginning, with the rights of this process.
final class OutputFile: Sendable {
  private let path: String
  private let descriptor: Int32

  /// - Parameter mode: the permission bits of a file that is made, before the process's mask.
  init(path: String, mode: mode_t = 0o666) throws {
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw ToolError("\(path): \(systemErrorText(errno))") }
    self.path = path
  }

  func write(_ bytes: ByteBuffer) throws {
    let problem = bytes.withUnsafeReadableBytes { FileDescriptorOutput(descriptor).write($0) }
    guard problem == 0 else { throw ToolError("\(path): \(systemErrorText(problem)); the file is not complete") }
  }

  /// Some file systems tell only now that there was no room.
  func close() throws {
    guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else {
      throw ToolError("\(path): \(systemErrorText(errno)); the file is not complete")
    }
  }

  deinit { _ = systemClose(descriptor) }
}

private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }

/// A file descriptor that is read in chunks, on a thread that may wait.
struct InputFile: Sendable {
  static let standardInput = InputFile(descriptor: STDIN_FILENO, name: "standard input")

  let descriptor: Int32
  let name: String

  /// Bytes in all; nil for what is not a file.
  var size: Int64? {
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int64(facts.st_size)
  }

  /// The next bytes; nil at the end.
  func read(upTo count: Int = 1 << 17) async throws -> ByteBuffer? {
    try await NIOThreadPool.singleton.runIfActive {
      var buffer = ByteBufferAllocator().buffer(capacity: count)
      while true {
        var problem: Int32 = 0
        let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
          let got = systemRead(descriptor, space.baseAddress, count)
          if got < 0 { problem = errno }
          return max(0, got)
        }
        if problem == EINTR { continue }
        guard problem == 0 else { throw ToolError("\(name): \(systemErrorText(problem))") }
        return got == 0 ? nil : buffer
      }
    }
  }

  /// Everything, as text.
  func readAll() async throws -> String {
    var all = ByteBuffer()
    while var chunk = try await read() { all.writeBuffer(&chunk) }
    return String(decoding: all.readableBytesView, as: UTF8.self)
  }

  /// A file that stays open as long as the program runs.
  static func opening(_ path: String) throws -> InputFile {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ToolError("\(path): \(systemErrorText(errno))") }
    return InputFile(descriptor: descriptor, name: path)
  }

  /// Opens a file, reads it, closes it.
  static func text(of path: String) async throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ToolError("\(path): \(systemErrorText(errno))") }
    defer { _ = systemClose(descriptor) }
    return try await InputFile(descriptor: descriptor, name: path).readAll()
  }
}

private func systemRead(_ descriptor: Int32, _ space: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(descriptor, space, count)
}
