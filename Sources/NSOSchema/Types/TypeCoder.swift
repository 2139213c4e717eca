internal import NSOModel

/// Values and texts of types: the one place that knows what fits. Needs the schema only for instance-identifiers.
struct TypeCoder {
  let schema: Schema?
  /// The namespace of the node that has the value: it goes first for identities without prefix (RFC 7951, section 6.8).
  var home: String?

  // MARK: Values

  /// The canonical form of `value` when it fits.
  func check(_ value: Value, as type: SchemaType) throws(ValueError) -> Value {
    switch type.kind {
    case .string(let rules):
      guard case .string(let text) = value else { throw .wrongForm(value, type) }
      try checkCharacters(text)
      try rules.check(text)
      return value
    case .binary(let length):
      guard case .binary(let bytes) = value else { throw .wrongForm(value, type) }
      try length?.check(UInt64(bytes.count), "\(bytes.count) octets", unit: "length in octets")
      return value
    case .boolean:
      guard case .bool = value else { throw .wrongForm(value, type) }
      return value
    case .empty:
      guard case .empty = value else { throw .wrongForm(value, type) }
      return value
    case .signed(let width, let range):
      guard let number = value.signed(width) else { throw .wrongForm(value, type) }
      try range?.check(number, String(number), unit: "range")
      return value
    case .unsigned(let width, let range):
      guard let number = value.unsigned(width) else { throw .wrongForm(value, type) }
      try range?.check(number, String(number), unit: "range")
      return value
    case .decimal64(let digits, let range):
      guard case .decimal64(var number) = value else { throw .wrongForm(value, type) }
      // C clients may leave the digits out (protocol part 02, section 3.10).
      if number.digits == 0 { number.digits = digits }
      guard number.digits == digits else {
        throw ValueError("a decimal64 with \(number.digits) fraction digits does not fit; the type has \(digits)")
      }
      try range?.check(number, digits: digits)
      return .decimal64(number)
    case .enumeration(let rules):
      guard case .enumeration(let number) = value else { throw .wrongForm(value, type) }
      guard rules.name(number) != nil else { throw .unknownEnum(String(number), rules) }
      return value
    case .bits(let rules): return try rules.check(value, type)
    case .identityref(let rules):
      guard case .identityref(let hash) = value else { throw .wrongForm(value, type) }
      guard rules.identity(hash) != nil else {
        let name = schema?.identity(hash).map { "\($0.modulePrefix):\($0.name.name)" }
        throw .notDerived(name ?? "the identity \(hash.namespace):\(hash.name)", rules, schema)
      }
      return value
    case .instanceIdentifier:
      guard case .instanceIdentifier(let path) = value else { throw .wrongForm(value, type) }
      guard let schema else { throw ValueError("an instance-identifier cannot be checked without the schema") }
      do throws(NSOError) {
        let path = try schema.resolve(path).keypath
        guard !path.elements.contains(where: { if case .position = $0 { true } else { false } }) else {
          throw NSOError(.badType, "a position has no place in an instance-identifier; give the keys")
        }
        return .instanceIdentifier(path)
      } catch {
        throw ValueError(error.message)
      }
    case .leafref(let rules): return try check(value, as: rules.targetType)
    case .union(let members):
      for member in members {
        if let fitting = try? check(value, as: member) { return fitting }
      }
      throw ValueError("\(value.shown) fits no member of the union: \(members.map(\.words).joined(separator: ", "))")
    case .special(let form, let rules):
      guard let fitting = form.check(value) else { throw .wrongForm(value, type) }
      if !rules.isEmpty { try rules.check(form.text(of: fitting) ?? "") }
      return fitting
    }
  }

  // MARK: Texts to values

