/// Keys from `lower` on, below `upper`; without `upper` there is no end.
public struct KeyRange: Hashable, Sendable {
  public var lower: [UInt8]
  public var upper: [UInt8]?

  public init(lower: [UInt8], upper: [UInt8]?) {
    self.lower = lower
    self.upper = upper
  }

  /// Every key.
  public static var all: KeyRange { KeyRange(lower: [], upper: nil) }

  /// All keys that begin with `prefix`, `prefix` itself included.
  public static func prefix(_ prefix: [UInt8]) -> KeyRange {
    KeyRange(lower: prefix, upper: upperBound(of: prefix))
  }

  /// `key` alone.
  public static func point(_ key: [UInt8]) -> KeyRange { KeyRange(lower: key, upper: key + [0]) }

  /// The smallest key above all that begin with `prefix`; nil when there is none.
  public static func upperBound(of prefix: [UInt8]) -> [UInt8]? {
    var bound = prefix
    while let last = bound.last {
      if last < 255 {
        bound[bound.count - 1] = last + 1
        return bound
      }
      bound.removeLast()
    }
    return nil
  }

  public var isEmpty: Bool {
    guard let upper else { return false }
    return !lower.lexicographicallyPrecedes(upper)
  }

  public func contains(_ key: UnsafeRawBufferPointer) -> Bool {
    lower.withUnsafeBytes { compareBytes($0, key) <= 0 } && (upper?.withUnsafeBytes { compareBytes(key, $0) < 0 } ?? true)
  }

  public func contains(_ key: [UInt8]) -> Bool { key.withUnsafeBytes { contains($0) } }
}
