public import NSOModel
import NSOWire

/// Where somebody who logs in comes from.
public struct LoginOrigin: Hashable, Sendable, CustomStringConvertible {
  public var context: String
  public var address: IPAddress
  public var port: UInt16
  public var proto: SessionProtocol

  public init(context: String, address: IPAddress, port: UInt16, proto: SessionProtocol) {
    self.context = context
    self.address = address
    self.port = port
    self.proto = proto
  }

  /// For the audit log.
  public var description: String { "context \(context) from \(address):\(port) over \(proto)" }
}

extension Engine {
  /// Asks the application about a login that the daemon has checked, where it wants to be asked (protocol part 05, section 11.1).
  ///
  /// - Parameters:
  ///   - method: how the user was checked: `local`, `publickey`; it is told of refused passwords as `password`.
  ///   - result: what the daemon found.
  /// - Throws: what the daemon found, or ACCESS_DENIED when the application refuses.
  public func approveLogin(
    _ user: String, method: String, _ result: Result<Void, NSOError>, from origin: LoginOrigin?
  ) async throws(NSOError) {
    guard aaa.asksApplication else { return try result.get() }
    let info = UserSessionInfo(
      id: 0, user: user, context: origin?.context ?? "", sessionProtocol: origin?.proto ?? .unknown,
      address: origin?.address ?? .loopback, port: origin.map { Int($0.port) } ?? 0, loginTime: configuration.clock().seconds)
    switch result {
    case .success:
      let groups = try groups(of: user)
      do throws(NSOError) {
        try await providers.approve(info, method: method, .accepted(groups: groups))
      } catch {
        journal.audit(
          .loginRejected, user: aaa.auditsUserNames ? user : "[withheld]",
          origin.map { "\($0): \(error.message)" } ?? error.message)
        throw error
      }
    case .failure(let error):
      // It is only told: the login fails whatever it says (AUTH_LOGIN_FAIL).
      try? await providers.approve(
        info, method: method == "local" ? "password" : method, .refused(log: 172, reason: error.message))
      throw error
    }
  }

  /// Where the keys of a user of `/aaa/authentication/users` are.
  /// - Returns: nil for a user who is not there; empty: no login by key.
  public func keyDirectory(of user: String) throws(NSOError) -> String? {
    let view = try currentView()
    guard var builder = Self.usersBuilder(view) else { return nil }
    try builder.entry([.string(user)])
    guard try view.exists(builder.location) else { return nil }
    try builder.child(Tag("ssh_keydir"))
    guard case .string(let text)? = try view.value(builder.location) else { return "" }
    return text
  }

  /// The name for audit records of logins that failed: those of unknown users may be passwords, typed in the wrong place.
  public func auditName(of user: String) -> String {
    guard aaa.auditsUserNames, case .some(.some(_)) = try? keyDirectory(of: user) else { return "[withheld]" }
    return user
  }

  private static func usersBuilder(_ view: TreeView) -> LocationBuilder? {
    var builder = LocationBuilder(view.model)
    guard (try? builder.child(Tag("aaa", in: "http://tail-f.com/ns/aaa/1.1"))) != nil else { return nil }
    for name in ["authentication", "users", "user"] { guard (try? builder.child(Tag(name))) != nil else { return nil } }
    return builder
  }
}
