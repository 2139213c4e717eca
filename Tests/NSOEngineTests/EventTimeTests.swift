import NSOModel
import Testing

@testable import NSOEngine

/// Event times that providers send (protocol part 05, section 13.1).
@Suite struct EventTimeTests {
  @Test(
    arguments: [
      (2026, 11, 25, 23, 59, 60, true), (2024, 2, 29, 0, 0, 0, true), (2023, 2, 29, 0, 0, 0, false),
      (1900, 2, 29, 0, 0, 0, false),
      (2000, 2, 29, 0, 0, 0, true), (1900, 13, 1, 0, 0, 0, false), (1900, 0, 1, 0, 0, 0, false), (1900, 1, 0, 0, 0, 0, false),
      (1900, 4, 31, 0, 0, 0, false), (1900, 1, 1, 24, 0, 0, false), (1900, 1, 1, 0, 60, 0, false),
      (1900, 1, 1, 0, 0, 61, false),
      (0, 1, 1, 0, 0, 0, false), (-5, 1, 1, 0, 0, 0, false),
    ] as [(Int32, UInt8, UInt8, UInt8, UInt8, UInt8, Bool)])
  func whatCalendarAndClockHave(
    year: Int32, month: UInt8, day: UInt8, hour: UInt8, minute: UInt8, second: UInt8, exists: Bool
  ) {
    let time = DateTime(
      date: CalendarDate(year: year, month: month, day: day),
      time: ClockTime(hour: hour, minute: minute, second: second, microsecond: 0), zone: .utc)
    #expect(time.exists == exists)
  }
}
