#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How many files and sockets this process may have open.
public enum OpenFileLimit {
  /// More than that no daemon needs, and some programs that it might start go through all of them.
  private static let enough: rlim_t = 65_536

  /// Raises the limit as far as the system lets this user. The usual one of 1024 is there for programs of long ago; each client needs one.
  public static func raise() {
    var limit = rlimit()
    #if canImport(Glibc)
      let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let kind = RLIMIT_NOFILE
    #endif
    guard getrlimit(kind, &limit) == 0 else { return }
    let wanted = min(limit.rlim_max, enough)
    guard limit.rlim_cur < wanted else { return }
    limit.rlim_cur = wanted
    // Without it the daemon runs all the same, with fewer clients.
    _ = setrlimit(kind, &limit)
  }
}
