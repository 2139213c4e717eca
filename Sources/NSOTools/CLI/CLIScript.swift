import NIOCore

/// Commands from a file or a pipe, one after the other.
struct CLIScript {
  let link: CLILink
  let settings: CLIToolSettings
  /// Prompts and commands are shown, as if they were typed.
  let isEchoed: Bool
  private var lines: ScriptLines

  init(link: CLILink, settings: CLIToolSettings, isEchoed: Bool, input: InputFile) {
    self.link = link
    self.settings = settings
    self.isEchoed = isEchoed
    lines = ScriptLines(input)
  }

  mutating func run() async throws -> Int32 {
    while true {
      switch try await link.next() {
      case .output(let text, _): link.show(text)
      case .end(let code): return code
      case .cancelled: break
      case .ready(let status, let prompt):
        if status != 0, settings.stopsOnError { return 8 }
        // A line that ends with a backslash goes on in the next one.
        guard var line = try await lines.next() else { return 0 }
        while line.hasSuffix("\\"), let more = try await lines.next() { line = line.dropLast() + more }
        if isEchoed { link.show(prompt + line + "\n") }
        try await link.commands.execute(line)
      case .prompt(let id, let text, let echo):
        let line = try await lines.next()
        if isEchoed { link.show(text + (echo ? line ?? "" : "") + "\n") }
        try await link.answer(id, line)
      case .read(let id, _):
        var text = ""
        while let line = try await lines.next(), line != "\u{4}" { text += line + "\n" }
        try await link.answer(id, text)
      }
    }
  }
}

/// The lines of a file that is read as far as they are needed.
struct ScriptLines {
  private let input: InputFile
  private var buffer: [UInt8] = []
  private var offset = 0
  private var isAtEnd = false

  init(_ input: InputFile) { self.input = input }

  /// Nil at the end.
  mutating func next() async throws -> String? {
    while true {
      if let end = buffer[offset...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { offset = end + 1 }
        return text(buffer[offset..<end])
      }
      guard !isAtEnd else {
        guard offset < buffer.count else { return nil }
        defer { offset = buffer.count }
        return text(buffer[offset...])
      }
      buffer.removeFirst(offset)
      offset = 0
      guard buffer.count < 64 << 20 else { throw ToolError("\(input.name): a line is longer than 64 MiB") }
      if let chunk = try await input.read() { buffer += chunk.readableBytesView } else { isAtEnd = true }
    }
  }

  private func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, as: UTF8.self)
  }
}
