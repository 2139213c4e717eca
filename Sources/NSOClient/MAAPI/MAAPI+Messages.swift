import NSOWire

// Messages to users (protocol part 04, section 4.10).
extension MAAPI {
  /// Shows a text without decoration to users of the CLI: a user name, a session id, or `all`.
  /// - Throws: `noExists` when there is nobody.
  public func sendSystemMessage(_ message: String, to receiver: String) async throws {
    try await done(.sysMessage(to: receiver, message: message))
  }

  /// Shows a text at once, even in the middle of a command.
  /// - Throws: `noExists` when there is nobody.
  public func sendPriorityMessage(_ message: String, to receiver: String) async throws {
    try await done(.prioMessage(to: receiver, message: message))
  }
}
