/// Commands from a file or a pipe, one after the other.
public struct CLIScript {
  private enum Input: Sendable {
    case event(CommandLineEvent)
    /// Nil: the end of the script.
    case line(String?)
    case failure(any Error)
  }

  /// What the next line is for.
  private enum Purpose {
    case nothing
    case command
    case answer(Int64, echo: Bool)
    case text(Int64, String)
  }

  private let port: any CommandLinePort
  private let screen: any CommandLineScreen
  /// The first command that fails ends it, with exit code 8.
  private let stopsOnError: Bool
  /// Prompts and commands are shown, as if they were typed.
  private let isEchoed: Bool
  private let input: any CommandLineInput
  private var purpose = Purpose.nothing
  /// The beginning of a command whose line ended with a backslash.
  private var begun = ""
  private let eventPermits = AsyncStream<Void>.makeStream()
  /// Each has a line read: true: an answer, else a command.
  private let lineRequests = AsyncStream<Bool>.makeStream()
  /// Where answers come from; nil: from the script.
  private let answers: (any CommandLineInput)?

  public init(
    _ port: any CommandLinePort, _ screen: any CommandLineScreen, input: any CommandLineInput, stopsOnError: Bool,
    answers: (any CommandLineInput)? = nil, isEchoed: Bool = false
  ) {
    self.port = port
    self.screen = screen
    self.input = input
    self.stopsOnError = stopsOnError
    self.isEchoed = isEchoed
    self.answers = answers
  }

  /// - Returns: the exit code.
  public mutating func run() async throws -> Int32 {
    let inputs = AsyncStream<Input>.makeStream()
    let listening = Task { [port, eventPermits] in
      do {
        for await _ in eventPermits.stream { inputs.continuation.yield(.event(try await port.next())) }
      } catch {
        inputs.continuation.yield(.failure(error))
      }
    }
    let reading = Task { [input, answers, lineRequests] in
      var lines = ScriptLines(input)
      var answerLines = answers.map { ScriptLines($0) }
      do {
        for await isAnswer in lineRequests.stream {
          let line = isAnswer && answerLines != nil ? try await answerLines?.next() : try await lines.next()
          inputs.continuation.yield(.line(line))
        }
      } catch {
        inputs.continuation.yield(.failure(error))
      }
    }
    defer {
      listening.cancel()
      reading.cancel()
    }
    eventPermits.continuation.yield()
    for await input in inputs.stream {
      let code: Int32?
      switch input {
      case .event(let event): code = await take(event)
      case .line(let line): code = try await take(line)
      case .failure(let error): throw error
      }
      if let code {
        await port.finish()
        return code
      }
    }
    return 2
  }

  /// - Returns: the exit code when it is over.
  private mutating func take(_ event: CommandLineEvent) async -> Int32? {
    switch event {
    case .output(let text, _): await screen.show(text)
    case .end(let code): return code
    // The line that was asked for is an answer that comes too late.
    case .cancelled: break
    case .ready(let status, let prompt):
      if status != 0, stopsOnError { return 8 }
      if isEchoed { await screen.show(prompt) }
      want(.command)
    case .prompt(let id, let text, let echo):
      if isEchoed { await screen.show(text) }
      want(.answer(id, echo: echo))
    case .read(let id, _): want(.text(id, ""))
    }
    eventPermits.continuation.yield()
    return nil
  }

  private mutating func want(_ purpose: Purpose) {
    self.purpose = purpose
    if case .command = purpose { lineRequests.continuation.yield(false) } else { lineRequests.continuation.yield(true) }
  }

  private mutating func take(_ line: String?) async throws -> Int32? {
    switch purpose {
    case .nothing: return nil
    case .command:
      guard let line else { return 0 }
      // A line that ends with a backslash goes on in the next one.
      guard !line.hasSuffix("\\") else {
        begun += line.dropLast()
        want(.command)
        return nil
      }
      let command = begun + line
      begun = ""
      purpose = .nothing
      if isEchoed { await screen.show(command + "\n") }
      try await port.execute(command)
    case .answer(let id, let echo):
      purpose = .nothing
      if isEchoed { await screen.show((echo ? line ?? "" : "") + "\n") }
      try await port.answer(id, line)
    case .text(let id, let text):
      guard let line, line != "\u{4}", text.utf8.count < 64 << 20 else {
        purpose = .nothing
        try await port.answer(id, text)
        return nil
      }
      want(.text(id, text + line + "\n"))
    }
    return nil
  }
}

/// The lines of a file that is read as far as they are needed.
struct ScriptLines {
  private let input: any CommandLineInput
  private var buffer: [UInt8] = []
  private var offset = 0
  private var isAtEnd = false

  init(_ input: any CommandLineInput) { self.input = input }

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
      guard buffer.count < 64 << 20 else { throw CommandLineFault("\(input.name): a line is longer than 64 MiB") }
      if let chunk = try await input.nextBytes() { buffer += chunk } else { isAtEnd = true }
    }
  }

  private func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, as: UTF8.self)
  }
}
