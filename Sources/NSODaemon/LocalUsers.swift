import NSOEngine
import NSOModel
import NSOSchema
import NSOServer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Who the process behind a Unix socket connection is (protocol part 08, section 8.1): root and the daemon's own user are
/// trusted; others are the user in `/aaa/authentication/users` that has their uid, if `local_ipc_access` lets it.
struct LocalUsers: Sendable {
  private static let namespace = "http://tail-f.com/ns/aaa/1.1"
  private let engine: Engine
  private let ownUID: UInt32

  init(_ engine: Engine, ownUID: UInt32 = geteuid()) {
    self.engine = engine
    self.ownUID = ownUID
  }

  /// Reads the users that are configured now. What cannot be read is denied.
  func decide(_ peer: PeerIdentity.Credentials) -> LocalPeerDecision {
    if peer.uid == 0 || peer.uid == ownUID { return .trusted }
    do throws(NSOError) {
      let users = try users.filter { $0.uid == .int32(Int32(truncatingIfNeeded: peer.uid)) }
      let allowed = users.filter(\.mayConnect)
      switch (users.count, allowed.count) {
      case (0, _):
        return .denied(
          reason:
            "no user in /aaa/authentication/users has uid \(peer.uid) (process \(peer.pid)): add one with local_ipc_access true, or connect as root or uid \(ownUID)"
        )
      case (_, 0):
        return .denied(
          reason:
            "local_ipc_access is not true for user \(users.map(\.name).joined(separator: ", ")) with uid \(peer.uid) (process \(peer.pid)): set it in /aaa/authentication/users, or connect as root or uid \(ownUID)"
        )
      case (_, 1): return .user(allowed[0].name, groups: try engine.groups(of: allowed[0].name))
      default:
        // Whom to take the peer for is not certain, and guessing could give rights away.
        return .denied(
          reason:
            "more than one user with uid \(peer.uid) (process \(peer.pid)) has local_ipc_access: \(allowed.map(\.name).joined(separator: ", ")); leave it true for one of them"
        )
      }
    } catch {
      return .denied(reason: "the users cannot be read: \(error)")
    }
  }

  struct User {
    var name: String
    var uid: Value?
    var mayConnect: Bool
    /// As it is stored.
    var password: String
  }

  var users: [User] {
    get throws(NSOError) { try allUsers() }
  }

  private func allUsers() throws(NSOError) -> [User] {
    let view = try engine.currentView()
    var builder = LocationBuilder(engine.model)
    try builder.child(Tag("aaa", in: Self.namespace))
    for name in ["authentication", "users", "user"] { try builder.child(Tag(name)) }
    var found: [User] = []
    try view.forEachEntry(builder.location) { (entry) throws(NSOError) in
      guard case .string(let name)? = try entry.keys().first else { return true }
      var user = User(name: name, uid: try value("uid", of: entry, view), mayConnect: false, password: "")
      user.mayConnect = try value("local_ipc_access", of: entry, view) == .bool(true)
      if case .string(let text)? = try value("password", of: entry, view) { user.password = text }
      found.append(user)
      return true
    }
    return found
  }

  private func value(_ leaf: String, of entry: TreeView.Entry, _ view: TreeView) throws(NSOError) -> Value? {
    var builder = LocationBuilder(engine.model, from: entry.location)
    try builder.child(Tag(leaf))
    return try view.value(builder.location)
  }
}
