import Glibc

@testable import NSODaemon

/// A directory for one test, removed with everything in it at the end.
final class TemporaryDirectory {
  let path: String

  init() throws { path = try Directory.makeTemporary([:]) }

  deinit { Directory.remove(path) }

  /// Writes a file and returns its path; folders are made.
  @discardableResult
  func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws -> String {
    try write(name, Array(text.utf8), mode: mode)
  }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws -> String {
    let file = path + "/" + name
    if let slash = file.lastIndex(of: "/") { try Directory.make(String(file[..<slash])) }
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Failure(text: "\(file): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fchmod(descriptor, mode) == 0 else {
      throw Failure(text: "\(file): \(String(cString: strerror(errno)))")
    }
    return file
  }

  func read(_ name: String) throws -> String {
    let descriptor = open(path + "/" + name, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure(text: "\(name): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while case let count = Glibc.read(descriptor, &piece, piece.count), count > 0 { bytes += piece[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }

  struct Failure: Error { var text: String }
}
