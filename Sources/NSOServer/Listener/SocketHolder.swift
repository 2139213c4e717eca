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
    let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    let folder = link(at: "/proc/\(process)/cwd").map { ", in \($0)" } ?? ""
    return "\(who)process \(process) (\(words)\(folder))"
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

  /// The process that listens on a TCP port of this machine.
  static func listener(port: UInt16) -> Int32? {
    let wanted = Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap { inodes(listeningOn: port, in: $0) })
    guard !wanted.isEmpty else { return nil }
    // This process first: one that it has just started holds its sockets too, for a moment.
    for process in [getpid()] + entries(of: "/proc").compactMap({ Int32($0) }) {
      let folder = "/proc/\(process)/fd"
      for name in entries(of: folder) {
        guard let target = link(at: "\(folder)/\(name)"), target.hasPrefix("socket:["), target.hasSuffix("]") else { continue }
        if wanted.contains(String(target.dropFirst(8).dropLast())) { return process }
      }
    }
    return nil
  }

  private static func inodes(listeningOn port: UInt16, in table: String) -> [String] {
    guard let bytes = contents(of: table, limit: 4 << 20) else { return [] }
    let suffix =
      ":" + String(repeating: "0", count: max(0, 4 - String(port, radix: 16).count)) + String(port, radix: 16).uppercased()
    return bytes.split(separator: UInt8(ascii: "\n")).dropFirst().compactMap { line in
      let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
      // sl, local address, remote address, state (0A: listening), four more, inode.
      guard fields.count > 9, fields[1].hasSuffix(suffix), fields[3] == "0A" else { return nil }
      return fields[9]
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
