public import NSOModel
import NSOWire

/// Entries of a list that a program serves, while others may serve the rest (protocol part 05, section 4.6).
///
/// ```swift
/// let cards: Keypath = [.tag(Tag("chassis", in: "urn:chassis")), .tag("card")]
/// provider.data("card-cp", in: KeyRange(of: cards, from: [.uint8(1)], through: [.uint8(8)]), lineCards)
/// provider.data("card-cp", in: .rest(of: cards), emptySlots)
/// ```
public struct KeyRange: Hashable, Sendable {
  /// The list; keys of lists above it may be left out: in all of them.
  public let list: Keypath
  /// The leading keys of the first entry; it is one of them.
  public let lower: [Value]
  /// The leading keys of the last entry; it is one of them. What follows these keys in an entry does not matter.
  public let upper: [Value]

  /// - Precondition: both ends have the same number of keys, at least one.
  public init(of list: Keypath, from lower: [Value], through upper: [Value]) {
    precondition(
      !lower.isEmpty && lower.count == upper.count,
      "the ends of a range of keys must have the same number of keys, at least one: \(lower.count) and \(upper.count)")
    self.list = list
    self.lower = lower
    self.upper = upper
  }

  private init(restOf list: Keypath) {
    self.list = list
    lower = []
    upper = []
  }

  /// The entries that are in no other range.
  public static func rest(of list: Keypath) -> KeyRange { KeyRange(restOf: list) }

  func registration(_ registration: ProviderRegistration) -> RangeRegistration {
    RangeRegistration(registration, lower: lower, upper: upper, keyCount: Int32(clamping: lower.count), path: list)
  }
}
