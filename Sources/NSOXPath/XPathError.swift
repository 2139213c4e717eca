public import NSOModel

/// Why an expression does not compile or cannot be evaluated, with the place in its text.
///
/// It reaches clients as CONFD_ERR_XPATH (50), see ``nsoError`` (protocol part 04, section 5.3).
public struct XPathError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Reason: Hashable, Sendable {
    /// The text does not follow the grammar: what was expected and what stands there.
    case syntax(expected: String, found: String)
    /// A prefix that the module of the expression does not declare.
    case unknownPrefix(String)
    /// No such function.
    case unknownFunction(String)
    /// A function was called with too few or too many arguments.
    case argumentCount(function: String, expected: String, found: Int)
    /// An operand or argument has the wrong type, for example a string where a node-set is needed.
    case type(expected: String, found: String, in: String)
    /// A variable that the caller did not bind.
    case unknownVariable(String)
    /// XPath that has no meaning for YANG data: the attribute and namespace axes.
    case unsupported(String)
    /// An identity that no loaded module defines.
    case unknownIdentity(String)
    /// A regular expression that does not compile: the expression and the reason.
    case badPattern(String, String)
    /// The expression is larger or deeper than allowed.
    case tooLarge(what: String, limit: Int)
    /// Evaluation took more steps than allowed.
    case budget(steps: Int)
  }

  public var reason: Reason
  /// The whole expression.
  public var expression: String
  /// Where in `expression`, in bytes of its UTF-8 form; nil when no single place is to blame.
  public var offset: Int?

  public init(_ reason: Reason, expression: String, offset: Int? = nil) {
    self.reason = reason
    self.expression = expression
    self.offset = offset
  }

  /// The refusal as it travels to a client.
  public var nsoError: NSOError { NSOError(.xpath, description) }

  public var description: String {
    var text = "XPath: \(reason)"
    if let offset { text += " at offset \(offset)" }
    return text + " in \"\(Self.excerpt(expression, around: offset ?? 0))\""
  }

  /// At most 120 characters of a long expression, those around the place of the error.
  private static func excerpt(_ expression: String, around offset: Int) -> String {
    let scalars = expression.unicodeScalars
    guard expression.utf8.count > 120 else { return expression }
    let bytes = expression.utf8
    let middle = bytes.index(bytes.startIndex, offsetBy: offset, limitedBy: bytes.endIndex) ?? bytes.endIndex
    let position = middle.samePosition(in: scalars) ?? scalars.startIndex
    let start = scalars.index(position, offsetBy: -60, limitedBy: scalars.startIndex) ?? scalars.startIndex
    let end = scalars.index(position, offsetBy: 60, limitedBy: scalars.endIndex) ?? scalars.endIndex
    return (start > scalars.startIndex ? "…" : "") + String(scalars[start..<end]) + (end < scalars.endIndex ? "…" : "")
  }
}

extension XPathError.Reason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .syntax(let expected, let found): "expected \(expected), found \(found)"
    case .unknownPrefix(let prefix): "unknown prefix \"\(prefix)\""
    case .unknownFunction(let name): "unknown function \(name)()"
    case .argumentCount(let function, let expected, let found): "\(function)() takes \(expected), not \(found)"
    case .type(let expected, let found, let place): "\(place) needs \(expected), not \(found)"
    case .unknownVariable(let name): "unknown variable $\(name)"
    case .unsupported(let what): "\(what)"
    case .unknownIdentity(let name): "unknown identity \"\(name)\""
    case .badPattern(let pattern, let why): "bad regular expression \"\(pattern)\": \(why)"
    case .tooLarge(let what, let limit): "\(what): the limit is \(limit)"
    case .budget(let steps): "evaluation stopped after \(steps) steps"
    }
  }
}
