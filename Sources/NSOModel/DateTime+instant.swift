extension DateTime {
  /// Microseconds since 1970-01-01 UTC; without a zone it counts as UTC. Years that no clock shows are cut to those that fit.
  public var microsecondsSince1970: Int64 {
    // Civil date to days, after Howard Hinnant's public algorithm.
    let year = min(max(Int64(date.year), -200_000), 200_000) - (date.month <= 2 ? 1 : 0)
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let shiftedMonth = (Int64(date.month) + 9) % 12
    let dayOfYear = (153 * shiftedMonth + 2) / 5 + Int64(date.day) - 1
    let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    let clock = Int64(time.hour) * 3600 + Int64(time.minute) * 60 + Int64(time.second)
    let hours = Int64(zone?.hours ?? 0)
    let minutes = Int64(zone?.minutes ?? 0)
    let offset = hours * 3600 + (hours < 0 ? -minutes : minutes) * 60
    return (days * 86400 + clock - offset) * 1_000_000 + Int64(time.microsecond)
  }

  /// In UTC; times that a date cannot say are cut to those it can.
  public init(microsecondsSince1970 instant: Int64) {
    let limit: Int64 = 200_000 * 366 * 86400
    let (whole, part) = instant.quotientAndRemainder(dividingBy: 1_000_000)
    var seconds = part < 0 ? whole - 1 : whole
    let microsecond = part < 0 ? part + 1_000_000 : part
    seconds = min(max(seconds, -limit), limit)
    let civil = CivilTime(seconds)
    self.init(
      date: CalendarDate(year: Int32(clamping: civil.year), month: UInt8(civil.month), day: UInt8(civil.day)),
      time: ClockTime(
        hour: UInt8(civil.seconds / 3600), minute: UInt8(civil.seconds / 60 % 60), second: UInt8(civil.seconds % 60),
        microsecond: UInt32(microsecond)), zone: .utc)
  }
}
