import Logging
public import NSOModel
import NSOSecrets
import NSOStore

/// What authentication and groups go by besides the data (protocol part 08: `aaa` of `ncs.conf`). May change while the daemon runs.
public struct AAASettings: Sendable {
  /// Passwords are checked against `/aaa/authentication/users`.
  public var localAuthentication = true
  /// The application that registered for it has the last word (`authentication-callback`).
  public var asksApplication = false
  /// In bytes; longer passwords are refused without a look at them.
  public var maximumPasswordLength = 1024
  /// For users of whom no group is known.
  public var defaultGroup: String?
  /// Names of known users are in the audit records of logins that failed; else no name is.
  public var auditsUserNames = true
  /// User sessions are checked by the access rules.
  public var authorizes = true
  /// An application is to decide what users may do (`authorization/callback`).
  public var asksApplicationToAuthorize = false
  /// The system's groups of each user, as they were last read.
  public var systemGroups: [String: [String]] = [:]

  public init() {}
}

extension Engine {
  private static var namespace: String { "http://tail-f.com/ns/aaa/1.1" }
  private static var nacm: String { "urn:ietf:params:xml:ns:yang:ietf-netconf-acm" }

  /// Checks a name and a password (protocol part 08, section 8.3; part 04, AUTHENTICATE). Takes milliseconds: not for an event loop.
  /// - Parameter origin: where from, for the audit log: `context cli from 192.0.2.1:22 over ssh`.
  /// - Throws: ACCESS_DENIED, which does not tell an unknown user from a wrong password.
  public func authenticate(_ user: String, password: String, from origin: String = "") throws(NSOError) {
    let settings = aaa
    // A password may have been typed in place of a name: unknown names are not logged.
    func fail(_ symbol: LogSymbol, isKnown: Bool, _ reason: String) {
      let name = isKnown && settings.auditsUserNames ? user : "[withheld]"
      journal.audit(symbol, user: name, [origin, reason].filter { !$0.isEmpty }.joined(separator: ": "))
    }
    guard settings.localAuthentication else {
      fail(.localAuthenticationFailure, isKnown: false, "no method of authentication is enabled")
      throw NSOError(
        .accessDenied, "no method of authentication is enabled (ncs.conf, aaa/local-authentication/enabled is false)")
    }
    guard password.utf8.count <= settings.maximumPasswordLength else {
      fail(.localAuthenticationFailure, isKnown: false, "the password has more than \(settings.maximumPasswordLength) bytes")
      log.notice("authentication failed: the password has more than \(settings.maximumPasswordLength) bytes")
      throw NSOError(.accessDenied, "authentication failed: the password is too long")
    }
    let stored = try storedPassword(of: user)
    // Unknown users take as long as known ones.
    let matches = PasswordHash.matches(password, stored ?? Self.nobodysPassword)
    guard let stored, matches, !stored.isEmpty else {
      if stored == nil {
        fail(.localAuthenticationNoUser, isKnown: false, "unknown user")
      } else {
        fail(.localAuthenticationBadPassword, isKnown: true, "wrong password")
      }
      let name = settings.auditsUserNames ? "user \(user)" : "a user"
      log.notice("authentication failed: \(stored == nil ? "unknown user" : "wrong password of \(name)")")
      throw NSOError(.accessDenied, "authentication failed: unknown user, or wrong password")
    }
    if journal.wants(.audit) {
      let groups = (try? self.groups(of: user)) ?? []
      journal.audit(
        .localAuthenticationSuccess, user: user,
        [origin, groups.isEmpty ? "no groups" : "groups \(groups.joined(separator: ", "))"].filter { !$0.isEmpty }.joined(
          separator: " "))
    }
    log.info("user \(user) was authenticated by password")
  }

  private static let nobodysPassword = (try? PasswordHash.hash("", .sha512)) ?? ""

  private func storedPassword(of user: String) throws(NSOError) -> String? {
    let view = try currentView()
    guard var builder = Self.builder(view, ["aaa", "authentication", "users", "user"], in: Self.namespace) else { return nil }
    try builder.entry([.string(user)])
    guard try view.exists(builder.location) else { return nil }
    try builder.child(Tag("password"))
    guard case .string(let text)? = try view.value(builder.location) else { return "" }
    return text
  }

  /// The groups of a user (protocol part 08, section 8.5): those that list the user in `/nacm/groups`, the system's unless
  /// `enable-external-groups` is false, else the default group.
  /// - Parameter given: those that its client has told, which count like the system's.
  public func groups(of user: String, given: [String] = []) throws(NSOError) -> [String] {
    let settings = aaa
    let view = try currentView()
    var groups: [String] = []
    var usesExternal = true
    if let list = Self.builder(view, ["nacm", "groups", "group"], in: Self.nacm)?.location {
      try view.forEachEntry(list) { (entry) throws(NSOError) in
        guard case .string(let name)? = try entry.keys().first else { return true }
        var members = LocationBuilder(view.model, from: entry.location)
        try members.child(Tag("user-name"))
        if case .list(let users)? = try view.value(members.location), users.contains(.string(user)) { groups.append(name) }
        return true
      }
      if let leaf = Self.builder(view, ["nacm", "enable-external-groups"], in: Self.nacm)?.location {
        usesExternal = try view.value(leaf) != .bool(false)
      }
    }
    if usesExternal {
      for group in given + (settings.systemGroups[user] ?? []) where !groups.contains(group) { groups.append(group) }
    }
    if groups.isEmpty, let last = settings.defaultGroup { groups = [last] }
    return groups
  }

  /// Nil where the schema does not have that.
  private static func builder(_ view: TreeView, _ names: [String], in namespace: String) -> LocationBuilder? {
    var builder = LocationBuilder(view.model)
    for (index, name) in names.enumerated() {
      guard (try? builder.child(index == 0 ? Tag(name, in: namespace) : Tag(name))) != nil else { return nil }
    }
    return builder
  }
}
