#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that could not be read or written.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  public var path: String
  /// What was tried: "open", "read", …
  public var operation: String
  /// The operating system's error number.
  public var number: Int32

  public init(path: String, operation: String, number: Int32) {
    self.path = path
    self.operation = operation
    self.number = number
  }

  /// The operating system's words for the number.
  public var reason: String { String(cString: strerror(number)) }

  public var description: String { "\(path): cannot \(operation): \(reason)" }
}

/// read(2), whose name `DocumentFile.read` hides.
private func readBytes(_ descriptor: Int32, _ into: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(descriptor, into, count)
}

/// Reading of whole files and standard input in pieces.
public enum DocumentFile {
  /// Feeds a file to a parser, in pieces of 64 KiB, and finishes the document.
  /// - Parameter path: a file, or `-` for standard input.
  /// - Throws: `FileError`; what the parser and the handler throw.
  public static func parse(
    _ path: String, with parser: some DocumentParser, _ handler: (DocumentEvent) throws -> Void
  ) throws {
    try read(path) { try parser.feed($0, handler) }
    try parser.finish(handler)
  }

  /// Reads a file in pieces of 64 KiB.
  /// - Parameter path: a file, or `-` for standard input.
  /// - Throws: `FileError`; whatever `body` throws.
  public static func read(_ path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    // A pipe that nobody writes to holds nobody up: it reads as an empty file.
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError(path: path, operation: "open", number: errno) }
    defer { if path != "-" { close(descriptor) } }
    var facts = stat()
    if path != "-", fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFIFO {
      // A pipe with a writer, such as the one of <(command), is read to its end.
      let flags = fcntl(descriptor, F_GETFL)
      if flags >= 0 { _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = readBytes(descriptor, buffer.baseAddress, buffer.count)
      if count == 0 { return }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(path: path, operation: "read", number: errno)
      }
      try body(UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
    }
  }

  /// A whole file.
  /// - Parameter limit: the most bytes that are accepted.
  /// - Throws: `FileError`, with `EFBIG` when the file is larger than the limit.
  public static func contents(_ path: String, limit: Int = 16 << 20) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try read(path) { piece in
      guard bytes.count + piece.count <= limit else { throw FileError(path: path, operation: "read", number: EFBIG) }
      bytes.append(contentsOf: piece)
    }
    return bytes
  }
}
