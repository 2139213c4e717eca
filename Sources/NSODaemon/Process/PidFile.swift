import NSODocument

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `ncs.pid` in the state directory: the daemon's process id, for scripts. Who may run is decided by the lock on the database, not by
/// this file.
enum PidFile {
  private static func path(_ directory: String) -> String { directory + "/ncs.pid" }

  static func write(in directory: String) throws(FileError) {
    // Written beside and moved into place, so that nobody reads half of it.
    let temporary = path(directory) + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError(path: temporary, operation: "write", number: errno) }
    let text = Array("\(getpid())\n".utf8)
    let count = text.withUnsafeBytes { writeBytes(descriptor, $0.baseAddress, $0.count) }
    let reason = errno
    close(descriptor)
    guard count == text.count, rename(temporary, path(directory)) == 0 else {
      throw FileError(path: path(directory), operation: "write", number: count == text.count ? errno : reason)
    }
  }

  /// Removes it, unless it is another daemon's.
  static func remove(in directory: String) {
    guard let bytes = try? DocumentFile.contents(path(directory), limit: 64),
      String(decoding: bytes, as: UTF8.self) == "\(getpid())\n"
    else { return }
    unlink(path(directory))
  }
}

/// write(2), whose name `PidFile.write` hides.
private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
