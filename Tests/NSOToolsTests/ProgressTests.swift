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
}
