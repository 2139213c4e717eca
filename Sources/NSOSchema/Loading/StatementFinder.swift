/// Finds the line of a statement from the schema path by which the library names it: it tells lines only for errors of
/// grammar.
struct StatementFinder {
  private let text: [CChar]

  init(_ text: [CChar]) { self.text = text }

  /// A step of a path, `name` or `{uses='name'}`.
  private struct Step: Equatable {
    /// Nil for a node of any kind.
    var keyword: String?
    var name: String
  }

  /// - Parameter path: such as `/ex:top/{uses='g'}/port`. Nil when no statement of the file fits.
  func line(of path: String) -> Int? {
    let steps = Self.steps(path)
    guard let wanted = steps.last else { return nil }
    var scanner = YANGScanner(text)
    var stack: [Step] = []
    var statement: [YANGScanner.Token] = []
    var best: (line: Int, score: Int)?
    while let token = scanner.next() {
      switch token.kind {
      case .text: statement.append(token)
      case .open, .end:
        let found = Step(
          keyword: statement.first?.text ?? "", name: statement.dropFirst().map(\.text).filter { $0 != "+" }.joined())
        if Self.fits(found, wanted), let line = statement.first?.line {
          let score = zip(stack.filter(Self.isNamed).reversed(), steps.dropLast().reversed()).prefix { Self.fits($0, $1) }.count
          if score >= best?.score ?? 0, best == nil || score > best?.score ?? 0 { best = (line, score) }
        }
        if token.kind == .open { stack.append(found) }
        statement = []
      case .close:
        _ = stack.popLast()
        statement = []
      }
    }
    return best?.line
  }

  private static let nodeKeywords: Set<String> = [
    "container", "list", "leaf", "leaf-list", "choice", "case", "anydata", "anyxml", "action", "rpc", "notification",
  ]

  private static func fits(_ found: Step, _ wanted: Step) -> Bool {
    if let keyword = wanted.keyword { return found.keyword == keyword && found.name == wanted.name }
    if wanted.name == "input" || wanted.name == "output" { return found.keyword == wanted.name }
    return found.name == wanted.name && nodeKeywords.contains(found.keyword ?? "")
  }

  /// Statements that make a step in the library's paths.
  private static func isNamed(_ step: Step) -> Bool {
    guard let keyword = step.keyword else { return false }
    return nodeKeywords.contains(keyword) || ["augment", "uses", "grouping", "input", "output"].contains(keyword)
  }

  private static func steps(_ path: String) -> [Step] {
    var steps: [Step] = []
    var rest = path[...]
    while let slash = rest.firstIndex(of: "/") {
      rest = rest[rest.index(after: slash)...]
      if let colon = rest.firstIndex(of: ":"), !rest[..<colon].contains(where: { "/{'".contains($0) }) {
        rest = rest[rest.index(after: colon)...]
      }
      if rest.hasPrefix("{"), let quote = rest.firstIndex(of: "'"), let end = rest.range(of: "'}") {
        let keyword = rest[rest.index(after: rest.startIndex)..<quote].dropLast()
        steps.append(Step(keyword: String(keyword), name: String(rest[rest.index(after: quote)..<end.lowerBound])))
        rest = rest[end.upperBound...]
      } else {
        let name = rest.prefix { $0 != "/" }
        if !name.isEmpty { steps.append(Step(keyword: nil, name: String(name))) }
        rest = rest[name.endIndex...]
      }
    }
    return steps
  }
}

extension Substring {
  /// Where `pattern` begins and ends, without Foundation.
  fileprivate func range(of pattern: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(pattern) { return start..<index(start, offsetBy: pattern.count) }
      start = index(after: start)
    }
    return nil
  }
}
