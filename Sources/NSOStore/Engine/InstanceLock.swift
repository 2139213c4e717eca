internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The file `instance` in the store's directory: locked as long as the store is open, and telling who has it open. The
/// kernel drops the lock when the process ends, however it ends.
final class InstanceLock: Sendable {
  /// -1 once it was given back.
  private let descriptor: Mutex<Int32>

  /// Throws `inUse` with the holder's process id and name when somebody has it.
  init(directory: String, name: String) throws(StoreError) {
    let path = directory + "/instance"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw StoreError(
        .unreadable, "cannot open the lock file \(path): \(errorText(errno)); check that the directory is writable")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      let holder = Self.readHolder(descriptor)
      close(descriptor)
      guard reason == EWOULDBLOCK else {
        throw StoreError(.unreadable, "cannot lock \(path): \(errorText(reason))")
      }
      throw StoreError(
        .inUse(pid: holder.pid, name: holder.name),
        "the store \(directory) is in use by \(holder.name) (process \(holder.pid)\(Self.folder(of: holder.pid))); stop it or choose another directory"
      )
    }
    self.descriptor = Mutex(descriptor)
    let text = Array("\(getpid()) \(name)\n".utf8)
    let written = ftruncate(descriptor, 0) == 0 ? text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) } : -1
    guard written == text.count else {
      let reason = errno
      release()
      throw StoreError(
        reason == ENOSPC ? .diskFull : .unreadable, "cannot write the lock file \(path): \(errorText(reason))")
    }
  }

  deinit { release() }

  /// Gives the lock back.
  func release() {
    let held = descriptor.withLock { descriptor in
      defer { descriptor = -1 }
      return descriptor
    }
    guard held >= 0 else { return }
    // By word, and not only by closing: a process that was started and has not become its program yet holds the descriptor too.
    _ = flock(held, LOCK_UN)
    close(held)
  }

  /// `, in /srv/east`, where the system tells.
  private static func folder(of process: Int32) -> String {
    var target = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/\(process)/cwd", &target, target.count)
    return count > 0 ? ", in \(String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self))" : ""
  }

  private static func readHolder(_ descriptor: Int32) -> (pid: Int32, name: String) {
    var text = [UInt8](repeating: 0, count: 256)
    let count = text.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    let words = text.prefix(max(0, count)).split(separator: UInt8(ascii: " "), maxSplits: 1)
    guard words.count == 2, let pid = Int32(String(decoding: words[0], as: UTF8.self)) else { return (0, "another process") }
    return (pid, String(decoding: words[1].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }
}

/// The operating system's words for an error number.
func errorText(_ number: Int32) -> String {
  guard let text = strerror(number) else { return "error \(number)" }
  return String(cString: text)
}
