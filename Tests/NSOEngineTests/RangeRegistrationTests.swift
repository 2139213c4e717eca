import NSOModel
import NSOWire
import Testing

@testable import NSOEngine

/// Which instances belong to a range of keys (protocol part 05, section 4.6).
@Suite struct RangeRegistrationTests {
  private static let top = Keypath.Element.tag(Tag("top", in: "urn:t"))

  private func range(_ path: Keypath) -> RangeRegistration {
    RangeRegistration(
      ProviderRegistration(.action, "point", mask: 4, flags: .sendsPaths, index: 1), lower: [.uint8(2)], upper: [.uint8(4)],
      keyCount: 1, path: path)
  }

  private func place(_ outer: String, _ inner: UInt8?) -> Keypath {
    var path: Keypath = [Self.top, .tag("outer"), .keys([.string(outer)]), .tag("inner")]
    if let inner { path.elements += [.keys([.uint8(inner), .string("second key")]), .tag("below")] }
    return path
  }

  @Test func keysOfListsAboveMayBeLeftOut() {
    let all = range([Self.top, .tag("outer"), .tag("inner")])
    for name in ["a", "b"] { #expect(all.keys(in: place(name, 3)) == [.uint8(3), .string("second key")]) }
    let one = range([Self.top, .tag("outer"), .keys([.string("a")]), .tag("inner")])
    #expect(one.keys(in: place("a", 3)) != nil)
    #expect(one.keys(in: place("b", 3)) == nil)
  }

  @Test func whatIsNoEntryBelongsToNoRange() {
    let all = range([Self.top, .tag("outer"), .tag("inner")])
    #expect(all.keys(in: place("a", nil)) == nil)
    #expect(all.keys(in: [Self.top, .tag("outer"), .keys([.uint8(3)])]) == nil)
    #expect(
      all.keys(in: [
        .tag(Tag("top", in: "urn:other")), .tag("outer"), .keys([.string("a")]), .tag("inner"), .keys([.uint8(3)]),
      ]) == nil)
    #expect(all.keys(in: .root) == nil)
    #expect(range(.root).keys(in: place("a", 3)) == nil)
  }
}
