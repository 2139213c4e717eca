internal import Glibc

/// A temporary directory with links to the submodules in use.
///
/// The library (2.1.30) forgets to resolve the extension statements of a submodule that another submodule includes when its
/// text comes from a callback, and crashes on them later; from a directory they are read rightly. It searches directories
/// with all that is below them, so it gets one that holds nothing else.
final class SubmoduleDirectory {
  let path: String
  private var links: [String] = []

  init() throws(SchemaError) {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((base + "/nso-schema-XXXXXX").utf8CString)
    guard let made = mkdtemp(&template) else {
      throw SchemaError(
        .unreadable, file: base, reason: "cannot make a temporary directory: \(lastErrorText()). Set TMPDIR to a place to write"
      )
    }
    path = String(cString: made)
  }

  deinit {
    for link in links { unlink(link) }
    rmdir(path)
  }

  func link(_ name: String, to file: String) throws(SchemaError) {
    guard let absolute = realpath(file, nil) else {
      throw SchemaError(.unreadable, file: file, reason: "cannot open: \(lastErrorText())")
    }
    defer { free(absolute) }
    let link = "\(path)/\(name).yang"
    guard symlink(absolute, link) == 0 || errno == EEXIST else {
      throw SchemaError(.unreadable, file: link, reason: "cannot make this link: \(lastErrorText())")
    }
    links.append(link)
  }
}
