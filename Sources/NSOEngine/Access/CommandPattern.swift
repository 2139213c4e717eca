#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The commands that a rule is about: words between blanks, each a POSIX extended regular expression for a whole word; `*` alone: all.
struct CommandPattern: Hashable, Sendable {
  /// Nil: all commands.
  let words: [String]?

  /// - Returns: nil when one of the words is no regular expression, or one that could take much memory or time.
  init?(_ text: String) {
    let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
    guard words != ["*"] else {
      self.words = nil
      return
    }
    guard !words.isEmpty, words.allSatisfy({ Self.isModest($0) && Self.match($0, "") != nil }) else { return nil }
    self.words = words
  }

  /// A command that begins with the words of the rule.
  func matches(_ command: [String]) -> Bool {
    guard let words else { return true }
    return command.count >= words.count && zip(words, command).allSatisfy { Self.match($0, $1) == true }
  }

  /// Whether a longer command that begins with these words may match.
  func mayFollow(_ command: [String]) -> Bool {
    guard let words else { return true }
    return zip(words, command).allSatisfy { Self.match($0, $1) == true }
  }

  /// What the C library compiles by recursion and by copying is limited: 256 bytes, 32 groups, 1000 copies; no references back.
  private static func isModest(_ pattern: String) -> Bool {
    guard pattern.utf8.count <= 256, pattern.count(where: { $0 == "(" }) <= 32, !pattern.contains(/\\[0-9]/) else {
      return false
    }
    var copies = 1
    for part in pattern.split(separator: "{", omittingEmptySubsequences: false).dropFirst() {
      let bounds = part.prefix { $0 != "}" }.split(separator: ",").compactMap { Int($0) }
      let (product, overflows) = copies.multipliedReportingOverflow(by: max(1, bounds.max() ?? 1))
      guard !overflows, product <= 1000 else { return false }
      copies = product
    }
    return true
  }

  /// Nil: no regular expression. Rules are few and commands are typed: nothing compiled is kept.
  private static func match(_ pattern: String, _ word: String) -> Bool? {
    var expression = regex_t()
    guard regcomp(&expression, "^(\(pattern))$", REG_EXTENDED | REG_NOSUB) == 0 else { return nil }
    defer { regfree(&expression) }
    return regexec(&expression, word, 0, nil, 0) == 0
  }
}