  func parse(_ text: String, as type: SchemaType, prefixes: PrefixResolver) throws(ValueError) -> Value {
    switch type.kind {
    case .string(let rules):
      try checkCharacters(text)
      try rules.check(text)
      return .string(text)
    case .binary(let length):
      guard let bytes = Base64.decode(text) else { throw .badText(text, type) }
      try length?.check(UInt64(bytes.count), "\(bytes.count) octets", unit: "length in octets")
      return .binary(bytes)
    case .boolean:
      switch trimmed(text) {
      case "true": return .bool(true)
      case "false": return .bool(false)
      default: throw .badText(text, type)
      }
    case .empty:
      guard trimmed(text).isEmpty else { throw .badText(text, type) }
      return .empty
    case .signed(let width, let range):
      guard let number: Int64 = integer(text), let value = Value(number, width) else { throw .badText(text, type) }
      try range?.check(number, String(number), unit: "range")
      return value
    case .unsigned(let width, let range):
      guard let number: UInt64 = integer(text), let value = Value(number, width) else { throw .badText(text, type) }
      try range?.check(number, String(number), unit: "range")
      return value
    case .decimal64(let digits, let range):
      guard let number = Decimal64(trimmed(text), fractionDigits: digits) else { throw .badText(text, type) }
      try range?.check(number, digits: digits)
      return .decimal64(number)
    case .enumeration(let rules):
      guard let number = rules.value(text) ?? rules.value(String(trimmed(text))) else { throw .unknownEnum(text, rules) }
      return .enumeration(number)
    case .bits(let rules): return try rules.parse(text)
    case .identityref(let rules): return .identityref(try identity(text, rules, prefixes).hash)
    case .instanceIdentifier:
      guard let schema else { throw ValueError("an instance-identifier cannot be read without the schema") }
      do throws(NSOError) {
        return .instanceIdentifier(try schema.parseInstance(text, prefixes: prefixes).keypath)
      } catch {
        throw ValueError(error.message)
      }
    case .leafref(let rules): return try parse(text, as: rules.targetType, prefixes: prefixes)
    case .union(let members):
      for member in members {
        if let value = try? parse(text, as: member, prefixes: prefixes) { return value }
      }
      throw ValueError("\(shown(text)) fits no member of the union: \(members.map(\.words).joined(separator: ", "))")
    case .special(let form, let rules):
      guard let value = form.parse(String(trimmed(text))) else { throw .badText(text, type) }
      if !rules.isEmpty { try rules.check(String(trimmed(text))) }
      return value
    }
  }

  private func identity(
    _ text: String, _ rules: IdentityRules, _ prefixes: PrefixResolver
  ) throws(ValueError) -> Identity {
    let text = trimmed(text)
    var prefix: Substring?
    var name = text
    if let colon = text.firstIndex(of: ":") {
      prefix = text[..<colon]
      name = text[text.index(after: colon)...]
    }
    let named = (rules.byName[String(name)] ?? []).map { rules.allowed[$0] }
    let fitting: [Identity]
    switch prefixes {
    case .schema:
      fitting = named.filter { identity in
        prefix.map { identity.modulePrefix == $0 || identity.moduleName == $0 } ?? true
      }
    case .map(let namespace):
      if let found = namespace(prefix.map(String.init)) {
        fitting = named.filter { $0.name.namespace == found }
      } else if let prefix {
        throw ValueError("the prefix \"\(prefix)\" in \(shown(String(text))) is not known here")
      } else {
        fitting = named
      }
    }
    guard let first = fitting.first else { throw .notDerived(shown(String(text)), rules, schema) }
    guard fitting.count == 1 else {
      if prefix == nil, let own = fitting.first(where: { $0.name.namespace == home }) { return own }
      let names = fitting.map { "\($0.modulePrefix):\($0.name.name)" }.joined(separator: ", ")
      throw ValueError("\(shown(String(text))) may be any of \(names): write the prefix")
    }
    return first
  }

  // MARK: Values to text

  /// The text of a value of the type; nil when the value is none of the type.
  func text(of value: Value, as type: SchemaType, style: TextStyle) -> String? {
    switch (type.kind, value) {
    case (.string, .string(let text)): return text
    case (.binary, .binary(let bytes)): return Base64.encode(bytes)
    case (.boolean, .bool(let flag)): return flag ? "true" : "false"
    case (.empty, .empty): return ""
    case (.signed(let width, _), _): return value.signed(width).map { String($0) }
    case (.unsigned(let width, _), _): return value.unsigned(width).map { String($0) }
    case (.decimal64(let digits, _), .decimal64(var number)):
      if number.digits == 0 { number.digits = digits }
      return number.digits == digits ? number.description : nil
    case (.enumeration(let rules), .enumeration(let number)): return rules.name(number)
    case (.bits(let rules), _): return rules.names(of: value)?.joined(separator: " ")
    case (.identityref(let rules), .identityref(let hash)):
      guard let identity = rules.identity(hash) ?? schema?.identity(hash) else { return nil }
      return text(of: identity, style: style)
    case (.instanceIdentifier, .instanceIdentifier(let path)): return schema?.instanceText(of: path, style: style)
    case (.leafref(let rules), _): return text(of: value, as: rules.targetType, style: style)
    case (.union(let members), _):
      for member in members {
        if (try? check(value, as: member)) != nil, let text = text(of: value, as: member, style: style) { return text }
      }
      return nil
    case (.special(let form, _), _): return form.text(of: value)
    default: return nil
    }
  }

