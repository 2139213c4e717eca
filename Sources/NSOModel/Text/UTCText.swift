/// `2025-01-31T12:00:00Z` for seconds since 1970-01-01 UTC.
public func utcText(_ seconds: Int64) -> String {
  let civil = CivilTime(seconds)
  func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  let four = String(repeating: "0", count: max(0, 4 - String(civil.year).count)) + String(civil.year)
  return
    "\(four)-\(two(civil.month))-\(two(civil.day))T\(two(civil.seconds / 3600)):\(two(civil.seconds / 60 % 60)):\(two(civil.seconds % 60))Z"
}

/// A second since 1970-01-01 UTC as date and second of the day.
struct CivilTime {
  let year: Int
  let month: Int
  let day: Int
  /// Of the day.
  let seconds: Int

  init(_ seconds: Int64) {
    // Days to civil date, after Howard Hinnant's public algorithm.
    let days = Int(seconds.quotientFloor(86400))
    self.seconds = Int(seconds - Int64(days) * 86400)
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}

extension Int64 {
  fileprivate func quotientFloor(_ divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
