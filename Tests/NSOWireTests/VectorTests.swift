import ExternalTerm
import NIOCore
import NSOModel
import NSOWire
import Testing

@Suite struct VectorTests {
  /// MAAPI, CDB and value exchanges in both directions.
  @Test(arguments: ["maapi", "cdb", "values"])
  func exchanges(_ file: String) throws {
    var compared = 0
    let vectors = try Vector.load(file)
    for vector in vectors where !vector.frames.isEmpty {
      var check = ExchangeCheck(vector)
      verdict(vector) { try check.run() }
      compared += check.comparedTerms
    }
    // Vectors without frames have a test of their own, or nothing travels.
    let silent = vectors.filter { $0.frames.isEmpty }.map(\.id)
    #expect(silent.allSatisfy { $0.hasPrefix("values/hash/") || $0 == "cdb/close/1" }, "\(silent)")
    // The notation was understood for nearly all, so the comparison says something.
    #expect(compared > vectors.count, "\(compared) terms compared")
  }
}

extension VectorTests {
  @Test func nameHashes() throws {
    let vectors = try Vector.load("values").filter { $0.id.hasPrefix("values/hash/") }
    #expect(vectors.count == 22)
    for vector in vectors {
      verdict(vector) {
        // name hash of "foo" (3 bytes)
        guard let first = vector.call.firstIndex(of: "\""), let last = vector.call.lastIndex(of: "\"") else {
          throw CheckFailure("no name")
        }
        let name = String(vector.call[vector.call.index(after: first)..<last])
        try expect(vector.call.hasSuffix("(\(name.utf8.count) bytes)"), "another name: \(name)")
        try expect(String(NameHash.hash(name)) == vector.client_result, "\(NameHash.hash(name))")
      }
    }
  }
}

/// Files whose messages are not typed yet: their terms at least are read and written unchanged.
extension VectorTests {
  @Test(arguments: [("events", 92, 260), ("ha", 33, 100)])
  func untypedGroups(_ file: String, vectors count: Int, frames wanted: Int) throws {
    let vectors = try Vector.load(file)
    #expect(vectors.count == count)
    var frames = 0
    for vector in vectors {
      verdict(vector) {
        for frame in vector.frames where frame.kind == "frame" {
          frames += 1
          // An op word stands before the requests that a worker sends on its own; the HA token is no term at all.
          let start = frame.isBareTerm ? 0 : frame.prefix == "15" ? 4 : frame.hex.count / 2
          guard let payload = frame.bytes.getSlice(at: start, length: frame.hex.count / 2 - start), payload.readableBytes > 0
          else { continue }
          let term = try Term(encoded: payload)
          try expect(hexText(term.encoded) == hexText(payload), "encoded again it is \(hexText(term.encoded))")
          if let text = frame.term, let wanted = TermNotation.parse(text) {
            try expect(term == wanted, "the term is \(term), not \(text)")
          }
        }
      }
    }
    #expect(frames == wanted)
  }
}

/// Passes or not, against the list of those that do not.
func verdict(_ vector: Vector, _ check: () throws -> Void) {
  do {
    try check()
    if let reason = UncoveredVectors.reasons[vector.id] {
      Issue.record("\(vector.id) passes now; take it off the list (\(reason))")
    }
  } catch {
    if UncoveredVectors.reasons[vector.id] == nil { Issue.record("\(vector.id): \(error)") }
  }
}
