#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Looks at the file of a Unix socket after a connection to it has failed, to tell why.
struct SocketFile {
  let path: String

  init(_ path: String) { self.path = path }

  /// What is there instead of a socket; nil for a socket, and where nothing can be seen.
  var otherKind: String? {
    guard let facts = Self.facts(of: path) else { return nil }
    switch facts.st_mode & S_IFMT {
    case S_IFSOCK: return nil
    case S_IFDIR: return "a directory"
    case S_IFREG: return "a regular file"
    default: return "a special file"
    }
  }

  /// What this process is not allowed to pass: a directory on the way, or the socket itself.
  var obstacle: String {
    let user = "uid \(geteuid())"
    var folder = ""
    for part in path.split(separator: "/").dropLast() {
      folder += (folder.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
      guard faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) != 0, errno == EACCES else { continue }
      return "the directory \(folder)\(Self.rights(folder)) is not open to \(user)"
    }
    return
      "the socket file\(Self.rights(path)) may not be written by \(user); see ncs-local-ipc/mode in the daemon's configuration"
  }

  private static func rights(_ path: String) -> String {
    guard let facts = facts(of: path) else { return "" }
    return " (mode 0\(String(UInt32(facts.st_mode) & 0o7777, radix: 8)), uid \(facts.st_uid), gid \(facts.st_gid))"
  }

  private static func facts(of path: String) -> stat? {
    var facts = stat()
    return stat(path, &facts) == 0 ? facts : nil
  }
}
