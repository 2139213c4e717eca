/// Parses a regular expression of XML Schema and lays it out as an automaton.
struct PatternParser {
  typealias Failure = XSDPattern.Failure

  private indirect enum Node {
    case character(CharacterClass)
    case sequence([Node])
    case choice([Node])
    /// `most` nil: without bound.
    case repeated(Node, least: Int, most: Int?)
  }

  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var depth = 0
  private var instructions: [XSDPattern.Instruction] = []
  private var classes: [CharacterClass] = []

  init(_ expression: String) { scalars = Array(expression.unicodeScalars) }

  mutating func program() throws(Failure) -> ([XSDPattern.Instruction], [CharacterClass]) {
    let node = try choice()
    guard position == scalars.count else { throw Failure(message: "\")\" without \"(\"") }
    try emit(node)
    try append(.accept)
    return (instructions, classes)
  }

  // MARK: Grammar

  private var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private mutating func take() -> Unicode.Scalar? {
    defer { position += 1 }
    return peek
  }

  private mutating func accept(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == scalar else { return false }
    position += 1
    return true
  }

  private mutating func choice() throws(Failure) -> Node {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 100 else { throw Failure(message: "nested too deeply") }
    var branches = [try sequence()]
    while accept("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence() throws(Failure) -> Node {
    var parts: [Node] = []
    while let next = peek, next != "|", next != ")" {
      let atom = try atom()
      parts.append(try quantified(atom))
    }
    return parts.count == 1 ? parts[0] : .sequence(parts)
  }

  private mutating func quantified(_ atom: Node) throws(Failure) -> Node {
    switch peek {
    case "?":
      position += 1
      return .repeated(atom, least: 0, most: 1)
    case "*":
      position += 1
      return .repeated(atom, least: 0, most: nil)
    case "+":
      position += 1
      return .repeated(atom, least: 1, most: nil)
    case "{":
      position += 1
      guard let least = number() else { throw Failure(message: "a number must follow \"{\"") }
      var most: Int? = least
      if accept(",") { most = number() }
      guard accept("}") else { throw Failure(message: "\"{\" without \"}\"") }
      if let most, most < least { throw Failure(message: "{\(least),\(most)} ends before it begins") }
      return .repeated(atom, least: least, most: most)
    default: return atom
    }
  }

  /// Digits; a count beyond the limit of the automaton comes out as just beyond it.
  private mutating func number() -> Int? {
    var result: Int?
    while let next = peek, ("0"..."9").contains(next) {
      position += 1
      result = min((result ?? 0) * 10 + Int(next.value - 0x30), XSDPattern.instructionLimit + 1)
    }
    return result
  }

  private mutating func atom() throws(Failure) -> Node {
    guard let next = take() else { return .sequence([]) }
    switch next {
    case "(":
      let inner = try choice()
      guard accept(")") else { throw Failure(message: "\"(\" without \")\"") }
      return inner
    case "[": return .character(try bracket())
    case ".": return .character(.anyButNewline)
    case "\\": return .character(try escape())
    case "?", "*", "+", "{", "}", "]": throw Failure(message: "\"\(next)\" must be written \"\\\(next)\"")
    default: return .character(.one(next))
    }
  }

  /// What follows a backslash.
  private mutating func escape() throws(Failure) -> CharacterClass {
    guard let next = take() else { throw Failure(message: "nothing follows \"\\\"") }
    switch next {
    case "n": return .one("\n")
    case "r": return .one("\r")
    case "t": return .one("\t")
    case "\\", "|", ".", "?", "*", "+", "(", ")", "{", "}", "-", "[", "]", "^", "$": return .one(next)
    case "s": return .space
    case "S": return .not(.space)
    case "i": return .nameStart
    case "I": return .not(.nameStart)
    case "c": return .namePart
    case "C": return .not(.namePart)
    case "d": return .digit
    case "D": return .not(.digit)
    case "w": return .word
    case "W": return .not(.word)
    case "p", "P":
      var name = ""
      guard accept("{") else { throw Failure(message: "\"{\" must follow \"\\\(next)\"") }
      while let letter = take(), letter != "}" { name.unicodeScalars.append(letter) }
      guard let property = CharacterClass.property(name) else { throw Failure(message: "no property \"\(name)\"") }
      return next == "p" ? property : .not(property)
    default: throw Failure(message: "unknown escape \"\\\(next)\"")
    }
  }

  /// What follows `[`, through `]`.
  private mutating func bracket() throws(Failure) -> CharacterClass {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 100 else { throw Failure(message: "nested too deeply") }
    let isNegated = accept("^")
    var parts: [CharacterClass] = []
    var excluded: CharacterClass?
    while true {
      guard let next = take() else { throw Failure(message: "\"[\" without \"]\"") }
      if next == "]" {
        guard !parts.isEmpty else { throw Failure(message: "empty \"[]\"") }
        break
      }
      if next == "-", peek == "[", !parts.isEmpty {
        position += 1
        excluded = try bracket()
        guard accept("]") else { throw Failure(message: "\"]\" must follow what is subtracted") }
        break
      }
      if next == "[" { throw Failure(message: "\"[\" must be written \"\\[\"") }
      parts.append(try range(from: next == "\\" ? try escape() : .one(next)))
    }
    var result: CharacterClass = parts.count == 1 ? parts[0] : .union(parts)
    if isNegated { result = .not(result) }
    if let excluded { result = .difference(result, excluded) }
    return result
  }

  /// `first`, or `first-last`.
  private mutating func range(from first: CharacterClass) throws(Failure) -> CharacterClass {
    guard peek == "-", position + 1 < scalars.count, scalars[position + 1] != "]", scalars[position + 1] != "[",
      case .range(let low) = first, low.count == 1
    else { return first }
    position += 1
    guard let next = take() else { throw Failure(message: "\"[\" without \"]\"") }
    guard case .range(let high) = next == "\\" ? try escape() : .one(next), high.count == 1 else {
      throw Failure(message: "a range must end with a character")
    }
    guard low.lowerBound <= high.upperBound else { throw Failure(message: "a range ends before it begins") }
    return .range(low.lowerBound...high.upperBound)
  }

  // MARK: Automaton

  private mutating func append(_ instruction: XSDPattern.Instruction) throws(Failure) {
    guard instructions.count < XSDPattern.instructionLimit else { throw Failure(message: "too large") }
    instructions.append(instruction)
  }

  private mutating func emit(_ node: Node) throws(Failure) {
    switch node {
    case .character(let set):
      try append(.character(classes.count))
      classes.append(set)
    case .sequence(let parts):
      for part in parts { try emit(part) }
    case .choice(let branches):
      var ends: [Int] = []
      for branch in branches.dropLast() {
        let fork = instructions.count
        try append(.fork(fork + 1, 0))
        try emit(branch)
        ends.append(instructions.count)
        try append(.jump(0))
        instructions[fork] = .fork(fork + 1, instructions.count)
      }
      if let last = branches.last { try emit(last) }
      for end in ends { instructions[end] = .jump(instructions.count) }
    case .repeated(let inner, let least, let most):
      for _ in 0..<least { try emitCopy(inner) }
      if let most {
        var forks: [Int] = []
        for _ in least..<most {
          forks.append(instructions.count)
          try append(.fork(instructions.count + 1, 0))
          try emitCopy(inner)
        }
        for fork in forks { instructions[fork] = .fork(fork + 1, instructions.count) }
      } else {
        let fork = instructions.count
        try append(.fork(fork + 1, 0))
        try emit(inner)
        try append(.jump(fork))
        instructions[fork] = .fork(fork + 1, instructions.count)
      }
    }
  }

  /// One of several copies: one that makes no instructions need not be made again and again.
  private mutating func emitCopy(_ node: Node) throws(Failure) {
    let before = instructions.count
    try emit(node)
    if instructions.count == before { try append(.jump(before + 1)) }
  }
}
