#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The groups of the system's users, as `/etc/group` lists them (protocol part 08, section 8.5). Services on the network are
/// not asked: their answer may take long.
enum SystemGroups {
  /// The groups by user. Empty when the file cannot be read.
  static func read(_ path: String = "/etc/group") -> [String: [String]] {
    guard let file = fopen(path, "re") else { return [:] }
    defer { fclose(file) }
    var groups: [String: [String]] = [:]
    var line: UnsafeMutablePointer<CChar>?
    var size = 0
    defer { free(line) }
    while getline(&line, &size, file) > 0 {
      guard let line else { break }
      // name:password:gid:user,user
      let fields = String(cString: line).split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count == 4, !fields[0].isEmpty else { continue }
      for user in fields[3].split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
        groups[String(user), default: []].append(String(fields[0]))
      }
    }
    return groups
  }
}
