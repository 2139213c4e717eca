/// A pipe that works on lines (protocol part 08, section 9.7).
struct LineFilter {
  enum Kind {
    case include(LinePattern, context: Int)
    case exclude(LinePattern)
    case begin(LinePattern)
    case until(LinePattern)
    case count
    case number
  }

  private let kind: Kind
  private var seen = 0
  private var isOpen = false
  /// With context: lines in front that may still be wanted, and how many behind are.
  private var before: [String] = []
  private var after = 0

  /// Nothing that comes is looked at any more.
  private(set) var isOver = false

  init(_ kind: Kind) { self.kind = kind }

  mutating func take(_ line: String) -> [String] {
    guard !isOver else { return [] }
    seen += 1
    switch kind {
    case .include(let pattern, let context):
      guard context > 0 else { return pattern.isFound(in: line) ? [line] : [] }
      if pattern.isFound(in: line) {
        defer { before = [] }
        after = context
        let first = seen - before.count
        return before.enumerated().map { "\(first + $0.offset)-\($0.element)" } + ["\(seen):\(line)"]
      }
      if after > 0 {
        after -= 1
        return ["\(seen)-\(line)"]
      }
      before.append(line)
      if before.count > context { before.removeFirst() }
      return []
    case .exclude(let pattern): return pattern.isFound(in: line) ? [] : [line]
    case .begin(let pattern):
      if !isOpen { isOpen = pattern.isFound(in: line) }
      return isOpen ? [line] : []
    case .until(let pattern):
      isOver = pattern.isFound(in: line)
      return [line]
    case .count: return []
    case .number: return ["\(seen): \(line)"]
    }
  }

  /// What is to be said after the last line.
  func end() -> [String] {
    if case .count = kind { return ["Count: \(seen) lines"] }
    return []
  }
}
