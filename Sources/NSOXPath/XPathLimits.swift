/// Bounds that keep an expression from exhausting the daemon. They are far above what any published module needs.
public struct XPathLimits: Hashable, Sendable {
  /// Length of an expression in bytes.
  public var sourceBytes: Int
  /// Tokens in an expression.
  public var tokens: Int
  /// Nesting of parentheses, predicates, function calls, operators and the steps of a path.
  public var depth: Int
  /// Work that one evaluation may do. Every node visited, operation and 64 bytes of text handled count one step.
  public var steps: Int
  /// Length in bytes of a text that evaluation puts together.
  public var textBytes: Int

  public init(
    sourceBytes: Int = 65_536, tokens: Int = 20_000, depth: Int = 120, steps: Int = 20_000_000, textBytes: Int = 64 << 20
  ) {
    self.textBytes = textBytes
    self.sourceBytes = sourceBytes
    self.tokens = tokens
    self.depth = depth
    self.steps = steps
  }

  public static var standard: XPathLimits { XPathLimits() }
}
