extension Decimal64 {
  /// Sign, digits, and at most `fractionDigits` decimals behind a point; nil for other text or too large a number.
  public init?(_ text: Substring, fractionDigits: UInt8) {
    var bytes = text.utf8[...]
    var isNegative = false
    if let sign = bytes.first, sign == 43 || sign == 45 {
      isNegative = sign == 45
      bytes = bytes.dropFirst()
    }
    let parts = bytes.split(separator: 46, maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, !whole.isEmpty, parts.count == 1 || !parts[1].isEmpty else { return nil }
    var fraction = parts.count == 2 ? Array(parts[1]) : []
    while fraction.count > Int(fractionDigits), fraction.last == 48 { fraction.removeLast() }
    guard fraction.count <= Int(fractionDigits) else { return nil }
    fraction += Array(repeating: 48, count: Int(fractionDigits) - fraction.count)
    var scaled: Int64 = 0
    for digit in Array(whole) + fraction {
      guard (48...57).contains(digit) else { return nil }
      let (shifted, tooLarge) = scaled.multipliedReportingOverflow(by: 10)
      let step = Int64(digit - 48)
      let (next, overflow) = isNegative ? shifted.subtractingReportingOverflow(step) : shifted.addingReportingOverflow(step)
      guard !tooLarge, !overflow else { return nil }
      scaled = next
    }
    self.init(scaled: scaled, digits: fractionDigits)
  }
}
