import NSOXPath

/// A text with expressions in braces: `Link to PE: {$PE}`. `\{` and `\}` stand for braces.
struct TemplateText: Sendable {
  enum Part: Sendable {
    case literal(String)
    case expression(XPath)
  }

  private(set) var parts: [Part] = []

  /// No text.
  init() {}

  /// - Throws: what is wrong with it.
  init(_ text: String, _ namespaces: XPathNamespaces, _ place: TemplatePlace) throws(TemplateFault) {
    var scanner = TemplateScanner(text)
    var literal = ""
    while !scanner.isAtEnd {
      literal += scanner.upTo { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "\\") }
      if scanner.accept("\\") {
        literal += scanner.accept("{") ? "{" : scanner.accept("}") ? "}" : "\\"
        continue
      }
      guard scanner.accept("{") else { continue }
      guard let expression = scanner.expression() else {
        throw TemplateFault(place, "a brace is not closed: \"{\(expression(text))\"; write \\{ for a brace of the text")
      }
      if !literal.isEmpty { parts.append(.literal(literal)) }
      literal = ""
      do throws(XPathError) { parts.append(.expression(try XPath(expression, namespaces: namespaces))) } catch {
        throw TemplateFault(place, "\(error)")
      }
    }
    if !literal.isEmpty { parts.append(.literal(literal)) }
    // White space around the only expression is layout.
    if parts.count > 1, parts.count(where: \.isExpression) == 1, parts.allSatisfy({ $0.isExpression || $0.isBlank }) {
      parts.removeAll { !$0.isExpression }
    }
  }

  private func expression(_ text: String) -> String { String((text.split(separator: "{").last ?? "").prefix(40)) }

  /// The expression, where there is nothing else.
  var single: XPath? {
    if parts.count == 1, case .expression(let xpath) = parts[0] { xpath } else { nil }
  }

  /// Nothing but white space.
  var isBlank: Bool { parts.allSatisfy(\.isBlank) }

  var expressions: [XPath] {
    parts.compactMap { part in if case .expression(let xpath) = part { xpath } else { nil } }
  }
}

extension TemplateText.Part {
  var isExpression: Bool { if case .expression = self { true } else { false } }

  var isBlank: Bool {
    if case .literal(let text) = self { text.utf8.allSatisfy(TemplateScanner.isSpace) } else { false }
  }
}
