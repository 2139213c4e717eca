#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A terminal behind a file descriptor.
struct Terminal: Sendable {
  static let clearToEndOfLine = "\u{1B}[K"

  private let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Standard error, if that is a terminal that understands cursor movement.
  static var standardError: Terminal? {
    guard isatty(STDERR_FILENO) == 1, getenv("TERM").map({ String(cString: $0) }) ?? "dumb" != "dumb" else { return nil }
    return Terminal(descriptor: STDERR_FILENO)
  }

  /// Columns; 80 where the terminal does not tell.
  var width: Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  func write(_ text: String) { FileDescriptorOutput(descriptor).write(text) }
}

/// Bytes to a file descriptor, all of them; what cannot be written is reported by the result.
struct FileDescriptorOutput: Sendable {
  static let standardOutput = FileDescriptorOutput(STDOUT_FILENO)
  static let standardError = FileDescriptorOutput(STDERR_FILENO)

  let descriptor: Int32

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// - Returns: 0, or the operating system's error number.
  @discardableResult
  func write(_ text: String) -> Int32 {
    var text = text
    return text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }

  /// - Returns: 0, or the operating system's error number.
  @discardableResult
  func write(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    var rest = bytes[...]
    while !rest.isEmpty {
      let slice = UnsafeRawBufferPointer(rebasing: rest)
      #if canImport(Darwin)
        let count = Darwin.write(descriptor, slice.baseAddress, slice.count)
      #elseif canImport(Musl)
        let count = Musl.write(descriptor, slice.baseAddress, slice.count)
      #else
        let count = Glibc.write(descriptor, slice.baseAddress, slice.count)
      #endif
      if count < 0 {
        if errno == EINTR { continue }
        return errno
      }
      rest = rest.dropFirst(count)
    }
    return 0
  }
}
