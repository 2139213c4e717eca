/// Why a secret cannot be hashed, encrypted or decrypted. Never holds any of the secret.
public struct SecretError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}
