import NIOCore
import NSOModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The files that commands of the CLI read and write: with the rights, and in the folder, of the program in front.
struct CLIFiles {
  let directory: String?
  private var descriptor: Int32 = -1
  private var fault: String?

  init(directory: String?) { self.directory = directory }

  private func path(_ name: String) -> String {
    if name.hasPrefix("~/"), let home = getenv("HOME") { return String(cString: home) + name.dropFirst() }
    guard let directory, !name.hasPrefix("/") else { return name }
    return directory + "/" + name
  }

  mutating func begin(_ name: String, isAppended: Bool) {
    close()
    fault = nil
    descriptor = open(path(name), O_WRONLY | O_CREAT | O_CLOEXEC | (isAppended ? O_APPEND : O_TRUNC), 0o666)
    if descriptor < 0 { fault = systemErrorText(errno) }
  }

  mutating func write(_ text: String) {
    guard descriptor >= 0, fault == nil else { return }
    let problem = FileDescriptorOutput(descriptor).write(text)
    if problem != 0 { fault = systemErrorText(problem) }
  }

  /// - Returns: what went wrong; empty for nothing.
  mutating func end() -> String {
    if descriptor >= 0, fsync(descriptor) != 0, errno != EINVAL, errno != EROFS, fault == nil { fault = systemErrorText(errno) }
    close()
    return fault ?? ""
  }

  private mutating func close() {
    guard descriptor >= 0 else { return }
    closeDescriptor(descriptor)
    descriptor = -1
  }

  /// - Returns: `=` and the contents, or what went wrong.
  func contents(of name: String) async -> String {
    do { return "=" + (try await InputFile.text(of: path(name))) } catch {
      let text = "\(error)"
      let prefix = path(name) + ": "
      return text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
    }
  }
}

private func closeDescriptor(_ descriptor: Int32) { _ = close(descriptor) }
