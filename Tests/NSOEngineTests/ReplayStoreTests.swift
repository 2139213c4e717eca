import Foundation
import Testing

@testable import NSOEngine

/// The replay store of a notification stream: order, bounds, and what a crash leaves.
@Suite struct ReplayStoreTests {
  private final class Folder {
    let path: String
    init() throws {
      path = NSTemporaryDirectory() + "replay-" + UUID().uuidString
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    var files: [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { $0.hasSuffix(".replay") }.sorted()
    }
  }

  private func settings(_ folder: Folder, size: Int = 4096, files: Int = 100) -> NotificationStreamSettings.Store {
    NotificationStreamSettings.Store(directory: folder.path, maximumSize: size, maximumFiles: files)
  }

  private func open(
    _ settings: NotificationStreamSettings.Store, _ name: String = "alarms", note: (String) -> Void = { _ in }
  ) throws -> ReplayStore {
    try ReplayStore.open(settings, name: name, now: 77, note: note)
  }

  private func record(_ number: Int64, size: Int = 100) -> ReplaySegment.Record {
    ReplaySegment.Record(time: number, payload: (0..<size).map { UInt8(truncatingIfNeeded: Int64($0) &* 31 &+ number) })
  }

  private func everything(_ store: ReplayStore, after time: Int64 = .min) throws -> [ReplaySegment.Record] {
    var position = store.position(after: time)
    var all: [ReplaySegment.Record] = []
    while true {
      let batch = try store.read(from: position, limit: 1000)
      all += batch.records
      position = batch.next
      if batch.isAtEnd { return all }
    }
  }

  @Test func whatWasAppendedIsReadInOrderAndOutlivesTheStore() throws {
    let folder = try Folder()
    let all = (1...500).map { record(Int64($0), size: $0 % 300) }
    do {
      let store = try open(settings(folder))
      for one in all { try store.append(one) }
      #expect(try everything(store) == all)
    }
    let store = try open(settings(folder))
    #expect(store.created == 77)
    #expect(folder.files.count > 5)
    #expect(try everything(store) == all)
    try store.append(record(501))
    #expect(try everything(store).count == 501)
  }

  @Test func theOldestFilesGoAndAreRemembered() throws {
    let folder = try Folder()
    do {
      let store = try open(settings(folder, files: 3))
      for number in 1...200 { try store.append(record(Int64(number))) }
      let kept = try everything(store)
      #expect(folder.files.count == 3)
      #expect(kept.last?.time == 200 && kept.count < 150 && kept.count > 70)
      #expect(kept.map(\.time) == Array((kept.first?.time ?? 0)...200))
      #expect(store.aged == (kept.first?.time ?? 0) - 1)
      #expect(store.extent.bytes <= 3 * 4096)
    }
    let again = try open(settings(folder, files: 3))
    #expect(again.aged == (try everything(again).first?.time ?? 0) - 1)
  }

  @Test func oneFileIsEnough() throws {
    let folder = try Folder()
    let store = try open(settings(folder, files: 1))
    for number in 1...100 { try store.append(record(Int64(number))) }
    #expect(folder.files.count == 1)
    #expect(try everything(store).last?.time == 100)
  }

  @Test func aReaderThatFellBehindIsTold() throws {
    let folder = try Folder()
    let store = try open(settings(folder, files: 2))
    for number in 1...30 { try store.append(record(Int64(number))) }
    let position = try store.read(from: store.position(after: 0), limit: 300).next
    for number in 31...200 { try store.append(record(Int64(number))) }
    #expect(throws: ReplayStoreError.self) { _ = try store.read(from: position) }
  }

  @Test func filesWithoutLaterNotificationsAreLeftOut() throws {
    let folder = try Folder()
    for _ in 0..<2 {
      let store = try open(settings(folder))
      if try everything(store).isEmpty { for number in 1...200 { try store.append(record(Int64(number))) } }
      let kept = try everything(store, after: 150)
      #expect(kept.first.map { $0.time <= 151 && $0.time > 100 } ?? false)
      #expect(kept.last?.time == 200)
    }
  }

