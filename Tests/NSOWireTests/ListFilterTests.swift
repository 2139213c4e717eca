import NSOModel
import NSOWire
import Testing

/// List filters as providers evaluate and print them.
@Suite struct ListFilterTests {
  private static let values: [String: Value] = [
    "name": .string("www"), "port": .uint16(80), "rate": .decimal64(Decimal64(scaled: -250, digits: 2)), "big": .uint64(.max),
    "on": .bool(true), "mode": .enumeration(3),
  ]

  private func met(_ filter: ListFilter) -> Bool? {
    filter.isMet { node in Self.values[node.map(\.name).joined(separator: "/")] }
  }

  @Test func comparisons() {
    func compare(_ comparison: ListFilter.Comparison, _ node: NSOModel.Tag, _ text: String) -> Bool? {
      met(.compare(comparison, [node], .string(text)))
    }
    #expect(compare(.equal, "name", "www") == true && compare(.notEqual, "name", "www") == false)
    #expect(compare(.less, "port", "100") == true && compare(.greater, "port", "9") == true)
    #expect(compare(.equal, "port", "080") == true && compare(.greaterOrEqual, "port", "80.0") == true)
    #expect(compare(.less, "rate", "-2.4") == true && compare(.greater, "rate", "-2.51") == true)
    #expect(compare(.lessOrEqual, "rate", "0") == true && compare(.equal, "rate", "-2.5") == true)
    #expect(compare(.greater, "big", "18446744073709551614") == true)
    #expect(compare(.equal, "on", "true") == true)
    // A comparison with nothing does not hold, either way.
    #expect(compare(.equal, "none", "") == false && compare(.notEqual, "none", "x") == false)
    // Only the schema knows how it is written; and what is no number has no size.
    #expect(compare(.equal, "mode", "fast") == nil && compare(.less, "port", "many") == nil)
  }

  @Test func combinations() {
    let yes = ListFilter.exists(["name"])
    let no = ListFilter.exists(["none"])
    let unknown = ListFilter.call(.matches, ["name"], .string("w.*"))
    #expect(met(.and(yes, no)) == false && met(.or(no, yes)) == true && met(.not(no)) == true)
    #expect(met(.and(unknown, no)) == false && met(.and(unknown, yes)) == nil)
    #expect(met(.or(unknown, yes)) == true && met(.or(unknown, no)) == nil && met(.not(unknown)) == nil)
    #expect(met(.call(.startsWith, ["name"], .string("w"))) == true)
    #expect(met(.call(.matches, ["none"], .string("w"))) == false)
  }

  @Test func texts() {
    let filter = ListFilter.and(
      .or(.compare(.notEqual, ["a", "b"], .string("1")), .exists([Tag("c", in: "urn:x")])),
      .not(.call(.startsWith, ["d"], .string("z"))))
    #expect("\(filter)" == "(a/b != \"1\" or \(Tag("c", in: "urn:x"))) and not(starts-with(d, \"z\"))")
  }
}
