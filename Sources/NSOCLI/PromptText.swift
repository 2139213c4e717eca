#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Fills in a prompt (protocol part 08, section 9.9).
struct PromptText {
  var user: String
  var host: String
  var delimiter: String
  var address: String
  var mode: String

  func text(_ template: String, at time: Int64) -> String {
    var text = ""
    var rest = template[...]
    while let character = rest.popFirst() {
      guard character == "\\", let escape = rest.popFirst() else {
        text.append(character)
        continue
      }
      switch escape {
      case "u": text += user
      case "h": text += shortHost
      case "H", "S": text += host
      case "s": text += address
      case "d": text += String(localTime(time).prefix(10))
      case "t": text += String(localTime(time).dropFirst(11))
      case "A": text += String(localTime(time).dropFirst(11).prefix(5))
      case "T", "@": text += twelveHours(time, withSeconds: escape == "T")
      case "m":
        skipCount(&rest)
        text += mode
      case "M":
        skipCount(&rest)
        text += mode.isEmpty ? "" : "(\(mode))"
      case "[", "]": break
      default: text += "\\\(escape)"
      }
    }
    return text
  }

  private var shortHost: String {
    guard let first = delimiter.first, let end = host.firstIndex(of: first) else { return host }
    return String(host[..<end])
  }

  /// `{N}`: how much of the mode's name; there is one component only.
  private func skipCount(_ rest: inout Substring) {
    guard rest.first == "{", let end = rest.firstIndex(of: "}") else { return }
    rest = rest[rest.index(after: end)...]
  }

  private func twelveHours(_ time: Int64, withSeconds: Bool) -> String {
    let text = localTime(time).dropFirst(11)
    guard let hour = Int(text.prefix(2)) else { return String(text) }
    let shown = hour % 12 == 0 ? 12 : hour % 12
    return "\(shown)\(text.dropFirst(2).prefix(withSeconds ? 6 : 3)) \(hour < 12 ? "AM" : "PM")"
  }
}

/// `2026-01-02 03:04:05`, in the time zone of the daemon.
func localTime(_ seconds: Int64) -> String {
  var time = time_t(seconds)
  var parts = tm()
  guard localtime_r(&time, &parts) != nil else { return "1970-01-01 00:00:00" }
  func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
  return
    "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
}
