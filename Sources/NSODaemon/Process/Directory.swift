import NSODocument

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Directories: what is in them, making them, removing them.
enum Directory {
  /// The last part of the working directory's path.
  static var nameOfWorkingDirectory: String {
    guard let path = getcwd(nil, 0) else { return "ncs" }
    defer { free(path) }
    return String(cString: path).split(separator: "/").last.map(String.init) ?? "ncs"
  }

  /// The names in a directory in no order, without `.` and `..`; `nil` when it cannot be read.
  static func names(in path: String) -> [String]? {
    guard let handle = opendir(path) else { return nil }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// A path without links and detours; as it is when there is nothing at it.
  static func canonical(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  /// Makes a directory and those above it that are missing.
  static func make(_ path: String, mode: mode_t = 0o755) throws(FileError) {
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw FileError(path: path, operation: "use as a directory", number: ENOTDIR)
      }
      return
    }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try make(String(path[..<slash]), mode: mode)
    }
    guard mkdir(path, mode) == 0 || errno == EEXIST else {
      throw FileError(path: path, operation: "make the directory", number: errno)
    }
  }

  /// A new directory of our own that nobody else can look into.
  static func makeTemporary(_ environment: [String: String]) throws(FileError) -> String {
    let base = environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    var template = Array("\(base)/ncs-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError(path: base, operation: "make a directory in", number: errno) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Removes a directory with everything in it; symbolic links are removed, not followed. Does what it can.
  static func remove(_ path: String) {
    for name in names(in: path) ?? [] {
      let inner = path + "/" + name
      var status = stat()
      if lstat(inner, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { remove(inner) } else { unlink(inner) }
    }
    rmdir(path)
  }
}
