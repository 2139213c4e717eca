/// A regular expression of XML Schema (W3C XML Schema part 2, appendix F), for `re-match` (RFC 7950, section 10.2.1).
///
/// It runs as an automaton over all states at once: time grows with the text, whatever the expression, so that a text
/// cannot make it hang.
struct XSDPattern: Sendable {
  enum Instruction: Sendable {
    /// One character of class `classes[n]`, then the next instruction.
    case character(Int)
    /// Go on at both places.
    case fork(Int, Int)
    case jump(Int)
    case accept
  }

  /// What is wrong with an expression.
  struct Failure: Error {
    var message: String
  }

  /// Bound on the size of the automaton; `{n,m}` multiplies.
  static let instructionLimit = 20_000

  let program: [Instruction]
  let classes: [CharacterClass]

  init(_ expression: String) throws(Failure) {
    var parser = PatternParser(expression)
    (program, classes) = try parser.program()
  }

  /// Whether the whole text matches. `charge` is told of the work done, one for about 64 elementary moves, and may
  /// throw to stop it.
  func matches(_ text: String, charge: (Int) throws -> Void = { _ in }) rethrows -> Bool {
    var current = StateSet(count: program.count)
    var next = StateSet(count: program.count)
    var stack: [Int] = []
    add(0, to: &current, &stack)
    for scalar in text.unicodeScalars {
      if current.members.isEmpty { return false }
      try charge(1 + current.members.count / 64)
      next.clear()
      for state in current.members {
        if case .character(let number) = program[state], classes[number].contains(scalar) { add(state + 1, to: &next, &stack) }
      }
      swap(&current, &next)
    }
    return current.members.contains { if case .accept = program[$0] { true } else { false } }
  }

  /// Adds a state and those it reaches without a character.
  private func add(_ state: Int, to set: inout StateSet, _ stack: inout [Int]) {
    stack.append(state)
    while let state = stack.popLast() {
      guard set.insert(state) else { continue }
      switch program[state] {
      case .fork(let a, let b):
        stack.append(b)
        stack.append(a)
      case .jump(let target): stack.append(target)
      case .character, .accept: break
      }
    }
  }

  /// States without duplicates; clearing costs only what is in it.
  private struct StateSet {
    var members: [Int] = []
    private var present: [Bool]

    init(count: Int) { present = Array(repeating: false, count: count) }

    mutating func insert(_ state: Int) -> Bool {
      guard !present[state] else { return false }
      present[state] = true
      members.append(state)
      return true
    }

    mutating func clear() {
      for state in members { present[state] = false }
      members.removeAll(keepingCapacity: true)
    }
  }
}
