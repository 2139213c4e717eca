/// How values are written in commands and configuration texts (protocol part 08, section 9.5).
public enum CommandText {
  /// A value as it has to be written: in quotes where it would be read as something else.
  public static func quoted(_ text: String) -> String {
    guard text.isEmpty || text.utf8.contains(where: isSpecial) else { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\" + String(scalar)
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case "\r": quoted += "\\r"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  private static func isSpecial(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\""),
      UInt8(ascii: "\\"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ";"),
      UInt8(ascii: "|"), UInt8(ascii: "#"), UInt8(ascii: "!"):
      true
    default: false
    }
  }
}
