/// An integer of any size: sign and magnitude, the magnitude little-endian without leading (high) zero bytes.
public struct BigInteger: Hashable, Sendable {
  public let isNegative: Bool
  public let magnitude: [UInt8]

  public init(isNegative: Bool, magnitude: some Sequence<UInt8>) {
    var magnitude = Array(magnitude)
    while magnitude.last == 0 { magnitude.removeLast() }
    self.magnitude = magnitude
    self.isNegative = isNegative && !magnitude.isEmpty
  }

  public init(_ value: UInt64) {
    self.init(isNegative: false, magnitude: (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) })
  }

  /// The value where 64 bits with sign hold it.
  public var int64: Int64? {
    guard let value = uint64Magnitude else { return nil }
    if !isNegative { return Int64(exactly: value) }
    return value == 1 << 63 ? Int64.min : Int64(exactly: value).map { -$0 }
  }

  /// The value where 64 bits without sign hold it.
  public var uint64: UInt64? { isNegative ? nil : uint64Magnitude }

  private var uint64Magnitude: UInt64? {
    guard magnitude.count <= 8 else { return nil }
    return magnitude.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension BigInteger: CustomStringConvertible {
  /// Decimal.
  public var description: String {
    var digits: [UInt8] = []
    var rest = magnitude
    while !rest.isEmpty {
      var remainder = 0
      for index in rest.indices.reversed() {
        let part = remainder << 8 | Int(rest[index])
        rest[index] = UInt8(part / 10)
        remainder = part % 10
      }
      digits.append(UInt8(remainder))
      while rest.last == 0 { rest.removeLast() }
    }
    if digits.isEmpty { return "0" }
    return (isNegative ? "-" : "") + digits.reversed().map(String.init).joined()
  }
}
