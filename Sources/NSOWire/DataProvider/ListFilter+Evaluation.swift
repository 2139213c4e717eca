public import NSOModel

extension ListFilter {
  /// Whether an entry meets the filter, as far as can be said of it here: nil where types are needed that only the daemon knows
  /// (regular expressions, what an identity is derived from, origins). The daemon then looks for itself, so such an entry is sent.
  /// - Parameter value: the value of a node below the entry, outermost first; nil when it does not exist. Of containers, lists and
  ///   leafs without value it only matters whether there is something.
  public func isMet(_ value: (_ node: [Tag]) throws -> Value?) rethrows -> Bool? {
    switch self {
    case .or(let left, let right):
      let first = try left.isMet(value)
      if first == true { return true }
      let second = try right.isMet(value)
      return second == true ? true : first == nil || second == nil ? nil : false
    case .and(let left, let right):
      let first = try left.isMet(value)
      if first == false { return false }
      let second = try right.isMet(value)
      return second == false ? false : first == nil || second == nil ? nil : true
    case .not(let filter): return try filter.isMet(value).map { !$0 }
    case .exists(let node): return try Self.known(value(node)) != nil
    case .compare(let comparison, let node, .string(let text)):
      guard let found = Self.known(try value(node)) else { return false }
      return comparison.holds(found, text)
    case .call(let function, let node, let wanted):
      guard let found = Self.known(try value(node)) else { return false }
      switch (function, wanted) {
      case (.startsWith, .string(let text)): return found.plainText.utf8.starts(with: text.utf8)
      case (.derivedFromOrSelf, _) where found == wanted: return true
      default: return nil
      }
    case .compare, .origin, .other: return nil
    }
  }

  private static func known(_ value: Value?) -> Value? { value == .notFound ? nil : value }
}

extension ListFilter.Comparison {
  /// Compares a value with the text form of another: numbers by size, everything else by its text.
  fileprivate func holds(_ value: Value, _ text: String) -> Bool? {
    let order: Int
    switch value {
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .decimal64:
      guard let number = DecimalText(value.plainText), let other = DecimalText(text) else { return nil }
      order = number.compare(other)
    case .string, .bool:
      let bytes = Array(value.plainText.utf8)
      let other = Array(text.utf8)
      order = bytes == other ? 0 : bytes.lexicographicallyPrecedes(other) ? -1 : 1
    // How others are written is the schema's to say.
    default: return nil
    }
    switch self {
    case .none: return nil
    case .equal: return order == 0
    case .notEqual: return order != 0
    case .greater: return order > 0
    case .greaterOrEqual: return order >= 0
    case .less: return order < 0
    case .lessOrEqual: return order <= 0
    }
  }
}

/// A decimal number of any size, to compare.
private struct DecimalText {
  private var isNegative: Bool
  private var whole: [UInt8]
  private var fraction: [UInt8]

  init?(_ text: String) {
    var digits = text.utf8[...]
    isNegative = digits.first == UInt8(ascii: "-")
    if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
    let parts = digits.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, !digits.isEmpty, parts.allSatisfy({ $0.allSatisfy { (0x30...0x39).contains($0) } }) else {
      return nil
    }
    whole = Array(first.drop { $0 == 0x30 })
    fraction = parts.count > 1 ? Array(parts[1]) : []
    while fraction.last == 0x30 { fraction.removeLast() }
    if whole.isEmpty, fraction.isEmpty { isNegative = false }
  }

  /// -1, 0 or 1.
  func compare(_ other: DecimalText) -> Int {
    if isNegative != other.isNegative { return isNegative ? -1 : 1 }
    let size: Int
    if whole.count != other.whole.count {
      size = whole.count < other.whole.count ? -1 : 1
    } else if whole + fraction == other.whole + other.fraction {
      size = 0
    } else {
      size = (whole + fraction).lexicographicallyPrecedes(other.whole + other.fraction) ? -1 : 1
    }
    return isNegative ? -size : size
  }
}

extension ListFilter: CustomStringConvertible {
  /// As an XPath predicate would say it.
  public var description: String {
    func text(_ node: [Tag]) -> String { node.isEmpty ? "." : node.map(\.description).joined(separator: "/") }
    func quoted(_ value: Value) -> String { "\"\(value.plainText)\"" }
    func inner(_ filter: ListFilter) -> String {
      switch filter {
      case .or, .and: "(\(filter))"
      default: "\(filter)"
      }
    }
    switch self {
    case .or(let left, let right): return "\(inner(left)) or \(inner(right))"
    case .and(let left, let right): return "\(inner(left)) and \(inner(right))"
    case .not(let filter): return "not(\(filter))"
    case .compare(let comparison, let node, let value): return "\(text(node)) \(comparison.sign) \(quoted(value))"
    case .exists(let node): return text(node)
    case .call(let function, let node, let value): return "\(function.name)(\(text(node)), \(quoted(value)))"
    case .origin(let value): return "origin(\(quoted(value)))"
    case .other(let term): return "\(term)"
    }
  }
}

extension ListFilter.Comparison {
  fileprivate var sign: String {
    switch self {
    case .none: "?"
    case .equal: "="
    case .notEqual: "!="
    case .greater: ">"
    case .greaterOrEqual: ">="
    case .less: "<"
    case .lessOrEqual: "<="
    }
  }
}

extension ListFilter.Function {
  fileprivate var name: String {
    switch self {
    case .startsWith: "starts-with"
    case .matches: "re-match"
    case .derivedFrom: "derived-from"
    case .derivedFromOrSelf: "derived-from-or-self"
    }
  }
}
