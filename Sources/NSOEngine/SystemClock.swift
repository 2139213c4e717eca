#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The wall clock: seconds since 1970-01-01 UTC, and microseconds.
@Sendable
public func systemClock() -> (seconds: Int64, microseconds: Int64) {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return (Int64(time.tv_sec), Int64(time.tv_nsec) / 1000)
}
