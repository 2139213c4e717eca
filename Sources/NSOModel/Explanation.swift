/// Why something was refused: who wanted what, which rule is against it, since when, and what to do. The one place that makes
/// these texts, so that the error, the log and the events say the same.
public struct Explanation: Hashable, Sendable {
  /// The kind of rule.
  public enum Cause: String, Hashable, Sendable {
    case lock, access, validation, conflict, handshake, configuration, state, limit, participant
  }

  public var cause: Cause
  public var code: ErrorCode
  /// Who: `admin (session 17, context cli, from 127.0.0.1)`. Empty where it is plain.
  public var actor: String
  /// What was wanted, after "cannot": `lock running`. Empty where `actor` says it, or nobody wanted anything.
  public var action: String
  /// Where, if it is about a place in the data or a setting.
  public var path: String?
  /// What is against it.
  public var rule: String
  /// For how long, in seconds.
  public var age: Int64?
  /// What to do about it.
  public var remedy: String

  public init(
    _ cause: Cause, _ code: ErrorCode, actor: String, action: String, path: String? = nil, rule: String,
    age: Int64? = nil, remedy: String
  ) {
    self.cause = cause
    self.code = code
    self.actor = actor
    self.action = action
    self.path = path
    self.rule = rule
    self.age = age
    self.remedy = remedy
  }

  /// One sentence: `ACTOR cannot ACTION PATH: RULE since AGE s; REMEDY`.
  public var text: String {
    var text = [actor, action.isEmpty ? "" : "cannot \(action)", path ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
    text += ": \(rule)"
    if let age { text += " since \(age) s" }
    if !remedy.isEmpty { text += "; \(remedy)" }
    return text
  }

  /// What the client is told.
  public var error: NSOError { NSOError(code, text) }
}