  /// Cut at every byte: all whole records stay, and appending goes on behind them.
  @Test func aTornTailIsCutOff() throws {
    let all = (1...3).map { record(Int64($0), size: 20 * $0) }
    let folder = try Folder()
    do {
      let store = try open(settings(folder))
      for one in all { try store.append(one) }
    }
    let file = "\(folder.path)/\(folder.files[0])"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    var ends = [ReplaySegment.Header.size]
    for one in all { ends.append(ends[ends.count - 1] + ReplaySegment.bytes(of: one).count) }
    #expect(ends.last == bytes.count)
    for length in ReplaySegment.Header.size...bytes.count {
      try bytes[..<length].write(to: URL(fileURLWithPath: file))
      var notes: [String] = []
      let whole = ends.lastIndex { $0 <= length } ?? 0
      do {
        let store = try open(settings(folder)) { notes.append($0) }
        #expect(try everything(store) == Array(all[..<whole]))
        #expect(notes.isEmpty == ends.contains(length))
        try store.append(record(9))
      }
      let again = try open(settings(folder)) { notes.append("again \($0)") }
      #expect(try everything(again) == Array(all[..<whole]) + [record(9)])
      #expect(!notes.contains { $0.hasPrefix("again") })
    }
  }

  @Test func aHeaderThatWasBeingWrittenIsLeftAside() throws {
    let folder = try Folder()
    do {
      let store = try open(settings(folder))
      for number in 1...20 { try store.append(record(Int64(number))) }
    }
    try Data("NSOREPL1".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/alarms.000000000002.replay"))
    var notes: [String] = []
    let store = try open(settings(folder)) { notes.append($0) }
    #expect(try everything(store).count == 20)
    #expect(notes.count == 1)
    for number in 21...60 { try store.append(record(Int64(number))) }
    #expect(try everything(store).map(\.time) == Array(1...60))
  }

  @Test func damageInAnOldFileCostsTheRestOfThatFile() throws {
    let folder = try Folder()
    let store = try open(settings(folder))
    for number in 1...100 { try store.append(record(Int64(number))) }
    let file = URL(fileURLWithPath: "\(folder.path)/\(folder.files[0])")
    var bytes = try Data(contentsOf: file)
    bytes[ReplaySegment.Header.size + 5 * 116 + 50] ^= 1
    try bytes.write(to: file)
    var position = store.position(after: 0)
    var times: [Int64] = []
    var damages = 0
    while true {
      let batch = try store.read(from: position)
      times += batch.records.map(\.time)
      damages += batch.damage == nil ? 0 : 1
      position = batch.next
      if batch.isAtEnd { break }
    }
    #expect(damages == 1)
    #expect(times.prefix(5) == [1, 2, 3, 4, 5])
    #expect(times.last == 100 && times == times.sorted() && times.count < 100)
  }

  @Test func damageInTheLastFileLeavesItAsItIs() throws {
    let folder = try Folder()
    do {
      let store = try open(settings(folder))
      for number in 1...10 { try store.append(record(Int64(number))) }
    }
    let file = URL(fileURLWithPath: "\(folder.path)/\(folder.files[0])")
    var bytes = try Data(contentsOf: file)
    bytes[ReplaySegment.Header.size + 5 * 116 + 50] ^= 1
    try bytes.write(to: file)
    var notes: [String] = []
    let store = try open(settings(folder)) { notes.append($0) }
    #expect(notes.count == 1 && notes[0].contains("damaged"))
    try store.append(record(11))
    #expect(try Data(contentsOf: file) == bytes)
    #expect(try everything(store).map(\.time) == [1, 2, 3, 4, 5, 11])
  }

  @Test func aFileThatSomebodyRemovedCostsItsNotificationsOnly() throws {
    let folder = try Folder()
    let store = try open(settings(folder))
    for number in 1...100 { try store.append(record(Int64(number))) }
    try FileManager.default.removeItem(atPath: "\(folder.path)/\(folder.files[0])")
    let batch = try store.read(from: store.position(after: 0))
    #expect(batch.records.isEmpty && batch.damage?.contains("is gone") == true)
    let rest = try store.read(from: batch.next)
    #expect(rest.records.first.map { $0.time > 1 } ?? false)
  }

  @Test func whatDoesNotFitIsRefusedAndNothingElseIsLost() throws {
    let folder = try Folder()
    let store = try open(settings(folder))
    try store.append(record(1))
    #expect(throws: ReplayStoreError.self) { try store.append(record(2, size: 5000)) }
    try store.append(record(3))
    #expect(try everything(store).map(\.time) == [1, 3])
  }

  @Test func twoDaemonsDoNotShareAStoreButStreamsShareADirectory() throws {
    let folder = try Folder()
    let first = try open(settings(folder))
    #expect(throws: ReplayStoreError.self) { _ = try open(settings(folder)) }
    let other = try open(settings(folder), "a/b alarms")
    try first.append(record(1))
    try other.append(record(2))
    #expect(try everything(first).map(\.time) == [1])
    #expect(try everything(other).map(\.time) == [2])
  }

  @Test func checksums() {
    // The check value of CRC-32.
    #expect(Checksum.of(Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(Checksum.of(Array("6789".utf8), after: Checksum.of(Array("12345".utf8))) == 0xCBF4_3926)
  }
}
