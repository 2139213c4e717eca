import NSOEngine
import NSOModel
import NSOSchema

/// Notification streams and their replay stores (protocol part 08, section 7.2, notifications).
extension DaemonConfiguration {
  func readStreams(_ source: Source) throws -> [NotificationStreamSettings] {
    try tree.written("notifications/event-streams/stream").map { try readStream($0, source) }
  }

  private func readStream(_ entry: ConfigurationTree.Node, _ source: Source) throws -> NotificationStreamSettings {
    let name = leaf("name", of: entry)?.text ?? ""
    var stream = NotificationStreamSettings(
      name: name, description: leaf("description", of: entry)?.text ?? "",
      offersReplay: leaf("replay-support", of: entry)?.value == .bool(true))
    guard let store = leaf("builtin-replay-store", of: entry), leaf("enabled", of: store)?.value == .bool(true) else {
      return stream
    }
    guard stream.offersReplay else {
      throw ConfigurationError(
        store.place, "stream \(name) has a replay store but no replay",
        remedy: "set replay-support to true, or remove the store")
    }
    let size = leaf("max-size", of: store)
    guard let text = size?.text, case .uint64(let bytes)? = SpecialForm.size.parse(text), bytes >= 4096 else {
      throw ConfigurationError(
        size?.place ?? store.place, "stream \(name): max-size: \"\(size?.text ?? "")\" is not a size that can be used",
        remedy: "write for example S10M; the least is S4K")
    }
    let files = leaf("max-files", of: store)
    guard case .int64(let count)? = files?.value, count >= 1 else {
      throw ConfigurationError(
        files?.place ?? store.place, "stream \(name): max-files must be at least 1", remedy: "write for example 50")
    }
    let directory = leaf("dir", of: store)
    guard let folder = directory?.text, !folder.isEmpty else {
      throw ConfigurationError(
        directory?.place ?? store.place, "stream \(name): the replay store has no directory", remedy: "name one in dir")
    }
    stream.store = NotificationStreamSettings.Store(
      directory: source.ephemeralDirectory.map { $0 + "/streams" } ?? folder, maximumSize: Int(clamping: bytes),
      maximumFiles: Int(clamping: count))
    return stream
  }

  private func leaf(_ name: String, of node: ConfigurationTree.Node) -> ConfigurationTree.Node? {
    node.children.first { tree.schema[$0.id].name.name == name }
  }
}
