#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file that is there while running is not consistent, also for other programs (protocol part 08, section 7.2). It says why.
struct InconsistencyMark: Sendable {
  let path: String

  private static let limit = 4096

  /// Why running is not consistent; nil: the file is not there.
  var cause: String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return errno == ENOENT ? nil : "\(path) is there (\(String(cString: strerror(errno))))" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: Self.limit)
    let count = read(descriptor, &bytes, bytes.count)
    let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    guard let line = text.split(whereSeparator: \.isNewline).first else { return "\(path) is there, and does not say why" }
    return String(line)
  }

  /// - Returns: what went wrong.
  func set(_ cause: String) -> String? {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return failure("written") }
    defer { close(descriptor) }
    let bytes = Array((cause.prefix { !$0.isNewline } + "\n").utf8.prefix(Self.limit))
    return write(descriptor, bytes, bytes.count) == bytes.count ? nil : failure("written")
  }

  /// - Returns: what went wrong.
  func remove() -> String? { unlink(path) == 0 || errno == ENOENT ? nil : failure("removed") }

  private func failure(_ what: String) -> String {
    "\(path), which is there while running is not consistent, cannot be \(what): \(String(cString: strerror(errno)))"
  }
}
