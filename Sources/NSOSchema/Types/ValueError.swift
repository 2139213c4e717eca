public import NSOModel

/// A value or text that does not fit its type. The text names the rule and what would fit; it does not name the node,
/// which the caller knows.
public struct ValueError: Error, Hashable, Sendable, CustomStringConvertible {
  public var message: String
  /// `error-app-tag` of the restriction, when it has one.
  public var appTag: String?

  public init(_ message: String, appTag: String? = nil) {
    self.message = message
    self.appTag = appTag
  }

  public var description: String { message }

  /// As an answer to a client: code 5 (BADTYPE), with `path` in front.
  public func nsoError(at path: String) -> NSOError {
    NSOError(.badType, "\(path): \(message)", appTag: appTag.map { Tag($0) })
  }
}
