#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The groups of the system's users (protocol part 08, section 8.5): the primary group of `/etc/passwd`, then those that list the user in
/// `/etc/group`. Services on the network are not asked: their answer may take long.
enum SystemGroups {
  /// The groups by user. What cannot be read counts as empty.
  static func read(groupFile: String = "/etc/group", userFile: String = "/etc/passwd") -> [String: [String]] {
    var groups: [String: [String]] = [:]
    var names: [Substring: String] = [:]
    // name:password:gid:user,user
    forEachRecord(of: groupFile, fields: 4) { fields in
      let name = String(fields[0])
      if names[fields[2]] == nil { names[fields[2]] = name }
      for user in fields[3].split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
        groups[String(user), default: []].append(name)
      }
    }
    // name:password:uid:gid:comment:home:shell
    forEachRecord(of: userFile, fields: 7) { fields in
      guard let primary = names[fields[3]] else { return }
      let user = String(fields[0])
      groups[user] = [primary] + (groups[user] ?? []).filter { $0 != primary }
    }
    return groups
  }

  private static func forEachRecord(of path: String, fields count: Int, _ body: ([Substring]) -> Void) {
    guard let file = fopen(path, "re") else { return }
    defer { fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var size = 0
    defer { free(line) }
    while getline(&line, &size, file) > 0 {
      guard let line else { break }
      let fields = String(cString: line).split(separator: ":", omittingEmptySubsequences: false)
      if fields.count == count, !fields[0].isEmpty { body(fields) }
    }
  }
}
