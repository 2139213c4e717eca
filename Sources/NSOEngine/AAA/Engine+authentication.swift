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
  /// The system's groups of each user, as they were last read.
  public var systemGroups: [String: [String]] = [:]

  public init() {}
}

extension Engine {
  private static var namespace: String { "http://tail-f.com/ns/aaa/1.1" }
  private static var nacm: String { "urn:ietf:params:xml:ns:yang:ietf-netconf-acm" }

  /// Checks a name and a password (protocol part 08, section 8.3; part 04, AUTHENTICATE). Takes milliseconds: not for an event loop.
  /// - Throws: ACCESS_DENIED, which does not tell an unknown user from a wrong password.
  public func authenticate(_ user: String, password: String) throws(NSOError) {
    let settings = aaa
    guard settings.localAuthentication else {
      throw NSOError(
        .accessDenied, "no method of authentication is enabled (ncs.conf, aaa/local-authentication/enabled is false)")
    }
    guard password.utf8.count <= settings.maximumPasswordLength else {
      log.notice("authentication failed: the password has more than \(settings.maximumPasswordLength) bytes")
      throw NSOError(.accessDenied, "authentication failed: the password is too long")
    }
    let stored = try storedPassword(of: user)
    // Unknown users take as long as known ones.
    let matches = PasswordHash.matches(password, stored ?? Self.nobodysPassword)
    guard let stored, matches, !stored.isEmpty else {
      // A password may have been typed in place of a name: unknown names are not logged.
      log.notice("authentication failed: \(stored == nil ? "unknown user" : "wrong password of user \(user)")")
      throw NSOError(.accessDenied, "authentication failed: unknown user, or wrong password")
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
  public func groups(of user: String) throws(NSOError) -> [String] {
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
    if usesExternal { groups += (settings.systemGroups[user] ?? []).filter { !groups.contains($0) } }
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
