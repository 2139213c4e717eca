/// Text of an argument that travels as a binary or as a list of characters, as its sender likes.
public struct WireText: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  public var text: String
  /// As a list of character codes instead of a binary.
  public var isCharacters: Bool

  public init(_ text: String, asCharacters: Bool = false) {
    self.text = text
    isCharacters = asCharacters
  }

  public init(stringLiteral text: String) { self.init(text) }

  public var description: String { text }
}
