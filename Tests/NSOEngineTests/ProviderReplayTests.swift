import NSOModel
import Testing

@testable import NSOEngine

/// What a provider replays and what comes live: each is told once, and memory is bounded.
@Suite struct ProviderReplayTests {
  private func record(_ second: UInt8, _ text: String = "", zone: Int8 = 0) -> NotificationRecord {
    NotificationRecord(
      time: DateTime(
        date: CalendarDate(year: 2026, month: 1, day: 2),
        time: ClockTime(hour: UInt8(12 + zone), minute: 0, second: second, microsecond: 0),
        zone: ZoneOffset(hours: zone, minutes: 0)), path: .root, values: [TaggedValue("text", .string(text))])
  }

  private func replay(before: [NotificationRecord] = []) -> ProviderReplay {
    ProviderReplay(number: 1, instance: 1, worker: 1, provider: "p", before: before.map(NotificationDigest.init))
  }

  @Test func theSameInstantInAnotherZoneIsTheSame() {
    let one = NotificationDigest(record(1, "a"))
    #expect(one == NotificationDigest(record(1, "a", zone: 2)))
    #expect(one != NotificationDigest(record(1, "b")) && one != NotificationDigest(record(2, "a")))
    let replay = replay()
    replay.replay(record(1, "a"))
    #expect(replay.wasReplayed(NotificationDigest(record(1, "a", zone: 2))))
    #expect(replay.hold(record(3), NotificationDigest(record(3))))
    replay.replay(record(3, zone: 2))
    #expect(replay.takeHeld().isEmpty)
  }

  @Test func othersInBetweenDoNotMakeItForget() {
    let replay = replay()
    replay.replay(record(1))
    for second: UInt8 in 2...59 { #expect(!replay.wasReplayedBeforeTheEnd(NotificationDigest(record(second)))) }
    #expect(!replay.isForgotten)
    #expect(replay.wasReplayedBeforeTheEnd(NotificationDigest(record(1))))
    #expect(replay.isForgotten)
    replay.replay(record(1))
    for _ in 0..<256 { _ = replay.wasReplayedBeforeTheEnd(NotificationDigest(record(2))) }
    #expect(replay.isForgotten)
  }

  @Test func whatWasLiveBeforeDoesNotComeAgain() {
    let replay = replay(before: [record(1), record(1)])
    replay.replay(record(1))
    replay.replay(record(1))
    // A third one, of the same second and content, is a new one.
    #expect(!replay.wasReplayed(NotificationDigest(record(1))))
    replay.replay(record(1))
    #expect(replay.wasReplayed(NotificationDigest(record(1))))
  }

  @Test func whatIsHeldIsBoundedInBytes() {
    let replay = replay()
    let big = record(1, String(repeating: "x", count: 1 << 20))
    let digest = NotificationDigest(big)
    var held = 0
    while held < 100, replay.hold(big, digest) { held += 1 }
    #expect(held == 7)
    // The replay had one of them: room again.
    replay.replay(big)
    #expect(replay.hold(big, digest) && !replay.hold(big, digest))
    #expect(replay.takeHeld().count == 7)
    let small = record(2)
    held = 0
    while held < 10_000, replay.hold(small, NotificationDigest(small)) { held += 1 }
    #expect(held == 4096)
  }
}
