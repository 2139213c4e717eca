/// Reads dates, times and durations (protocol part 02, section 3.5 and 3.6; part 07, section 7).
struct TimeText {
  private var rest: ArraySlice<UInt8>

  init(_ text: String) { rest = Array(text.utf8)[...] }

  /// Exactly `count` digits.
  private mutating func digits(_ count: Int) -> Int? {
    let digits = rest.prefix(count)
    guard digits.count == count, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
    rest = rest.dropFirst(count)
    return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
  }

  private mutating func take(_ character: Character) -> Bool {
    guard let first = rest.first, first == character.asciiValue else { return false }
    rest = rest.dropFirst()
    return true
  }

  private mutating func calendarDate() -> CalendarDate? {
    let isNegative = take("-")
    guard let year = digits(4), take("-"), let month = digits(2), take("-"), let day = digits(2) else { return nil }
    let date = CalendarDate(year: Int32(isNegative ? -year : year), month: UInt8(month), day: UInt8(day))
    return date.isValid ? date : nil
  }

  private mutating func clockTime() -> ClockTime? {
    guard let hour = digits(2), take(":"), let minute = digits(2), take(":"), let second = digits(2),
      let fraction = microseconds()
    else { return nil }
    let time = ClockTime(hour: UInt8(hour), minute: UInt8(minute), second: UInt8(second), microsecond: fraction)
    return time.isValid ? time : nil
  }

  /// A fraction of a second; digits behind the sixth are dropped. Nil for a point without digits.
  private mutating func microseconds() -> UInt32? {
    guard take(".") else { return 0 }
    let digits = rest.prefix { (48...57).contains($0) }
    guard !digits.isEmpty else { return nil }
    rest = rest.dropFirst(digits.count)
    var number: UInt32 = 0
    for place in 0..<6 { number = number * 10 + (place < digits.count ? UInt32(digits[digits.startIndex + place] - 48) : 0) }
    return number
  }

  private enum Zone {
    case none
    case offset(ZoneOffset)
    case unknown
  }

  /// Nil for what is no zone.
  private mutating func zone() -> Zone? {
    if rest.isEmpty { return Zone.none }
    if take("Z") || take("z") { return .offset(.utc) }
    let isNegative: Bool
    if take("+") { isNegative = false } else if take("-") { isNegative = true } else { return nil }
    guard let hours = digits(2), take(":"), let minutes = digits(2), minutes < 60 else { return nil }
    if isNegative, hours == 0, minutes == 0 { return .unknown }
    let zone =
      hours == 0
      ? ZoneOffset(hours: 0, minutes: Int8(isNegative ? -minutes : minutes))
      : ZoneOffset(hours: Int8(isNegative ? -hours : hours), minutes: Int8(minutes))
    return zone.isValid ? .offset(zone) : nil
  }

  /// Nothing may follow.
  private mutating func zoneAtEnd() -> ZoneOffset?? {
    guard let zone = zone(), rest.isEmpty else { return nil }
    if case .offset(let offset) = zone { return .some(offset) }
    return .some(nil)
  }

  func dateTime() -> DateTime? {
    var reader = self
    guard let date = reader.calendarDate(), reader.take("T") || reader.take("t"), let time = reader.clockTime(),
      let zone = reader.zoneAtEnd()
    else { return nil }
    return DateTime(date: date, time: time, zone: zone)
  }

  func dateOnly() -> DateOnly? {
    var reader = self
    guard let date = reader.calendarDate(), let zone = reader.zoneAtEnd() else { return nil }
    return DateOnly(date: date, zone: zone)
  }

  func timeOnly() -> TimeOnly? {
    var reader = self
    guard let time = reader.clockTime(), let zone = reader.zoneAtEnd() else { return nil }
    return TimeOnly(time: time, zone: zone)
  }

  func duration() -> DurationParts? {
    var reader = self
    guard reader.take("P"), !reader.rest.isEmpty else { return nil }
    var parts = DurationParts()
    var units: [(Character, WritableKeyPath<DurationParts, UInt32>)] = [("Y", \.years), ("M", \.months), ("D", \.days)]
    var inTime = false
    while !reader.rest.isEmpty {
      if !inTime, reader.take("T") {
        inTime = true
        units = [("H", \.hours), ("M", \.minutes), ("S", \.seconds)]
        guard !reader.rest.isEmpty else { return nil }
        continue
      }
      let digits = reader.rest.prefix { (48...57).contains($0) }
      reader.rest = reader.rest.dropFirst(digits.count)
      guard let number = UInt32(String(decoding: digits, as: UTF8.self)) else { return nil }
      if inTime, reader.rest.first == UInt8(ascii: ".") {
        guard let fraction = reader.microseconds(), reader.take("S"), reader.rest.isEmpty, units.last?.0 == "S" else {
          return nil
        }
        parts.seconds = number
        parts.microseconds = fraction
        return parts
      }
      guard let unit = reader.rest.first, let place = units.firstIndex(where: { $0.0.asciiValue == unit }) else { return nil }
      parts[keyPath: units[place].1] = number
      units.removeFirst(place + 1)
      reader.rest = reader.rest.dropFirst()
    }
    return parts
  }
}

extension CalendarDate {
  var isValid: Bool {
    guard (1...12).contains(month), day >= 1, (-9999...9999).contains(year) else { return false }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let days: [UInt8] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return day <= days[Int(month) - 1]
  }
}

extension ClockTime {
  /// 24:00:00 and a leap second are allowed.
  var isValid: Bool {
    if hour == 24 { return minute == 0 && second == 0 && microsecond == 0 }
    return hour < 24 && minute < 60 && second <= 60 && microsecond < 1_000_000
  }
}

extension ZoneOffset {
  var isValid: Bool {
    (-14...14).contains(hours) && (hours == 0 ? (-59...59).contains(minutes) : (0...59).contains(minutes))
  }
}

extension DateTime {
  var isValid: Bool { date.isValid && time.isValid && zone?.isValid ?? true }
}
