import NSOModel
import Testing

@Suite struct InstantTests {
  private func dateTime(_ text: String) -> DateTime? {
    if case .dateTime(let time)? = SpecialForm.dateTime.parse(text) { time } else { nil }
  }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2024-03-01T12:00:00Z", 1_709_294_400_000_000),
      ("2024-02-29T23:59:59.25Z", 1_709_251_199_250_000),
      ("1969-12-31T23:59:59.5Z", -500_000), ("2024-03-01T13:30:00+01:30", 1_709_294_400_000_000),
      ("2024-03-01T10:30:00-01:30", 1_709_294_400_000_000), ("2024-03-01T11:30:00-00:30", 1_709_294_400_000_000),
      ("2024-03-01T12:00:00-00:00", 1_709_294_400_000_000), ("2100-12-31T24:00:00Z", 4_133_980_800_000_000),
    ] as [(String, Int64)])
  func instants(_ text: String, _ instant: Int64) {
    #expect(dateTime(text)?.microsecondsSince1970 == instant)
    #expect(DateTime(microsecondsSince1970: instant).microsecondsSince1970 == instant)
  }

  @Test func extremesDoNotTrap() {
    for year in [Int32.min, -9999, 0, 9999, .max] {
      let time = DateTime(
        date: CalendarDate(year: year, month: 255, day: 255),
        time: ClockTime(hour: 255, minute: 255, second: 255, microsecond: .max), zone: ZoneOffset(hours: -128, minutes: -128))
      _ = time.microsecondsSince1970
    }
    for instant in [Int64.min, -1, .max] { _ = DateTime(microsecondsSince1970: instant) }
  }
}
