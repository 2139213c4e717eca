/// The functions: the core library of XPath 1.0 (section 4), those of YANG 1.1 (RFC 7950, section 10), and some more.
enum XPathFunction: String, Sendable, CaseIterable {
  // Node-sets.
  case last, position, count, id, name
  case localName = "local-name"
  case namespaceURI = "namespace-uri"
  // Strings.
  case string, concat, contains, substring, translate
  case startsWith = "starts-with"
  case substringBefore = "substring-before"
  case substringAfter = "substring-after"
  case stringLength = "string-length"
  case normalizeSpace = "normalize-space"
  // Booleans.
  case boolean, not, lang
  case `true`, `false`
  // Numbers.
  case number, sum, floor, ceiling, round
  // YANG 1.1.
  case current, deref
  case reMatch = "re-match"
  case derivedFrom = "derived-from"
  case derivedFromOrSelf = "derived-from-or-self"
  case enumValue = "enum-value"
  case bitIsSet = "bit-is-set"
  // Of this product, as its public manual describes them.
  case stringCompare = "string-compare"
  case compare, min, max, avg
  case band, bor, bxor, bnot
  case sortBy = "sort-by"
}

/// The four types of XPath 1.0, and the one that a variable has before it is bound.
enum StaticType: Sendable {
  case nodeSet, number, string, boolean, unknown

  var name: String {
    switch self {
    case .nodeSet: "a node-set"
    case .number: "a number"
    case .string: "a string"
    case .boolean: "a boolean"
    case .unknown: "any value"
    }
  }
}

extension XPathFunction {
  /// How many arguments it takes.
  var argumentCounts: ClosedRange<Int> {
    switch self {
    case .last, .position, .true, .false, .current: 0...0
    case .name, .localName, .namespaceURI, .string, .stringLength, .normalizeSpace, .number: 0...1
    case .count, .id, .boolean, .not, .lang, .sum, .floor, .ceiling, .round, .deref, .enumValue, .min, .max, .avg,
      .bnot:
      1...1
    case .contains, .startsWith, .substringBefore, .substringAfter, .reMatch, .derivedFrom, .derivedFromOrSelf, .bitIsSet,
      .stringCompare, .compare, .band, .bor, .bxor, .sortBy:
      2...2
    case .substring: 2...3
    case .translate: 3...3
    case .concat: 2...Int.max
    }
  }

  /// The count of arguments in words.
  var argumentCountText: String {
    let counts = argumentCounts
    if counts.upperBound == Int.max { return "\(counts.lowerBound) or more arguments" }
    if counts.count > 1 { return "\(counts.lowerBound) to \(counts.upperBound) arguments" }
    return counts.lowerBound == 0 ? "no arguments" : counts.lowerBound == 1 ? "1 argument" : "\(counts.lowerBound) arguments"
  }

  /// Whether the first argument must be a node-set.
  var needsNodeSet: Bool {
    switch self {
    case .count, .sum, .name, .localName, .namespaceURI, .deref, .derivedFrom, .derivedFromOrSelf, .enumValue, .bitIsSet, .min,
      .max, .avg, .sortBy:
      true
    default: false
    }
  }

  var resultType: StaticType {
    switch self {
    case .id, .current, .deref, .sortBy: .nodeSet
    case .last, .position, .count, .stringLength, .number, .sum, .floor, .ceiling, .round, .enumValue, .stringCompare,
      .compare, .min, .max, .avg, .band, .bor, .bxor, .bnot:
      .number
    case .name, .localName, .namespaceURI, .string, .concat, .substring, .translate, .substringBefore, .substringAfter,
      .normalizeSpace:
      .string
    case .contains, .startsWith, .boolean, .not, .lang, .true, .false, .reMatch, .derivedFrom, .derivedFromOrSelf, .bitIsSet:
      .boolean
    }
  }

  /// Whether it means the context node when it has no argument.
  var defaultsToContext: Bool {
    switch self {
    case .name, .localName, .namespaceURI, .string, .stringLength, .normalizeSpace, .number: true
    default: false
    }
  }
}
