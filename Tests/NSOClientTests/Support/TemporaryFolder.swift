import Glibc

/// A folder that disappears with its last user.
final class TemporaryFolder: Sendable {
  let path: String

  struct Failure: Error { var errorNumber: CInt }

  init() throws {
    var template = Array("/tmp/nso-client-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Failure(errorNumber: errno) }
    path = String(cString: made)
  }

  /// Writes a file and answers its path.
  func file(_ name: String, _ content: [UInt8]) throws -> String {
    let full = path + "/" + name
    guard let file = fopen(full, "w") else { throw Failure(errorNumber: errno) }
    defer { fclose(file) }
    guard fwrite(content, 1, content.count, file) == content.count else { throw Failure(errorNumber: errno) }
    return full
  }

  deinit {
    // Flat: tests put only files and sockets here.
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { unlink(path + "/" + name) }
    }
    closedir(folder)
    rmdir(path)
  }
}
