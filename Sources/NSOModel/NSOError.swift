/// A refusal that travels to the peer: code, text for people, and the schema's error-app-tag where there is one
/// (protocol part 01, section 8). The text says who, what, where and what to do.
public struct NSOError: Error, Hashable, Sendable, CustomStringConvertible {
  public var code: ErrorCode
  public var message: String
  public var appTag: Tag?

  public init(_ code: ErrorCode, _ message: String, appTag: Tag? = nil) {
    self.code = code
    self.message = message
    self.appTag = appTag
  }

  public var description: String { message.isEmpty ? code.description : "\(code): \(message)" }
}
