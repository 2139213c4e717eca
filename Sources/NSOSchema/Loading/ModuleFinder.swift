internal import Glibc

/// Finds the files of modules in directories and reads them.
struct ModuleFinder {
  struct Candidate {
    var path: String
    /// From the file name; nil when the name has none.
    var revision: String?
  }

  /// Module or submodule name to files, in order of preference.
  private(set) var files: [String: [Candidate]] = [:]

  /// Notes the `.yang` files of `directory`, which come after all directories noted before.
  ///
  /// - Returns: their paths, sorted.
  mutating func add(directory: String) throws(SchemaError) -> [String] {
    guard let handle = opendir(directory) else {
      throw SchemaError(
        .unreadable, file: directory,
        reason:
          "cannot read this directory for YANG modules: \(lastErrorText()). Check load-path in ncs.conf, --addloadpath and NSO_YANG_DIR"
      )
    }
    defer { closedir(handle) }
    var found: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      guard name.hasSuffix(".yang"), !name.hasPrefix(".") else { continue }
      found.append(directory.hasSuffix("/") ? directory + name : directory + "/" + name)
    }
    found.sort()
    for path in found { add(file: path) }
    return found
  }

  /// Notes one file under the module name that its file name gives.
  mutating func add(file path: String) {
    let (name, revision) = Self.moduleName(ofFile: path)
    files[name, default: []].append(Candidate(path: path, revision: revision))
  }

  /// Notes one file under the name its text gives.
  mutating func add(file path: String, as name: String, revision: String?) {
    files[name, default: []].insert(Candidate(path: path, revision: revision), at: 0)
  }

  /// The file for a module: the one of `revision`, else the first of the newest revision.
  func file(_ name: String, revision: String?) -> String? {
    guard let candidates = files[name] else { return nil }
    if let revision {
      if let exact = candidates.first(where: { $0.revision == revision }) { return exact.path }
      return candidates.first { $0.revision == nil }?.path
    }
    var best = candidates.first
    for candidate in candidates.dropFirst() {
      if let known = best?.revision, let revision = candidate.revision, revision > known { best = candidate }
    }
    return best?.path
  }

  /// `name` and `2020-01-01` of `/dir/name@2020-01-01.yang`.
  static func moduleName(ofFile path: String) -> (name: String, revision: String?) {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    let stem = file.hasSuffix(".yang") ? String(file.dropLast(5)) : file
    guard let at = stem.firstIndex(of: "@") else { return (stem, nil) }
    return (String(stem[..<at]), String(stem[stem.index(after: at)...]))
  }

  /// The whole content, with a zero byte at the end for C.
  static func read(_ path: String) throws(SchemaError) -> [CChar] {
    // A pipe that nobody writes to holds nobody up.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw SchemaError(.unreadable, file: path, reason: "cannot open: \(lastErrorText())") }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else {
      throw SchemaError(.unreadable, file: path, reason: "cannot read: \(lastErrorText())")
    }
    guard status.st_mode & S_IFMT == S_IFREG || status.st_mode & S_IFMT == S_IFIFO else {
      throw SchemaError(.unreadable, file: path, reason: "not a file")
    }
    if status.st_mode & S_IFMT == S_IFIFO {
      let flags = fcntl(file, F_GETFL)
      if flags >= 0 { _ = fcntl(file, F_SETFL, flags & ~O_NONBLOCK) }
    }
    var content: [CChar] = []
    content.reserveCapacity(Int(status.st_size) + 1)
    var chunk = [CChar](repeating: 0, count: 65536)
    while true {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw SchemaError(.unreadable, file: path, reason: "cannot read: \(lastErrorText())") }
      guard count > 0 else { break }
      content.append(contentsOf: chunk[..<count])
    }
    if let zero = content.firstIndex(of: 0) {
      let line = content[..<zero].count { $0 == 10 } + 1
      throw SchemaError(.syntax, file: path, line: line, reason: "a zero byte in the file; a YANG module is UTF-8 text")
    }
    content.append(0)
    return content
  }
}

/// What the last failed call of the C library says.
func lastErrorText() -> String { String(cString: strerror(errno)) }
