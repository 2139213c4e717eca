import ExternalTerm
import TestSupport

extension SeededGenerator {
  mutating func bytes(_ counts: Range<Int>) -> [UInt8] {
    (0..<Int.random(in: counts, using: &self)).map { _ in UInt8.random(in: .min ... .max, using: &self) }
  }

  mutating func text() -> String {
    let alphabet: [Character] = ["a", "z", "_", "-", "å", "λ", "€", "😀", "'", " "]
    return String((0..<Int.random(in: 0..<12, using: &self)).map { _ in alphabet.randomElement(using: &self) ?? "a" })
  }

  /// Any term of the format, mostly small ones.
  mutating func term(depth: Int = 0) -> Term {
    switch Int.random(in: 0..<(depth > 4 ? 7 : 12), using: &self) {
    case 0: return .integer(Int64.random(in: 0...255, using: &self))
    case 1: return .integer(Int64.random(in: .min ... .max, using: &self) >> Int64.random(in: 0..<64, using: &self))
    case 2:
      let big = BigInteger(isNegative: Bool.random(using: &self), magnitude: bytes(1..<300))
      return big.int64.map(Term.integer) ?? .bigInteger(big)
    case 3: return .float(Double(Int64.random(in: .min ... .max, using: &self)) / 7)
    case 4: return .atom(text())
    case 5: return .binary(bytes(0..<20))
    case 6:
      let content = bytes(0..<4)
      return .bitString(content, bitsInLast: content.isEmpty ? 0 : UInt8.random(in: 1...8, using: &self))
    case 7: return .tuple(terms(0..<6, depth))
    case 8: return .list(terms(0..<6, depth))
    case 9: return .list(bytes(0..<20).map { .integer(Int64($0)) })
    case 10: return .improperList(terms(1..<3, depth), tail: .atom(text()))
    default: return .map(terms(0..<3, depth).map { Term.Pair($0, .integer(1)) })
    }
  }

  private mutating func terms(_ counts: Range<Int>, _ depth: Int) -> [Term] {
    (0..<Int.random(in: counts, using: &self)).map { _ in term(depth: depth + 1) }
  }
}
