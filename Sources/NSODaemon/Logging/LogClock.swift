#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Local time as the log lines show it: `28-Jan-2009::16:30:05.123` (protocol part 08, section 7.4).
enum LogClock {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return text(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
  }

  /// - Parameter seconds: since 1970-01-01 UTC; shown in the local time zone.
  static func text(seconds: Int, milliseconds: Int) -> String {
    var seconds = time_t(seconds)
    var parts = tm()
    localtime_r(&seconds, &parts)
    let month = months.indices.contains(Int(parts.tm_mon)) ? months[Int(parts.tm_mon)] : "???"
    let date = "\(parts.tm_mday)-\(month)-\(Int(parts.tm_year) + 1900)"
    return date + "::" + [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)].map { pad($0, 2) }.joined(separator: ":")
      + "." + pad(milliseconds, 3)
  }

  /// Local time as syslog has it: `Jan  8 16:30:05`.
  static func syslogTime() -> String {
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    let month = months.indices.contains(Int(parts.tm_mon)) ? months[Int(parts.tm_mon)] : "???"
    let clock = [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)].map { pad($0, 2) }.joined(separator: ":")
    return "\(month) \(parts.tm_mday < 10 ? " " : "")\(parts.tm_mday) \(clock)"
  }

  private static func pad(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}
