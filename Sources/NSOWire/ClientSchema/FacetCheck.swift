import NSOModel

/// Which facets a base type may have; another one makes every conversion fail (protocol part 07, section 6.3).
struct FacetSet: OptionSet {
  var rawValue: UInt32

  static let enumeration = FacetSet(rawValue: 1)
  static let length = FacetSet(rawValue: 2)
  static let pattern = FacetSet(rawValue: 4)
  static let displayHint = FacetSet(rawValue: 8)
  static let whiteSpace = FacetSet(rawValue: 16)
  static let bounds = FacetSet(rawValue: 32)
  static let totalDigits = FacetSet(rawValue: 64)
  static let fractionDigits = FacetSet(rawValue: 128)
  static let uniqueList = FacetSet(rawValue: 256)
  /// `ignore_facet`, `identities`, and facets that this library does not know.
  static let always = FacetSet(rawValue: 512)

  static let token: FacetSet = [.enumeration, .length, .pattern, .displayHint, .always]
  static let string: FacetSet = [.token, .whiteSpace]
  static let float: FacetSet = [.enumeration, .bounds, .pattern, .always]
  static let integer: FacetSet = [.float, .totalDigits]
  static let decimal: FacetSet = [.integer, .fractionDigits]
  static let boolean: FacetSet = [.pattern, .always]
  static let other: FacetSet = [.token, .float]
  static let list: FacetSet = [.length, .enumeration, .whiteSpace, .uniqueList, .always]
}

extension SchemaItem.Facet {
  var kind: FacetSet {
    switch self {
    case .enumeration, .enumerationValue: .enumeration
    case .length, .minLength, .maxLength: .length
    case .range, .minInclusive, .maxInclusive, .minExclusive, .maxExclusive: .bounds
    case .fractionDigits: .fractionDigits
    case .totalDigits: .totalDigits
    case .pattern: .pattern
    case .displayHint: .displayHint
    case .whiteSpace: .whiteSpace
    case .uniqueList: .uniqueList
    case .identities, .ignore, .unknown: .always
    }
  }
}

/// Text and value on their way through the restrictions of a type; each sees what the one before left.
struct FacetSubject {
  var text: String
  var value: Value

  /// - Parameter restrictions: the innermost first.
  /// - Returns: false when one of them refuses.
  mutating func check(_ restrictions: [[SchemaItem.Facet]], allowed: FacetSet) -> Bool {
    for facets in restrictions where !check(facets, allowed: allowed) { return false }
    return true
  }

  private mutating func check(_ facets: [SchemaItem.Facet], allowed: FacetSet) -> Bool {
    var chosen: Value?
    var isEnumerated = false
    for facet in facets {
      guard allowed.contains(facet.kind) else { return false }
      switch facet {
      case .enumeration(let label, let number):
        isEnumerated = true
        if label.text == text, chosen == nil { chosen = .enumeration(number) }
      case .enumerationValue(let wanted):
        isEnumerated = true
        if wanted == value, chosen == nil { chosen = value }
      case .length(let ranges):
        guard let length, ranges.contains(where: { $0.contains(length) { $0 < $1 } }) else { return false }
      case .minLength(let least): guard let length, length >= least else { return false }
      case .maxLength(let most): guard let length, length <= most else { return false }
      case .range(let ranges):
        guard ranges.contains(where: { $0.contains(value) { $0.isLess(than: $1) } }) else { return false }
      case .minInclusive(let bound): guard value.isLess(than: bound) == false else { return false }
      case .maxInclusive(let bound): guard bound.isLess(than: value) == false else { return false }
      case .minExclusive(let bound): guard bound.isLess(than: value) == true else { return false }
      case .maxExclusive(let bound): guard value.isLess(than: bound) == true else { return false }
      case .totalDigits(let most): guard digits <= most else { return false }
      case .fractionDigits(let most): guard decimals <= most else { return false }
      case .whiteSpace(let how): normalize(how)
      case .uniqueList:
        guard case .list(let values) = value, Set(values).count == values.count else { return false }
      // Patterns are left to the daemon, which checks all of them; the others restrict nothing here.
      case .pattern, .displayHint, .identities, .ignore, .unknown: continue
      }
    }
    guard isEnumerated else { return true }
    guard let chosen else { return false }
    value = chosen
    return true
  }

