import NSOClient

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the kernel counts for one interface, as a line of `/proc/net/dev` has it.
struct Counters: Hashable, Sendable {
  var received = Direction()
  var sent = Direction()

  struct Direction: Hashable, Sendable {
    var octets: UInt64 = 0
    var packets: UInt64 = 0
    var errors: UInt64 = 0
    var discards: UInt64 = 0
  }

  /// Only received packets are counted so.
  var multicast: UInt64 = 0

  /// What was counted since `old`. A counter that is less than it was has begun again from zero.
  func since(_ old: Counters) -> Counters {
    func difference(_ new: UInt64, _ old: UInt64) -> UInt64 { new >= old ? new - old : new }
    func difference(_ new: Direction, _ old: Direction) -> Direction {
      Direction(
        octets: difference(new.octets, old.octets), packets: difference(new.packets, old.packets),
        errors: difference(new.errors, old.errors), discards: difference(new.discards, old.discards))
    }
    return Counters(
      received: difference(received, old.received), sent: difference(sent, old.sent),
      multicast: difference(multicast, old.multicast))
  }
}

/// The counters of all interfaces of the host.
enum HostCounters {
  /// Reads them now.
  /// - Throws: ``CallbackError`` with the words of the operating system.
  static func read(_ path: String = "/proc/net/dev") throws -> [String: Counters] {
    guard let file = fopen(path, "r") else { throw CallbackError.system(errno, "open \(path)") }
    defer { fclose(file) }
    var all: [String: Counters] = [:]
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    while getline(&line, &capacity, file) >= 0 {
      guard let line, let (name, counters) = parse(String(cString: line)) else { continue }
      all[name] = counters
    }
    return all
  }

  /// `  eth0: 1 2 3 ...`: eight numbers received, eight sent; nil for the two lines of headings.
  static func parse(_ line: String) -> (String, Counters)? {
    guard let colon = line.lastIndex(of: ":") else { return nil }
    let name = line[..<colon].drop { $0 == " " }
    let numbers = line[line.index(after: colon)...].split(whereSeparator: \.isWhitespace).map { UInt64($0) ?? 0 }
    guard numbers.count >= 16, !name.isEmpty else { return nil }
    return (
      String(name),
      Counters(
        received: .init(octets: numbers[0], packets: numbers[1], errors: numbers[2], discards: numbers[3]),
        sent: .init(octets: numbers[8], packets: numbers[9], errors: numbers[10], discards: numbers[11]), multicast: numbers[7])
    )
  }
}
