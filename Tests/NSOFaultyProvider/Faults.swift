import NSOClient
import NSOWire
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What goes wrong in this program, and where: a test writes `STEP FAULT` into the file `fault` of the program's directory. It is done
/// once, when the step is reached next.
struct Faults: Sendable {
  let directory: String

  private var file: String { directory + "/fault" }

  func reach(_ step: String) async throws {
    guard let text = read(file), case let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" }), words.count == 2,
      words[0] == step
    else { return }
    unlink(file)
    switch words[1] {
    case "kill": kill(getpid(), SIGKILL)
    // Goes on here with SIGCONT.
    // To this thread, so that it does not answer before it stops.
    case "stop": raise(SIGSTOP)
    case "slow": try await Task.sleep(for: .milliseconds(300))
    case "error": throw CallbackError(.resourceDenied, "no room in \(step)")
    case "daemon":
      guard let line = read(directory + "/state/ncs.pid")?.split(separator: "\n").first, let pid = pid_t(line) else {
        throw CallbackError(.internal, "the daemon's process is not known")
      }
      kill(pid, SIGKILL)
    default: throw CallbackError(.internal, "no fault \(words[1]) is known")
    }
  }
}

func read(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while case let count = read(descriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
  return String(decoding: bytes, as: UTF8.self)
}

/// All or nothing.
func replace(_ path: String, _ text: String) throws {
  let other = path + ".new"
  let descriptor = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw CallbackError.system(errno, other) }
  defer { close(descriptor) }
  let bytes = Array(text.utf8)
  guard write(descriptor, bytes, bytes.count) == bytes.count, rename(other, path) == 0 else {
    throw CallbackError.system(errno, path)
  }
}
