/// A `pattern` restriction.
public final class Pattern: Sendable {
  /// The regular expression as written (XML Schema syntax).
  public let expression: String
  /// `modifier invert-match`: the text must not match.
  public let isInverted: Bool
  public let errorMessage: String?
  public let errorAppTag: String?
  let expressionCode: RegularExpression

  init(expression: String, isInverted: Bool, errorMessage: String?, errorAppTag: String?, code: RegularExpression) {
    self.expression = expression
    self.isInverted = isInverted
    self.errorMessage = errorMessage
    self.errorAppTag = errorAppTag
    expressionCode = code
  }
}
