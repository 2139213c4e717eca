/// `${NAME}` and `${NAME:-default}` in values of the configuration file (protocol part 08, section 7.1).
enum VariableExpansion {
  struct Fault: Error, Hashable {
    var reason: String
    var remedy: String
  }

  /// Replaces every `${NAME}` by the variable's value; what the value contains is not looked at again. A variable that is
  /// set but empty counts as not set where there is a default. A `$` that no `{` follows stays as it is.
  static func expand(_ text: String, _ environment: [String: String]) throws(Fault) -> String {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
    var result = ""
    var rest = text[...]
    while let start = rest.firstRange(of: "${") {
      result += rest[..<start.lowerBound]
      guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
        throw Fault(
          reason: "\"\(rest[start.lowerBound...])\" has no closing brace", remedy: "write ${NAME} or ${NAME:-default}")
      }
      let body = rest[start.upperBound..<end]
      rest = rest[rest.index(after: end)...]
      let separator = body.firstRange(of: ":-")
      let name = separator.map { body[..<$0.lowerBound] } ?? body
      guard isName(name) else {
        throw Fault(reason: "\"${\(body)}\" does not name a variable", remedy: "write ${NAME} or ${NAME:-default}")
      }
      let value = environment[String(name)]
      if let separator {
        result += value.flatMap { $0.isEmpty ? nil : $0 } ?? String(body[separator.upperBound...])
      } else if let value {
        result += value
      } else {
        throw Fault(
          reason: "the environment variable \(name) is not set",
          remedy: "set it before the daemon starts, or write ${\(name):-default}")
      }
    }
    return result + rest
  }

  private static func isName(_ name: Substring) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}
