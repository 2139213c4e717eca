/// Time spans of the configuration file: `PT30S`, `PT1H30M`, `P1D`, `PT0.5S`, and `5s` (protocol part 08, section 7.1).
enum DurationText {
  /// - Returns: `nil` for anything else, and for spans of more than a hundred years.
  static func parse(_ text: String) -> Duration? {
    if text.hasSuffix("s"), let seconds = Int64(text.dropLast()), seconds >= 0, seconds < limit { return .seconds(seconds) }
    guard text.hasPrefix("P") else { return nil }
    var total = Duration.zero
    var inTime = false
    var number = ""
    var isEmpty = true
    for character in text.dropFirst() {
      switch character {
      case "T" where !inTime && number.isEmpty: inTime = true
      case "0"..."9", ".": number.append(character)
      case "D" where !inTime: guard add(86_400) else { return nil }
      case "H" where inTime: guard add(3600) else { return nil }
      case "M" where inTime: guard add(60) else { return nil }
      case "S" where inTime: guard add(1) else { return nil }
      default: return nil
      }
    }
    return isEmpty || !number.isEmpty || total >= .seconds(limit) ? nil : total

    func add(_ unit: Int64) -> Bool {
      let parts = number.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      number = ""
      isEmpty = false
      guard let whole = parts.first.flatMap({ Int64($0) }), whole < limit else { return false }
      total += .seconds(whole * unit)
      guard parts.count == 2 else { return true }
      guard unit == 1, let fraction = Double("0." + parts[1]) else { return false }
      total += .milliseconds(Int64(fraction * 1000))
      return true
    }
  }

  private static let limit: Int64 = 100 * 366 * 86_400
}
