/// Steps that several evaluations may take together. For one thread.
public final class XPathBudget {
  public let limit: Int
  /// May fall below zero: evaluations inside of another one begin with all that was left when that one began.
  public internal(set) var left: Int

  public init(_ steps: Int) {
    limit = steps
    left = steps
  }
}
