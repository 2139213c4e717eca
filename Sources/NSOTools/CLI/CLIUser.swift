import NSOModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Who uses the program, and from where, as far as the options do not say it.
enum CLIUser {
  /// The login name of whoever runs the program; its number where it has no name.
  static var name: String {
    guard let entry = getpwuid(geteuid()) else { return "\(geteuid())" }
    return String(cString: entry.pointee.pw_name)
  }

  /// The names of the groups of this process.
  static var groups: [String] {
    let count = getgroups(0, nil)
    var ids = [gid_t](repeating: 0, count: max(0, Int(count)))
    let got = getgroups(count, &ids)
    var names: [String] = []
    for id in [getegid()] + ids.prefix(max(0, Int(got))) {
      let name = getgrgid(id).map { String(cString: $0.pointee.gr_name) } ?? "\(id)"
      if !names.contains(name) { names.append(name) }
    }
    return names
  }

  static var host: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Files are read and written with these rights from now on.
  static func take(uid: UInt32?, gid: UInt32?, gids: [UInt32]?) throws {
    if let gids {
      guard setgroups(gids.count, gids) == 0 else { throw ToolError("--gids: \(systemErrorText(errno))") }
    }
    if let gid {
      guard setegid(gid) == 0 else { throw ToolError("--gid \(gid): \(systemErrorText(errno))") }
    }
    if let uid {
      guard seteuid(uid) == 0 else { throw ToolError("--uid \(uid): \(systemErrorText(errno))") }
    }
  }

  /// `ADDR`, or `ADDR/PORT`.
  static func source(_ text: String) throws(UsageError) -> (IPAddress, UInt16) {
    let parts = text.split(separator: "/", maxSplits: 1)
    guard let first = parts.first, let address = IPAddress(first), parts.count < 2 || UInt16(parts[1]) != nil else {
      throw UsageError("--ip: \"\(text)\" is no address, nor an address with a slash and a port")
    }
    return (address, parts.count > 1 ? UInt16(parts[1]) ?? 0 : 0)
  }

  /// What SSH says of its client: address, port.
  static func ssh(_ environment: [String: String]) -> (IPAddress, UInt16)? {
    guard let words = environment["SSH_CONNECTION"]?.split(separator: " "), words.count >= 2, let address = IPAddress(words[0])
    else { return nil }
    return (address, UInt16(words[1]) ?? 0)
  }
}

/// The terminal of the user, character by character while this is there.
final class RawTerminal {
  private var saved = termios()

  /// Nil where standard input is no terminal.
  init?() {
    guard tcgetattr(STDIN_FILENO, &saved) == 0 else { return nil }
    var raw = saved
    raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
    raw.c_iflag &= ~tcflag_t(IXON | ICRNL)
    guard tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0 else { return nil }
  }

  func restore() { tcsetattr(STDIN_FILENO, TCSADRAIN, &saved) }

  /// Columns and lines; nil where the terminal does not tell.
  static var size: (width: Int, height: Int)? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
    return (Int(size.ws_col), Int(size.ws_row))
  }
}
