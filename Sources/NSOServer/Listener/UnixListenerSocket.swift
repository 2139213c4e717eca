#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Makes the Unix socket on which the daemon listens: folder, stale file, permissions, and no window in which a second
/// daemon or a client of wrong permissions could slip in.
///
/// The order matters. A lock file beside the socket, held as long as the daemon lives, says who owns the path; only its
/// holder removes a socket file. The socket is bound and gets its permissions before it listens, so that nobody can
/// connect to it with others.
struct UnixListenerSocket: ~Copyable {
  private let path: String
  private let lock: CInt
  private let file: FileIdentity
  /// Bound, not listening yet; goes to whoever listens on it.
  let descriptor: CInt

  private struct FileIdentity: Equatable {
    var device: UInt64
    var inode: UInt64
  }

  /// The longest path that fits in a socket address, without its NUL.
  static var longestPath: Int {
    MemoryLayout<sockaddr_un>.size - (MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2) - 1
  }

  init(
    path: String, permissions: UInt16, folderPermissions: UInt16, instanceName: String = ""
  ) throws(ListenError) {
    let address = ListenAddress.unix(path: path)
    guard path.utf8.count <= Self.longestPath, !path.isEmpty else {
      throw ListenError(address, .pathTooLong(bytes: path.utf8.count, limit: Self.longestPath))
    }
    try Self.makeFolder(of: path, permissions: folderPermissions, address)
    let lock = try Self.takeLock(path + ".lock", instanceName, address)
    do throws(ListenError) {
      try Self.removeStaleSocket(path, address)
      let descriptor = try Self.openSocket(address)
      do throws(ListenError) {
        try Self.bind(descriptor, path, address)
        guard chmod(path, mode_t(permissions)) == 0, let file = Self.identity(of: path) else {
          throw Self.failure("setting permissions of the socket", address)
        }
        self.path = path
        self.lock = lock
        self.file = file
        self.descriptor = descriptor
      } catch {
        close(descriptor)
        throw error
      }
    } catch {
      close(lock)
      throw error
    }
  }

  /// Takes the socket file away, if it is still the one that was made here, and lets go of the path.
  consuming func remove() {
    if Self.identity(of: path) == file { unlink(path) }
    // By word, and not only by closing: a process that was started and has not become its program yet holds the descriptor too.
    _ = flock(lock, LOCK_UN)
    close(lock)
  }

  // MARK: Steps

  private static func makeFolder(
    of path: String, permissions: UInt16, _ address: ListenAddress
  ) throws(ListenError) {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
    let folder = String(path[..<slash])
    var made = ""
    for part in folder.split(separator: "/", omittingEmptySubsequences: true) {
      made += (made.isEmpty && !folder.hasPrefix("/") ? "" : "/") + part
      if mkdir(made, mode_t(permissions)) == 0 || errno == EEXIST { continue }
      // A parent that cannot be written may still exist.
      let reason = errorText(errno)
      var facts = stat()
      guard stat(made, &facts) == 0 else {
        throw ListenError(address, .folder(path: made, reason: "cannot be made: \(reason)"))
      }
    }
    var facts = stat()
    guard stat(folder, &facts) == 0 else {
      throw ListenError(address, .folder(path: folder, reason: errorText(errno)))
    }
    guard facts.st_mode & S_IFMT == S_IFDIR else {
      throw ListenError(address, .folder(path: folder, reason: "is not a folder; choose another ncs-local-ipc/path"))
    }
    // Whoever may change the folder can put a socket of their own in the place of this one, and clients would talk to it.
    guard facts.st_uid == 0 || facts.st_uid == geteuid() else {
      throw ListenError(
        address,
        .folder(
          path: folder,
          reason: "belongs to uid \(facts.st_uid), who could replace the socket; use a folder of root"
            + (geteuid() == 0 ? "" : " or of uid \(geteuid())")))
    }
    // In a sticky folder only owners may.
    guard facts.st_mode & S_ISVTX == 0 else { return }
    let mode = String(UInt32(facts.st_mode) & 0o7777, radix: 8)
    guard facts.st_mode & S_IWOTH == 0 else {
      throw ListenError(
        address,
        .folder(
          path: folder, reason: "has mode 0\(mode), so that everybody could replace the socket; give it mode 0755 or less"))
    }
    guard facts.st_mode & S_IWGRP == 0 || facts.st_gid == getegid() else {
      throw ListenError(
        address,
        .folder(
          path: folder,
          reason:
            "has mode 0\(mode), so that members of group \(facts.st_gid), which is not the daemon's (\(getegid())), could replace"
            + " the socket; give it mode 0755 or less, or to the daemon's group"))
    }
  }

