import Glibc
import NIOCore
import Testing

@testable import NSOTools

@Suite struct ProgressTests {
  @Test func knownTotal() {
    let line = ProgressLine(state: .init(label: "loading", done: 512, total: 2048), elapsed: .seconds(65), step: 1)
    #expect(line.text(width: 60) == "loading [#######                        ] 25% of 2 KiB 1:05")
  }

  @Test func unknownTotalMoves() {
    let state = Progress.State(label: "saving", done: 1536, total: nil)
    let first = ProgressLine(state: state, elapsed: .seconds(2), step: 0).text(width: 40)
    let second = ProgressLine(state: state, elapsed: .seconds(2), step: 1).text(width: 40)
    #expect(first == "saving [###              ] 1.5 KiB 0:02")
    #expect(second == "saving [ ###             ] 1.5 KiB 0:02")
  }

  /// The line must never wrap.
  @Test(arguments: [0, 1, 5, 20, 40, 300])
  func fitsTheTerminal(width: Int) {
    let state = Progress.State(label: "loading a rather long file name.xml", done: 5, total: 10)
    #expect(ProgressLine(state: state, elapsed: .seconds(3), step: 7).text(width: width).count <= max(0, width - 1))
  }

  @Test func sizes() {
    #expect(ProgressLine.size(999) == "999 B")
    #expect(ProgressLine.size(1024) == "1 KiB")
    #expect(ProgressLine.size(1_572_864) == "1.5 MiB")
    #expect(ProgressLine.size(5 << 30) == "5 GiB")
  }

  /// The line appears while work goes on, and is gone when it is done.
  @Test func lineOnATerminal() async throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let (reading, writing) = (ends[0], ends[1])
    defer { close(reading) }
    let result = try await withProgress(on: Terminal(descriptor: writing), after: .zero) { progress in
      progress.begin("counting", total: 4)
      progress.advance(by: 3)
      // Work lasts until the line is there.
      var seen = ""
      while !seen.contains("counting") { seen += try await Self.read(reading) }
      #expect(seen.contains("75% of 4 B"))
      return 7
    }
    close(writing)
    #expect(result == 7)
    var rest = ""
    while case let more = try await Self.read(reading), !more.isEmpty { rest += more }
    #expect(rest.hasSuffix("\r" + Terminal.clearToEndOfLine))
  }

  @Test func errorsOfTheWorkComeThrough() async {
    struct Broken: Error {}
    await #expect(throws: Broken.self) { try await withProgress(on: nil) { _ in throw Broken() } }
  }

  /// Off the threads that tasks run on: somebody must be left to write.
  private static func read(_ descriptor: Int32) async throws -> String {
    let bytes = try await InputFile(descriptor: descriptor, name: "the pipe").read(upTo: 1024)
    return bytes.map { String(decoding: $0.readableBytesView, as: UTF8.self) } ?? ""
  }
}
