public import NSOModel

/// What a validation point is asked.
public struct ValidationCall: Sendable {
  public let path: Keypath
  /// `.notFound` for nodes without value.
  public let value: Value
  /// Read the new configuration by attaching to ``ProviderCall/handle`` through MAAPI.
  public let call: ProviderCall
}

/// What it answers; a value that is not good is an error that is thrown.
public enum ValidationAnswer: Hashable, Sendable {
  case valid
  /// Good, but the user should know: users of the CLI are asked, others told.
  case warning(String)
}

/// A type that validates.
public protocol ConfigurationValidator: Sendable {
  /// - Throws: ``CallbackError`` when the configuration must not be committed; any other error travels as its words.
  func validate(_ validation: ValidationCall) async throws -> ValidationAnswer
}

struct ValidationClosure: ConfigurationValidator {
  let body: @Sendable (ValidationCall) async throws -> ValidationAnswer

  func validate(_ validation: ValidationCall) async throws -> ValidationAnswer { try await body(validation) }
}

/// What the authentication callback answers.
public enum AuthenticationAnswer: Hashable, Sendable {
  case accept
  /// The words go to the audit log.
  case reject(String)
}