  private static func takeLock(_ path: String, _ name: String, _ address: ListenAddress) throws(ListenError) -> CInt {
    let lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard lock >= 0 else { throw failure("opening \(path)", address) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let isHeld = errno == EWOULDBLOCK
      let failed = failure("locking \(path)", address)
      var text = [UInt8](repeating: 0, count: 512)
      let count = read(lock, &text, text.count)
      close(lock)
      guard isHeld else { throw failed }
      let words = text.prefix(max(0, count)).split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
      let pid = words.first.flatMap { Int32($0) }
      throw ListenError(
        address, .inUse(holder: pid.map { SocketHolder.describe(process: $0, name: words.count > 1 ? words[1] : nil) }))
    }
    let pid = Array("\(getpid())\n\(name)\n".utf8.prefix(512))
    guard ftruncate(lock, 0) == 0, write(lock, pid, pid.count) == pid.count else {
      let failed = failure("writing \(path)", address)
      close(lock)
      throw failed
    }
    return lock
  }

  private static func removeStaleSocket(_ path: String, _ address: ListenAddress) throws(ListenError) {
    var facts = stat()
    guard lstat(path, &facts) == 0 else {
      if errno == ENOENT { return }
      throw failure("looking for an old socket", address)
    }
    guard facts.st_mode & S_IFMT == S_IFSOCK else { throw ListenError(address, .notASocket) }
    // Somebody without our lock file may listen there.
    let probe = try openSocket(address)
    defer { close(probe) }
    let connected = withSocketAddress(path) { connect(probe, $0, $1) }
    guard connected != 0, errno == ECONNREFUSED || errno == ENOENT else {
      if connected != 0, errno == EACCES || errno == EPERM {
        throw ListenError(address, .permissionDenied("a socket of another user is there"))
      }
      let pid = SocketHolder.peerProcess(of: probe)
      throw ListenError(address, .inUse(holder: pid.map { SocketHolder.describe(process: $0) }))
    }
    guard unlink(path) == 0 || errno == ENOENT else { throw failure("removing the old socket", address) }
  }

  private static func openSocket(_ address: ListenAddress) throws(ListenError) -> CInt {
    #if os(Linux)
      let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    #else
      let descriptor = socket(AF_UNIX, SOCK_STREAM, 0)
    #endif
    guard descriptor >= 0 else { throw failure("making a socket", address) }
    return descriptor
  }

  private static func bind(_ descriptor: CInt, _ path: String, _ address: ListenAddress) throws(ListenError) {
    let result = withSocketAddress(path) { socketAddress, length in
      #if canImport(Glibc)
        Glibc.bind(descriptor, socketAddress, length)
      #else
        Darwin.bind(descriptor, socketAddress, length)
      #endif
    }
    guard result == 0 else {
      if errno == EADDRINUSE { throw ListenError(address, .inUse(holder: nil)) }
      throw failure("binding the socket", address)
    }
  }

  private static func withSocketAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { bytes in
      bytes.copyBytes(from: path.utf8.prefix(bytes.count - 1))
    }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }

  private static func identity(of path: String) -> FileIdentity? {
    var facts = stat()
    guard lstat(path, &facts) == 0 else { return nil }
    return FileIdentity(device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino))
  }

  private static func failure(_ operation: String, _ address: ListenAddress) -> ListenError {
    let code = errno
    if code == EACCES || code == EPERM { return ListenError(address, .permissionDenied(operation)) }
    return ListenError(address, .system(operation: operation, reason: errorText(code)))
  }
}

/// The system's words for an error number.
func errorText(_ code: CInt) -> String { String(cString: strerror(code)) }
