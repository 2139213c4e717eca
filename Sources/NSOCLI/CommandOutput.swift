import NSOEngine
import NSOModel

/// The output of one command on its way: through the pipes, to the terminal or into a file of the user's. Holds no more than a piece of it.
/// Used by one task.
final class CommandOutput {
  private let terminal: Terminal
  private var filters: [LineFilter]
  private let isPaged: Bool
  private let file: (path: String, isAppended: Bool)?
  private var hasOpenedFile = false
  /// The beginning of a line whose end has not come.
  private var partial: [UInt8] = []
  private var ready: [UInt8] = []
  private static let size = 32 << 10

  init(_ terminal: Terminal, _ filters: [LineFilter] = [], isPaged: Bool, file: (path: String, isAppended: Bool)? = nil) {
    self.terminal = terminal
    self.filters = filters
    self.isPaged = isPaged
    self.file = file
  }

  /// No pipe wants to see more.
  var isOver: Bool { filters.contains { $0.isOver } }

  func write(_ text: String) { write(Array(text.utf8)) }

  func line(_ text: String) { write(text + "\n") }

  func write(_ bytes: some Sequence<UInt8>) {
    guard !filters.isEmpty else {
      ready += bytes
      return
    }
    for byte in bytes {
      guard byte == UInt8(ascii: "\n") else {
        partial.append(byte)
        continue
      }
      pass(String(decoding: partial, as: UTF8.self), 0)
      partial.removeAll(keepingCapacity: true)
    }
  }

  private func pass(_ line: String, _ index: Int) {
    guard index < filters.count else {
      ready += Array(line.utf8)
      ready.append(UInt8(ascii: "\n"))
      return
    }
    for line in filters[index].take(line) { pass(line, index + 1) }
  }

  /// Sends what has come together, if it is enough to be worth it.
  nonisolated(nonsending) func flush(all: Bool = false) async throws(NSOError) {
    while ready.count >= Self.size || (all && !ready.isEmpty) {
      var count = min(ready.count, Self.size)
      // Not in the middle of a character.
      while count < ready.count, count > 1, ready[count] & 0xC0 == 0x80 { count -= 1 }
      let text = String(decoding: ready[..<count], as: UTF8.self)
      ready.removeFirst(count)
      try await send(text)
    }
  }

  private nonisolated(nonsending) func send(_ text: String) async throws(NSOError) {
    guard file != nil else { return try await terminal.send(.output(text, isPaged: isPaged)) }
    try await openFile()
    try await terminal.send(.fileData(text))
  }

  private nonisolated(nonsending) func openFile() async throws(NSOError) {
    guard let file, !hasOpenedFile else { return }
    hasOpenedFile = true
    try await terminal.send(.writeFile(path: file.path, isAppended: file.isAppended))
  }

  /// The end of the command: what pipes say last, and the file.
  nonisolated(nonsending) func finish() async throws {
    if !partial.isEmpty { write("\n") }
    for index in filters.indices {
      for line in filters[index].end() { pass(line, index + 1) }
    }
    try await flush(all: true)
    guard let file else { return }
    try await openFile()
    let fault = try await terminal.asking { $0.endFile($1) }
    guard fault.isEmpty else { throw CommandFailure(text: "Error: \(file.path): \(fault)") }
  }
}
