#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files of a replay store.
extension ReplayStore {
  func path(_ number: UInt64) -> String { Self.path(settings.directory, prefix, number) }

  static func path(_ directory: String, _ prefix: String, _ number: UInt64) -> String {
    let digits = String(number)
    return "\(directory)/\(prefix)\(String(repeating: "0", count: max(0, 12 - digits.count)))\(digits).replay"
  }

  /// The name of a stream in file names: what is no letter, digit, `-` or `_` as `%` and two digits.
  static func fileName(_ name: String) -> String {
    name.utf8.reduce(into: "") { text, byte in
      switch byte {
      case 48...57, 65...90, 97...122, 45, 95: text.unicodeScalars.append(Unicode.Scalar(byte))
      default: text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }
  }

  static func makeDirectory(_ path: String) throws(ReplayStoreError) {
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      made += "/" + part
      guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw ReplayStoreError("make the directory", path, errno) }
    }
  }

  /// Two daemons must not write the same log.
  static func takeLock(_ path: String) throws(ReplayStoreError) -> Int32 {
    let file = openFile(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard file >= 0 else { throw ReplayStoreError("open", path, errno) }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      close(file)
      throw reason == EWOULDBLOCK
        ? ReplayStoreError("\(path): another daemon uses this replay store; give each a directory of its own")
        : ReplayStoreError("lock", path, reason)
    }
    return file
  }

  static func release(_ lock: Int32) {
    // Closing alone would leave it to a child process that is just being made.
    _ = flock(lock, LOCK_UN)
    close(lock)
  }

  static func segments(in directory: String, _ prefix: String) throws(ReplayStoreError) -> [UInt64] {
    guard let handle = opendir(directory) else { throw ReplayStoreError("read the directory", directory, errno) }
    defer { closedir(handle) }
    var numbers: [UInt64] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
          String(cString: $0)
        }
      }
      guard name.hasPrefix(prefix), name.hasSuffix(".replay") else { continue }
      let digits = name.dropFirst(prefix.count).dropLast(".replay".count)
      // The largest number leaves room for those that follow.
      guard let number = UInt64(digits), number < UInt64.max / 2 else { continue }
      numbers.append(number)
    }
    return numbers.sorted()
  }

  static func begin(_ path: String, _ header: ReplaySegment.Header) throws(ReplayStoreError) -> Int32 {
    let file = openFile(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
    guard file >= 0 else { throw ReplayStoreError("make", path, errno) }
    guard writeFully(file, header.bytes, at: 0) else {
      let reason = errno
      close(file)
      unlink(path)
      throw ReplayStoreError("write", path, reason)
    }
    return file
  }

  static func size(_ file: Int32, _ path: String) throws(ReplayStoreError) -> Int {
    var facts = stat()
    guard fstat(file, &facts) == 0 else { throw ReplayStoreError("look at", path, errno) }
    return Int(facts.st_size)
  }

  static func read(_ path: String, from offset: Int, _ count: Int) throws(ReplayStoreError) -> [UInt8] {
    let file = openFile(path, O_RDONLY | O_CLOEXEC, 0)
    guard file >= 0 else { throw ReplayStoreError("open", path, errno) }
    defer { close(file) }
    return try read(file, path, from: offset, count)
  }

  /// `count` bytes, fewer at the end of the file.
  static func read(
    _ file: Int32, _ path: String, from offset: Int, _ count: Int
  ) throws(ReplayStoreError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, done in
      while done < count {
        let got = pread(file, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset + done))
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        guard got > 0 else { return }
        done += got
      }
    }
    guard failure == 0 else { throw ReplayStoreError("read", path, failure) }
    return bytes
  }
}

/// open(2) with a mode.
func openFile(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }

func writeFully(_ file: Int32, _ bytes: [UInt8], at offset: Int) -> Bool {
  bytes.withUnsafeBytes { bytes in
    var done = 0
    while done < bytes.count {
      let count = pwrite(file, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }
}