  private mutating func normalize(_ how: SchemaItem.Facet.WhiteSpace) {
    switch how {
    case .preserve: return
    case .replace: text = WhiteSpace.replaced(text)
    case .collapse: text = WhiteSpace.collapsed(text)
    }
    if case .string = value { value = .string(text) }
  }

  /// Characters of a string (as YANG counts, and our daemon), octets, sub-identifiers, or entries.
  private var length: Int64? {
    switch value {
    case .string(let text): Int64(text.unicodeScalars.count)
    case .enumeration: Int64(text.unicodeScalars.count)
    case .binary(let bytes), .hexString(let bytes): Int64(bytes.count)
    case .oid(let numbers): Int64(numbers.count)
    case .list(let values): Int64(values.count)
    default: nil
    }
  }

  /// Digits behind the point, without trailing zeros.
  private var fraction: Substring {
    guard let point = text.firstIndex(of: ".") else { return "" }
    var fraction = text[text.index(after: point)...]
    while fraction.last == "0" { fraction.removeLast() }
    return fraction
  }

  private var decimals: Int { fraction.count }

  /// All digits that count: no sign, no leading zeros, no trailing zeros of the fraction.
  private var digits: Int {
    let whole = text.prefix { $0 != "." }.drop { $0 == "+" || $0 == "-" || $0 == "0" }
    return whole.count + fraction.count
  }
}

extension SchemaItem.Range {
  fileprivate func contains(_ value: Bound, isLess: (Bound, Bound) -> Bool?) -> Bool {
    switch self {
    case .single(let wanted): wanted == value
    case .between(let low, let high):
      (low.map { isLess(value, $0) == false } ?? true) && (high.map { isLess($0, value) == false } ?? true)
    }
  }
}

extension Value {
  /// Order of values of one kind; nil where there is none.
  fileprivate func isLess(than other: Value) -> Bool? {
    switch (self, other) {
    case (.double(let a), .double(let b)): return a < b
    case (.decimal64(let a), .decimal64(let b)): return a.digits == b.digits ? a.scaled < b.scaled : nil
    case (.dateTime(let a), .dateTime(let b)): return (a.date.order, a.time.order) < (b.date.order, b.time.order)
    case (.date(let a), .date(let b)): return a.date.order < b.date.order
    case (.time(let a), .time(let b)): return a.time.order < b.time.order
    case (.duration(let a), .duration(let b)):
      return [a.years, a.months, a.days, a.hours, a.minutes, a.seconds, a.microseconds].lexicographicallyPrecedes(
        [b.years, b.months, b.days, b.hours, b.minutes, b.seconds, b.microseconds])
    default:
      guard typeNumber == other.typeNumber else { return nil }
      if let a = signed, let b = other.signed { return a < b }
      if let a = unsigned, let b = other.unsigned { return a < b }
      return nil
    }
  }

  private var signed: Int64? {
    switch self {
    case .int8(let number): Int64(number)
    case .int16(let number): Int64(number)
    case .int32(let number), .enumeration(let number): Int64(number)
    case .int64(let number): number
    default: nil
    }
  }

  private var unsigned: UInt64? {
    switch self {
    case .uint8(let number): UInt64(number)
    case .uint16(let number): UInt64(number)
    case .uint32(let number): UInt64(number)
    case .uint64(let number): number
    default: nil
    }
  }
}

extension CalendarDate {
  fileprivate var order: Int64 { (Int64(year) * 16 + Int64(month)) * 32 + Int64(day) }
}

extension ClockTime {
  fileprivate var order: Int64 { ((Int64(hour) * 64 + Int64(minute)) * 64 + Int64(second)) * 1_000_000 + Int64(microsecond) }
}
