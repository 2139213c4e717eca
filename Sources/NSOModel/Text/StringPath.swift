/// The syntax of a string path such as `/ex:net/route{10.0.0.0/8 "a b"}/gw` (protocol part 02, section 5.5), without any meaning of
/// its names.
///
/// Elements are names with or without prefix. Keys stand in braces, separated by blanks; a key with blanks, quotes or braces stands
/// in double quotes with `\"` and `\\` inside. `[n]` is a position, `[name='value']` a key by name, both as in XPath.
public struct StringPath: Hashable, Sendable {
  public struct Step: Hashable, Sendable {
    /// Nil without a prefix.
    public var prefix: String?
    /// The local name; `.` and `..` as in a shell.
    public var name: String
    public var keys: Keys

    public init(prefix: String? = nil, _ name: String, _ keys: Keys = .none) {
      self.prefix = prefix
      self.name = name
      self.keys = keys
    }
  }

  public enum Keys: Hashable, Sendable {
    case none
    /// In the order of the schema.
    case listed([String])
    /// Names without their prefixes.
    case named([NamedKey])
    /// From 0.
    case position(Int)
  }

  public struct NamedKey: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  public var isAbsolute: Bool
  public var steps: [Step]

  /// - Throws: BADPATH that says what is wrong with the text.
  public init(_ text: String) throws(NSOError) {
    var parser = Parser(text)
    self = try parser.parse()
  }

  fileprivate init(isAbsolute: Bool, steps: [Step]) {
    self.isAbsolute = isAbsolute
    self.steps = steps
  }

  /// A key as it stands between braces: in quotes where it needs them.
  public static func quoted(key text: String) -> String {
    let needsQuotes =
      text.isEmpty || text == "*"
      || text.utf8.contains { byte in
        byte <= 32 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}")
          || byte == UInt8(ascii: "\\")
      }
    guard needsQuotes else { return text }
    var quoted = "\""
    for character in text {
      if character == "\"" || character == "\\" { quoted.append("\\") }
      quoted.append(character)
    }
    return quoted + "\""
  }
}

private struct Parser {
  private let text: String
  private let characters: [Character]
  private var index = 0

  init(_ text: String) {
    self.text = text
    characters = Array(text)
  }

  private var peek: Character? { index < characters.count ? characters[index] : nil }

  private mutating func skipBlanks() { while let character = peek, character.isWhitespace { index += 1 } }

  private func fail(_ reason: String) -> NSOError { NSOError(.badPath, "path \(text): \(reason)") }

  mutating func parse() throws(NSOError) -> StringPath {
    skipBlanks()
    let isAbsolute = peek == "/"
    var steps: [StringPath.Step] = []
    while true {
      skipBlanks()
      guard let character = peek else { break }
      if character == "/" {
        index += 1
      } else {
        steps.append(try step())
      }
    }
    return StringPath(isAbsolute: isAbsolute, steps: steps)
  }

  private mutating func step() throws(NSOError) -> StringPath.Step {
    let start = index
    while let character = peek, character != "/", character != "{", character != "[" { index += 1 }
    var name = characters[start..<index]
    while name.last?.isWhitespace == true { name.removeLast() }
    guard !name.isEmpty else { throw fail("keys without the name of a list in front of them") }
    let keys = try keys(of: String(name))
    guard let colon = name.firstIndex(of: ":") else { return StringPath.Step(String(name), keys) }
    let prefix = String(name[..<colon])
    let local = String(name[(colon + 1)...])
    guard !prefix.isEmpty, !local.isEmpty else { throw fail("\"\(String(name))\" is no name") }
    return StringPath.Step(prefix: prefix, local, keys)
  }

  private mutating func keys(of name: String) throws(NSOError) -> StringPath.Keys {
    skipBlanks()
    switch peek {
    case "{": return .listed(try braces(name))
    case "[": return try brackets(name)
    case nil, "/": return .none
    default: throw fail("\"\(characters[index])\" after \(name)")
    }
  }

  private mutating func braces(_ name: String) throws(NSOError) -> [String] {
    index += 1
    var keys: [String] = []
    while true {
      skipBlanks()
      switch peek {
      case nil: throw fail("the brace after \(name) is not closed")
      case "}":
        index += 1
        try expectEnd(name)
        return keys
      case "\"": keys.append(try quoted())
      default: keys.append(bare())
      }
    }
  }

  private mutating func expectEnd(_ name: String) throws(NSOError) {
    skipBlanks()
    guard peek == nil || peek == "/" else { throw fail("a slash is missing after the keys of \(name)") }
  }

  private mutating func brackets(_ name: String) throws(NSOError) -> StringPath.Keys {
    var named: [StringPath.NamedKey] = []
    while peek == "[" {
      index += 1
      skipBlanks()
      let start = index
      while let character = peek, character != "]", character != "=" { index += 1 }
      var subject = characters[start..<index]
      while subject.last?.isWhitespace == true { subject.removeLast() }
      if peek == "]" {
        index += 1
        guard named.isEmpty, let position = Int(String(subject)), position >= 0 else {
          throw fail("[\(String(subject))] is neither a position nor a key with its value")
        }
        try expectEnd(name)
        return .position(position)
      }
      guard peek == "=" else { throw fail("the bracket after \(name) is not closed") }
      index += 1
      let key = String(subject.split(separator: ":").last ?? subject)
      guard !named.contains(where: { $0.name == key }) else { throw fail("the key \(key) is given twice") }
      named.append(.init(key, try predicateValue(key)))
      skipBlanks()
    }
    try expectEnd(name)
    return .named(named)
  }

  /// `'value']`
  private mutating func predicateValue(_ key: String) throws(NSOError) -> String {
    skipBlanks()
    guard let quote = peek, quote == "'" || quote == "\"" else { throw fail("the value of the key \(key) is not quoted") }
    index += 1
    let start = index
    while let character = peek, character != quote { index += 1 }
    guard peek == quote else { throw fail("the quote after [\(key)= is not closed") }
    let value = String(characters[start..<index])
    index += 1
    skipBlanks()
    guard peek == "]" else { throw fail("a \"]\" is missing after the value of \(key)") }
    index += 1
    return value
  }

  private mutating func quoted() throws(NSOError) -> String {
    index += 1
    var key = ""
    while let character = peek {
      index += 1
      if character == "\"" { return key }
      if character == "\\", let next = peek {
        key.append(next)
        index += 1
      } else {
        key.append(character)
      }
    }
    throw fail("a quote in the keys is not closed")
  }

  private mutating func bare() -> String {
    var key = ""
    while let character = peek, character != "}", !character.isWhitespace {
      if character == "\\", index + 1 < characters.count { index += 1 }
      key.append(characters[index])
      index += 1
    }
    return key
  }
}
