import NSOModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Finds out, for error texts, which process holds an address. Best effort: where the system does not tell, nil.
enum SocketHolder {
  /// `process 4711 (ncs --foreground, in /srv/east)`.
  /// - Parameter name: what the daemon is called, where it has told that.
  static func describe(process: Int32, name: String? = nil) -> String {
    let who = name.map { "instance \($0), " } ?? ""
    guard let bytes = contents(of: "/proc/\(process)/cmdline", limit: 200), !bytes.isEmpty else {
      return "\(who)process \(process)"
    }
    let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      .filter { !$0.hasPrefix("--detached=") }.joined(separator: " ")
      .map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 32 || $0.value == 127 } ? " " : $0 }
    let folder = link(at: "/proc/\(process)/cwd").map { ", in \($0)" } ?? ""
    return "\(who)process \(process) (\(String(words))\(folder))"
  }

  /// The process that listens at the other end of a connected Unix socket.
  static func peerProcess(of descriptor: CInt) -> Int32? {
    #if os(Linux)
      var credentials = KernelCredentials()
      var length = socklen_t(MemoryLayout<KernelCredentials>.size)
      guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0, credentials.pid > 0 else { return nil }
      return credentials.pid
    #else
      return nil
    #endif
  }

  /// The process that listens at a TCP address of this machine, or at one that keeps others from it.
  static func listener(at address: IPAddress, port: UInt16) -> Int32? {
    let wanted = Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap { inodes(inTheWayOf: address, port: port, table: $0) })
    guard !wanted.isEmpty else { return nil }
    // This process first: one that it has just started holds its sockets too, for a moment.
    return ([getpid()] + processes).first { !wanted.isDisjoint(with: sockets(of: $0)) }
  }

  /// How many threads a process has.
  static func threadCount(of process: Int32) -> Int? {
    let count = entries(of: "/proc/\(process)/task").count { Int32($0) != nil }
    return count > 0 ? count : nil
  }

  /// When a process began, in ticks since the system did.
  static func startTime(of process: Int32) -> UInt64? {
    guard let bytes = contents(of: "/proc/\(process)/stat", limit: 4096), let end = bytes.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    // Behind the name, which may have anything in it: the 22nd field of all.
    let fields = bytes[bytes.index(after: end)...].split(separator: UInt8(ascii: " "))
    return fields.count > 19 ? UInt64(String(decoding: fields[19], as: UTF8.self)) : nil
  }

  static var processes: [Int32] { entries(of: "/proc").compactMap { Int32($0) } }

  /// The inodes of the sockets that a process has open.
  static func sockets(of process: Int32) -> [String] {
    descriptors(of: process).compactMap { target in
      target.hasPrefix("socket:[") && target.hasSuffix("]") ? String(target.dropFirst(8).dropLast()) : nil
    }
  }

  /// What a daemon like this one is called, from the lock file of its database: `4711 east`.
  static func instanceName(of process: Int32) -> String? {
    for file in descriptors(of: process) where file.hasSuffix("/instance") {
      guard let bytes = contents(of: file, limit: 512) else { continue }
      let words = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first?.split(separator: " ", maxSplits: 1) ?? []
      if words.count == 2, Int32(words[0]) == process { return String(words[1]) }
    }
    return nil
  }

  /// What a process has open.
  private static func descriptors(of process: Int32) -> [String] {
    let folder = "/proc/\(process)/fd"
    return entries(of: folder).compactMap { link(at: "\(folder)/\($0)") }
  }

  private static func inodes(inTheWayOf address: IPAddress, port: UInt16, table: String) -> [String] {
    // State 0A: listening.
    rows(of: table, state: "0A").filter { $0.local.port == port && excludes($0.local.address, address) }.map(\.inode)
  }

  typealias Place = (address: IPAddress, port: UInt16)

  /// The sockets of one of the kernel's tables.
  static func rows(of table: String, state: String) -> [(local: Place, remote: Place, inode: String)] {
    guard let bytes = contents(of: table, limit: 16 << 20) else { return [] }
    return bytes.split(separator: UInt8(ascii: "\n")).dropFirst().compactMap { line in
      let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
      // sl, local address, remote address, state, four more, inode.
      guard fields.count > 9, fields[3] == state, let local = place(fields[1]), let remote = place(fields[2]) else {
        return nil
      }
      return (local, remote, fields[9])
    }
  }

  private static func place(_ text: String) -> Place? {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1], radix: 16), let address = kernelAddress(parts[0]) else { return nil }
    return (address, port)
  }

  /// Whether a listener at `one` keeps another from `other`, the port being the same. One at `::` may have taken IPv4 along.
  static func excludes(_ one: IPAddress, _ other: IPAddress) -> Bool {
    switch (one, other) {
    case (.v4, .v4), (.v6, .v6): one == other || one.isUnspecified || other.isUnspecified
    case (.v6, .v4): one.isUnspecified
    case (.v4, .v6): false
    }
  }

  /// An address as the kernel's tables have it: 32-bit words in the machine's byte order, in hexadecimal.
  static func kernelAddress(_ text: Substring) -> IPAddress? {
    guard text.utf8.count.isMultiple(of: 8) else { return nil }
    var words: [UInt32] = []
    var rest = text
    while !rest.isEmpty {
      guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
      words.append(UInt32(bigEndian: word))
      rest = rest.dropFirst(8)
    }
    switch words.count {
    case 1: return .v4(IPv4Address(bits: words[0]))
    case 4:
      // IPv4 in IPv6 (RFC 4291, section 2.5.5.2).
      if words[0] == 0, words[1] == 0, words[2] == 0xFFFF { return .v4(IPv4Address(bits: words[3])) }
      return .v6(
        IPv6Address(high: UInt64(words[0]) << 32 | UInt64(words[1]), low: UInt64(words[2]) << 32 | UInt64(words[3])))
    default: return nil
    }
  }

  private static func contents(of path: String, limit: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while bytes.count < limit {
      let count = read(descriptor, &piece, piece.count)
      guard count > 0 else { break }
      bytes += piece.prefix(count)
    }
    return bytes
  }

  private static func entries(of folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      names.append(name)
    }
    return names
  }

  private static func link(at path: String) -> String? {
    var target = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &target, target.count)
    guard count > 0 else { return nil }
    return String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
