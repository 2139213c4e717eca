import NSOClient
import NSOModel
import NSOWire
import Synchronization

/// Configuration in a file: one `PATH=VALUE` a line. Changes of a transaction are kept with it, and written at its commit.
struct FileStore: ConfigurationData, TransactionHandler {
  /// What one transaction changes.
  private final class Changes: Sendable {
    struct State {
      var isLocked = false
      var data: [String: String] = [:]
    }
    let state = Mutex(State())
  }

  let path: String
  let faults: Faults

  private var data: [String: String] {
    var data: [String: String] = [:]
    for line in (read(path) ?? "").split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      data[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
    }
    return data
  }

  private static func text(_ path: Keypath) -> String {
    path.elements.map { element in
      switch element {
      case .tag(let tag): "/\(tag.name)"
      case .keys(let keys): "{\(keys.map(\.plainText).joined(separator: " "))}"
      case .position(let index): "[\(index)]"
      }
    }.joined()
  }

  private func changes(_ call: ProviderCall) throws -> Changes {
    guard let changes = call.transaction?.attachment as? Changes else {
      throw CallbackError(.internal, "nothing is known of this transaction")
    }
    return changes
  }

  // MARK: Reading

  private func reading(_ call: ProviderCall) async throws {
    if try changes(call).state.withLock({ $0.isLocked }) { try await faults.reach("read") }
  }

  func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
    try await reading(call)
    let text = Self.text(path)
    if path.elements.last == .tag("id"), case .keys(let keys)? = path.elements.dropLast().last {
      return data[String(text.dropLast(3))] == nil ? nil : keys[0]
    }
    return data[text].map { .string($0) }
  }

  func exists(_ path: Keypath, _ call: ProviderCall) async throws -> Bool {
    try await reading(call)
    return data[Self.text(path)] != nil
  }

  func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry] {
    try await reading(call)
    let start = Self.text(list) + "{"
    var first: UInt32 = 0
    if case .uint32(let id)? = place.keys.first { first = place.includesSame ? id : id + 1 }
    let ids = data.keys.filter { $0.hasPrefix(start) && $0.hasSuffix("}") }.compactMap {
      UInt32($0.dropFirst(start.count).dropLast())
    }
    return ids.sorted().filter { $0 >= first }.prefix(limit).map { ListEntry([.uint32($0)]) }
  }

  // MARK: Writing

  func set(_ value: Value, at path: Keypath, _ call: ProviderCall) async throws {
    try changes(call).state.withLock { $0.data[Self.text(path)] = value.plainText }
    try await faults.reach("set")
  }

  func create(_ path: Keypath, _ call: ProviderCall) async throws {
    try changes(call).state.withLock { $0.data[Self.text(path)] = "" }
    try await faults.reach("create")
  }

  func remove(_ path: Keypath, _ call: ProviderCall) async throws {
    let text = Self.text(path)
    try changes(call).state.withLock { state in
      state.data = state.data.filter { $0.key != text && !$0.key.hasPrefix(text + "/") }
    }
    try await faults.reach("remove")
  }

  // MARK: Phases

  private func locks(_ transaction: ProviderTransaction, _ isLocked: Bool) {
    (transaction.attachment as? Changes)?.state.withLock { $0.isLocked = isLocked }
  }

  func begin(_ transaction: ProviderTransaction) async throws {
    transaction.attachment = Changes()
    if transaction.mode == .readWrite { try await faults.reach("begin") }
  }

  func lock(_ transaction: ProviderTransaction) async throws {
    locks(transaction, true)
    try await faults.reach("lock")
  }

  func unlock(_ transaction: ProviderTransaction) async throws { locks(transaction, false) }

  func startWriting(_ transaction: ProviderTransaction) async throws {
    (transaction.attachment as? Changes)?.state.withLock { $0.data = data }
    try await faults.reach("start")
  }

  func prepare(_ transaction: ProviderTransaction) async throws { try await faults.reach("prepare") }

  func commit(_ transaction: ProviderTransaction) async throws {
    try await faults.reach("commit")
    guard let changes = transaction.attachment as? Changes else { return }
    let data = changes.state.withLock { $0.data }
    try replace(path, data.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined())
  }

  func abort(_ transaction: ProviderTransaction) async throws { try await faults.reach("abort") }

  func finish(_ transaction: ProviderTransaction) async {
    guard transaction.mode == .readWrite else { return }
    do { try await faults.reach("finish") } catch { say("finish: \(error)") }
  }
}