  func text(of identity: Identity, style: TextStyle) -> String {
    switch style {
    case .canonical: return "\(identity.modulePrefix):\(identity.name.name)"
    case .json: return "\(identity.moduleName):\(identity.name.name)"
    case .xml(let prefix):
      let prefix = prefix(identity.name.namespace)
      return prefix.isEmpty ? identity.name.name : "\(prefix):\(identity.name.name)"
    }
  }
}

// MARK: - Pieces

/// YANG strings hold the characters of XML: no control characters but tab and line ends (RFC 7950, section 9.4).
private func checkCharacters(_ text: String) throws(ValueError) {
  for byte in text.utf8 where byte < 0x20 && byte != 9 && byte != 10 && byte != 13 {
    throw ValueError("a control character (code \(byte)) is not allowed in a string; use type binary for such data")
  }
}

/// Without the blanks around it.
func trimmed(_ text: String) -> Substring {
  func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
  let bytes = text.utf8
  guard let first = bytes.firstIndex(where: { !isBlank($0) }) else { return "" }
  let last = bytes.lastIndex(where: { !isBlank($0) }) ?? first
  return text[first...last]
}

/// A text as it stands in error messages: quoted, and not too long.
func shown(_ text: String) -> String {
  text.count > 64 ? "\"\(text.prefix(61))...\"" : "\"\(text)\""
}

/// Decimal with optional sign, or hexadecimal after `0x` (RFC 7950, section 9.2.1). Leading zeros are decimal.
private func integer<Number: FixedWidthInteger>(_ text: String) -> Number? {
  let text = trimmed(text)
  var digits = text
  var isNegative = false
  if let sign = digits.first, sign == "-" || sign == "+" {
    isNegative = sign == "-"
    digits = digits.dropFirst()
  }
  guard let first = digits.utf8.first, (48...57).contains(first) else { return nil }
  if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
    let hex = digits.dropFirst(2)
    guard let start = hex.utf8.first, start != 43, start != 45 else { return nil }
    return Number((isNegative ? "-" : "") + hex, radix: 16)
  }
  return Number((isNegative ? "-" : "") + digits)
}

extension StringRules {
  func check(_ text: String) throws(ValueError) {
    if let length {
      let count = text.unicodeScalars.count
      try length.check(UInt64(count), "\(shown(text)) has \(count) characters, which", unit: "length")
    }
    for pattern in patterns {
      switch pattern.expressionCode.match(text) {
      case .match where !pattern.isInverted: continue
      case .noMatch where pattern.isInverted: continue
      case .tooComplex:
        throw ValueError("\(shown(text)) could not be matched against the pattern \(shown(pattern.expression)): too complex")
      case .match, .noMatch:
        throw ValueError(
          pattern.errorMessage
            ?? "\(shown(text)) \(pattern.isInverted ? "matches the forbidden" : "does not match the") pattern"
            + " \(shown(pattern.expression))", appTag: pattern.errorAppTag)
      }
    }
  }
}

extension Ranges {
  /// - Parameter subject: what stands in front of "is not in the ...".
  func check(_ value: Bound, _ subject: @autoclosure () -> String, unit: String) throws(ValueError) {
    guard !contains(value) else { return }
    throw ValueError(errorMessage ?? "\(subject()) is not in the \(unit) \(words)", appTag: errorAppTag)
  }

  /// `1..4 | 9`.
  var words: String { words { String($0) } }

  func words(_ text: (Bound) -> String) -> String {
    parts.map { part in
      if part.lowerBound == part.upperBound { return text(part.lowerBound) }
      let low = part.lowerBound == Bound.min ? "min" : text(part.lowerBound)
      let high = part.upperBound == Bound.max ? "max" : text(part.upperBound)
      return "\(low)..\(high)"
    }.joined(separator: " | ")
  }
}

extension Ranges<Int64> {
  func check(_ number: Decimal64, digits: UInt8) throws(ValueError) {
    guard !contains(number.scaled) else { return }
    let bounds = words { Decimal64(scaled: $0, digits: digits).description }
    throw ValueError(errorMessage ?? "\(number) is not in the range \(bounds)", appTag: errorAppTag)
  }
}
