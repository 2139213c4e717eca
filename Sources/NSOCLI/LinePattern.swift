/// A regular expression for lines (protocol part 08, section 9.7): `.` `^` `$` `[...]` `[^...]` `|` `+` `*` `?` `( )`, a backslash in front
/// of any of them. The time to look at a line follows its length, whatever the expression.
struct LinePattern: Sendable {
  private enum Step: Sendable {
    case character(Character)
    case any
    case set([ClosedRange<Character>], isNegated: Bool)
    case start, end
    case split(Int, Int)
    case jump(Int)
    case found
  }

  struct Fault: Error {
    var message: String
  }

  private var steps: [Step] = []
  private static let limit = 10_000

  init(_ text: String) throws(Fault) {
    var parser = Parser(rest: Array(text))
    let tree = try parser.alternatives(depth: 0)
    guard parser.index == parser.rest.count else { throw Fault(message: "a ) has no (") }
    try add(tree)
    steps.append(.found)
  }

  /// Whether it is found somewhere in a line.
  func isFound(in line: some StringProtocol) -> Bool {
    let characters = Array(line)
    var current = StateSet(count: steps.count)
    var next = StateSet(count: steps.count)
    for index in 0...characters.count {
      if follow(0, &current, index, characters.count) { return true }
      guard index < characters.count else { return false }
      next.removeAll()
      for state in current.list {
        let fits: Bool =
          switch steps[state] {
          case .character(let wanted): wanted == characters[index]
          case .any: true
          case .set(let ranges, let isNegated): ranges.contains { $0.contains(characters[index]) } != isNegated
          default: false
          }
        if fits, follow(state + 1, &next, index + 1, characters.count) { return true }
      }
      swap(&current, &next)
    }
    return false
  }

  private struct StateSet {
    var list: [Int] = []
    var isIn: [Bool]

    init(count: Int) { isIn = Array(repeating: false, count: count) }

    mutating func removeAll() {
      for state in list { isIn[state] = false }
      list.removeAll(keepingCapacity: true)
    }
  }

  /// Adds a state with all that need no character. True: the end is among them.
  private func follow(_ start: Int, _ states: inout StateSet, _ index: Int, _ count: Int) -> Bool {
    var open = [start]
    while let state = open.popLast() {
      guard !states.isIn[state] else { continue }
      states.isIn[state] = true
      states.list.append(state)
      switch steps[state] {
      case .found: return true
      case .jump(let target): open.append(target)
      case .split(let first, let second): open += [first, second]
      case .start: if index == 0 { open.append(state + 1) }
      case .end: if index == count { open.append(state + 1) }
      case .character, .any, .set: break
      }
    }
    return false
  }

  // MARK: Compiling

  private indirect enum Tree {
    case nothing
    case step(Step)
    case sequence([Tree])
    case either(Tree, Tree)
    case repeated(Tree, atLeastOnce: Bool, atMostOnce: Bool)
  }

  private mutating func add(_ tree: Tree) throws(Fault) {
    guard steps.count < Self.limit else { throw Fault(message: "the expression is too long") }
    switch tree {
    case .nothing: break
    case .step(let step): steps.append(step)
    case .sequence(let trees): for tree in trees { try add(tree) }
    case .either(let first, let second):
      let split = steps.count
      steps.append(.jump(0))
      try add(first)
      let jump = steps.count
      steps.append(.jump(0))
      steps[split] = .split(split + 1, steps.count)
      try add(second)
      steps[jump] = .jump(steps.count)
    case .repeated(let inner, let atLeastOnce, let atMostOnce):
      if atLeastOnce {
        let start = steps.count
        try add(inner)
        steps.append(.split(start, steps.count + 1))
      } else {
        let split = steps.count
        steps.append(.jump(0))
        try add(inner)
        if !atMostOnce { steps.append(.jump(split)) }
        steps[split] = .split(split + 1, steps.count)
      }
    }
  }

  private struct Parser {
    let rest: [Character]
    var index = 0

    mutating func alternatives(depth: Int) throws(Fault) -> Tree {
      guard depth < 50 else { throw Fault(message: "too many ( are open") }
      var tree = try sequence(depth)
      while index < rest.count, rest[index] == "|" {
        index += 1
        tree = .either(tree, try sequence(depth))
      }
      return tree
    }

    private mutating func sequence(_ depth: Int) throws(Fault) -> Tree {
      var trees: [Tree] = []
      while index < rest.count, rest[index] != "|", rest[index] != ")" {
        var piece = try piece(depth)
        while index < rest.count, "*+?".contains(rest[index]) {
          piece = .repeated(piece, atLeastOnce: rest[index] == "+", atMostOnce: rest[index] == "?")
          index += 1
        }
        trees.append(piece)
      }
      return .sequence(trees)
    }

    private mutating func piece(_ depth: Int) throws(Fault) -> Tree {
      let character = rest[index]
      index += 1
      switch character {
      case ".": return .step(.any)
      case "^": return .step(.start)
      case "$": return .step(.end)
      case "[": return .step(try set())
      case "(":
        let inner = try alternatives(depth: depth + 1)
        guard index < rest.count, rest[index] == ")" else { throw Fault(message: "a ( is not closed") }
        index += 1
        return inner
      case "*", "+", "?": throw Fault(message: "\(character) stands where there is nothing to repeat")
      case "\\":
        guard index < rest.count else { throw Fault(message: "a backslash stands at the end") }
        index += 1
        return .step(.character(rest[index - 1]))
      default: return .step(.character(character))
      }
    }

    private mutating func set() throws(Fault) -> Step {
      var ranges: [ClosedRange<Character>] = []
      let isNegated = index < rest.count && rest[index] == "^"
      if isNegated { index += 1 }
      let first = index
      while index < rest.count, rest[index] != "]" || index == first {
        let low = rest[index]
        if index + 2 < rest.count, rest[index + 1] == "-", rest[index + 2] != "]" {
          guard low <= rest[index + 2] else { throw Fault(message: "\(low)-\(rest[index + 2]) is no range") }
          ranges.append(low...rest[index + 2])
          index += 3
        } else {
          ranges.append(low...low)
          index += 1
        }
      }
      guard index < rest.count else { throw Fault(message: "a [ is not closed") }
      index += 1
      return .set(ranges, isNegated: isNegated)
    }
  }
}
