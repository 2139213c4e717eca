/// The path of a rule: names from the root on, with some, all or no keys (protocol part 08, section 8.6).
struct RulePath: Hashable, Sendable {
  struct Name: Hashable, Sendable {
    var prefix: String?
    var name: String
  }

  struct Key: Hashable, Sendable {
    /// Nil: the value of an entry of a leaf-list (`.`).
    var name: Name?
    var value: String
  }

  struct Step: Hashable, Sendable {
    var name: Name
    var keys: [Key] = []
  }

  /// Empty: everything.
  var steps: [Step] = []
  /// It ended in `/*`: what is below, and not the node itself.
  var isBelowOnly = false

  /// Everything.
  init() {}

  /// - Parameter user: stands where the text says `$USER`.
  /// - Returns: nil when the text is no such path.
  init?(_ text: String, user: String) {
    var reader = Reader(text, user)
    reader.skipBlanks()
    guard reader.take("/") else { return nil }
    reader.skipBlanks()
    guard !reader.isAtEnd else { return }
    while true {
      if reader.take("*") {
        isBelowOnly = true
        reader.skipBlanks()
        guard reader.isAtEnd else { return nil }
        return
      }
      guard let name = reader.name() else { return nil }
      var step = Step(name: name)
      reader.skipBlanks()
      while reader.take("[") {
        guard let key = reader.key() else { return nil }
        step.keys.append(key)
        reader.skipBlanks()
      }
      steps.append(step)
      if reader.isAtEnd { return }
      guard reader.take("/") else { return nil }
      reader.skipBlanks()
    }
  }

  private struct Reader {
    private let characters: [Character]
    private let user: String
    private var next = 0

    init(_ text: String, _ user: String) {
      characters = Array(text)
      self.user = user
    }

    var isAtEnd: Bool { next == characters.count }

    mutating func skipBlanks() {
      while next < characters.count, characters[next].isWhitespace { next += 1 }
    }

    mutating func take(_ character: Character) -> Bool {
      guard next < characters.count, characters[next] == character else { return false }
      next += 1
      return true
    }

    private mutating func word() -> String? {
      let start = next
      while next < characters.count, characters[next].isLetter || characters[next].isNumber || "_-.".contains(characters[next])
      {
        next += 1
      }
      return start == next ? nil : String(characters[start..<next])
    }

    mutating func name() -> Name? {
      guard let first = word() else { return nil }
      guard take(":") else { return Name(prefix: nil, name: first) }
      return word().map { Name(prefix: first, name: $0) }
    }

    /// After the bracket: `name = 'value'`, `. = "value"`, `name = $USER`.
    mutating func key() -> Key? {
      skipBlanks()
      var isValue = false
      var name: Name?
      if next < characters.count, characters[next] == "." {
        next += 1
        isValue = true
      } else {
        name = self.name()
      }
      guard isValue || name != nil else { return nil }
      skipBlanks()
      guard take("=") else { return nil }
      skipBlanks()
      guard let value = literal() else { return nil }
      skipBlanks()
      return take("]") ? Key(name: name, value: value) : nil
    }

    private mutating func literal() -> String? {
      guard next < characters.count else { return nil }
      let quote = characters[next]
      if quote == "'" || quote == "\"" {
        guard let end = characters[(next + 1)...].firstIndex(of: quote) else { return nil }
        let text = String(characters[(next + 1)..<end])
        next = end + 1
        // What the user is called is put in after the path was taken apart: no name can change what the path means.
        var parts: [Substring] = []
        var rest = text[...]
        while let range = rest.firstRange(of: "$USER") {
          parts.append(rest[..<range.lowerBound])
          rest = rest[range.upperBound...]
        }
        return (parts + [rest]).joined(separator: user)
      }
      guard quote == "$" else { return word() }
      next += 1
      return word() == "USER" ? user : nil
    }
  }
}
