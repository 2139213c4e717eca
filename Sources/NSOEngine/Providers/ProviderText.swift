/// Texts that providers wrote, on their way to logs, terminals and clients.
public enum ProviderText {
  /// So many bytes of a text are passed on.
  public static let limit = 4096
  /// The longest name of a provider, in bytes.
  public static let nameLimit = 255

  /// The beginning of a long text, which says that there was more.
  public static func cut(_ text: String, to limit: Int = limit) -> String {
    guard text.utf8.count > limit else { return text }
    var end = text.utf8.index(text.utf8.startIndex, offsetBy: limit)
    // Not within a character.
    while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil { text.utf8.formIndex(before: &end) }
    return "\(text[..<end])... (\(text.utf8.count) bytes)"
  }

  /// As it may stand in one line of a log or on a terminal: control characters are made visible.
  public static func shown(_ text: String, to limit: Int = 4 * limit) -> String {
    let text = cut(text, to: limit)
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var shown = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": shown += "\\n"
      case "\r": shown += "\\r"
      case "\t": shown += "\\t"
      case _ where isControl(scalar): shown += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
    // Marks that turn the direction of what follows.
    case .format: (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
    default: false
    }
  }
}
