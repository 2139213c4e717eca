import NSOModel
import Synchronization

/// How far a long piece of work is. Written by the worker, shown by ``withProgress(on:_:)``.
final class Progress: Sendable {
  struct State: Sendable {
    /// What is being done, for example "loading all.xml".
    var label = ""
    /// Bytes so far.
    var done: Int64 = 0
    /// Bytes in all, where that is known.
    var total: Int64?
  }

  private let state = Mutex(State())

  var current: State { state.withLock { $0 } }

  /// A new piece of work begins.
  func begin(_ label: String, total: Int64? = nil) {
    state.withLock { $0 = State(label: label, done: 0, total: total) }
  }

  func advance(by count: Int) {
    state.withLock { $0.done &+= Int64(count) }
  }
}

/// Runs `work`; when it takes longer than `delay` and `terminal` is given, a line on the terminal shows how far it is, and
/// disappears at the end.
func withProgress<Result: Sendable>(
  on terminal: Terminal?, after delay: Duration = .seconds(1), _ work: @escaping @Sendable (Progress) async throws -> Result
) async throws -> Result {
  let progress = Progress()
  guard let terminal else { return try await work(progress) }
  return try await withThrowingTaskGroup(of: Result?.self) { group in
    group.addTask { try await work(progress) }
    group.addTask {
      await show(progress, on: terminal, after: delay)
      return nil
    }
    defer { group.cancelAll() }
    while let result = try await group.next() {
      if let result { return result }
    }
    throw CancellationError()
  }
}

private func show(_ progress: Progress, on terminal: Terminal, after delay: Duration) async {
  let clock = ContinuousClock()
  let start = clock.now
  var shown = false
  var step = 0
  // A cancelled sleep is how the work tells that it is done.
  while (try? await clock.sleep(for: shown ? .milliseconds(100) : delay)) != nil {
    shown = true
    step += 1
    let line = ProgressLine(state: progress.current, elapsed: clock.now - start, step: step)
    terminal.write("\r" + line.text(width: terminal.width) + Terminal.clearToEndOfLine)
  }
  if shown { terminal.write("\r" + Terminal.clearToEndOfLine) }
}

/// The looks of a progress line.
struct ProgressLine {
  var state: Progress.State
  var elapsed: Duration
  /// Counts the redraws; moves the marker of work without a known end.
  var step: Int

  func text(width: Int) -> String {
    let seconds = elapsed.components.seconds
    let time = "\(seconds / 60):" + (seconds % 60 < 10 ? "0" : "") + "\(seconds % 60)"
    var tail = state.done > 0 ? " \(Self.size(state.done))" : ""
    var fraction: Double?
    if let total = state.total, total > 0 {
      let part = min(1, Double(state.done) / Double(total))
      fraction = part
      tail = " \(Int(part * 100))% of \(Self.size(total))"
    }
    tail += " " + time
    let room = width - 1 - state.label.count - tail.count - 3
    guard room >= 8 else { return String((state.label + tail).prefix(max(0, width - 1))) }
    let cells = min(room, 40)
    var bar = Array(repeating: Character(" "), count: cells)
    if let fraction {
      for cell in 0..<Int(Double(cells) * fraction) { bar[cell] = "#" }
    } else {
      for offset in 0..<3 { bar[(step + offset) % cells] = "#" }
    }
    return state.label + " [" + String(bar) + "]" + tail
  }

  /// `1.5 MiB`: at most one decimal.
  static func size(_ bytes: Int64) -> String {
    var amount = Double(bytes)
    var unit = "B"
    for next in ["KiB", "MiB", "GiB", "TiB"] where amount >= 1024 {
      amount /= 1024
      unit = next
    }
    if unit == "B" { return "\(bytes) B" }
    let tenths = Int64(amount * 10)
    return tenths % 10 == 0 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
  }
}
