import Logging
import NSOEngine
import NSOModel
import NSONetconf
import NSOSecrets
import NSOServer
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Who could take this daemon over, or read its secrets, that should not (protocol part 08, sections 8.1 and 11;
/// Documentation/Security.md).
extension Daemon {
  /// Finds out what the operator must know now, logs it, and keeps it for the status.
  @discardableResult
  func noteWarnings() async -> [String] {
    let configuration = state.withLock(\.configuration)
    let addresses = await listeners()
    var warnings = Self.securityWarnings(addresses, hasSecret: configuration.ipc.secret != nil)
    warnings += netconfWarnings
    warnings += Self.socketWarnings(addresses)
    warnings += Self.fileWarnings(configuration)
    warnings += configuration.ssh.faults
    warnings += userWarnings(addresses, mode: configuration.ipc.unixMode)
    state.withLock { $0.warnings = warnings }
    for warning in warnings { log.write(level: .warning, text: warning) }
    return warnings
  }

  static func securityWarnings(_ listeners: [ListenAddress], hasSecret: Bool) -> [String] {
    let exposed = listeners.filter(\.isExposed).map(\.description)
    guard !hasSecret, !exposed.isEmpty else { return [] }
    return [
      "SECURITY: the IPC interface is open to the network on \(exposed.joined(separator: ", ")) without the access check: whoever "
        + "reaches it has full control of this daemon. Enable ncs-ipc-access-check, or listen on 127.0.0.1 only."
    ]
  }

  private var netconfWarnings: [String] {
    let exposed = netconfTCP.addresses.filter { !$0.ip.isLoopback }.map(\.description)
    guard !exposed.isEmpty else { return [] }
    return [
      "SECURITY: NETCONF over TCP is open to the network on \(exposed.joined(separator: ", ")), and asks nobody who he is. Listen on "
        + "127.0.0.1 only (netconf-north-bound/transport/tcp/ip)."
    ]
  }

  /// Sockets in folders like /tmp.
  private static func socketWarnings(_ listeners: [ListenAddress]) -> [String] {
    listeners.compactMap { address in
      guard case .unix(let path) = address else { return nil }
      let folder = folder(of: path)
      guard mode(of: folder) & S_IWOTH != 0 else { return nil }
      return
        "SECURITY: everybody may write the folder \(folder) of the socket \(path): while this daemon does not run, others can listen "
        + "there and be taken for it. Choose a folder of the daemon's own (ncs-local-ipc/path)."
    }
  }

  /// What the daemon does is up to whoever may write its files; keys in a file are for whoever may read it.
  static func fileWarnings(_ configuration: DaemonConfiguration) -> [String] {
    var warnings: [String] = []
    for file in configuration.files where mode(of: file) & S_IWOTH != 0 {
      warnings.append(
        "SECURITY: everybody may write \(file), and so decide what this daemon does: chmod o-w \(file)")
    }
    for file in configuration.tree.filesWithSecrets.sorted() where mode(of: file) & S_IROTH != 0 {
      warnings.append(
        "SECURITY: \(file) has keys or passwords in it, and everybody may read it: chmod o-r \(file), or put them into the environment (${NAME})"
      )
    }
    let folders =
      [(configuration.databaseDirectory, "cdb/db-dir"), (configuration.stateDirectory, "state-dir")]
      + configuration.loadPath.map { ($0, "load-path/dir") }
      + configuration.initialDataDirectories.map { ($0, "cdb/init-path/dir") }
    for (folder, setting) in folders where mode(of: folder) & S_IWOTH != 0 {
      warnings.append(
        "SECURITY: everybody may write the folder \(folder) (\(setting)), and so decide what this daemon does or holds: chmod o-w \(folder)"
      )
    }
    return warnings
  }

  /// Users that may connect although nothing limits them, and those with passwords that anybody tries first.
  private func userWarnings(_ listeners: [ListenAddress], mode: UInt16) -> [String] {
    let users: [LocalUsers.User]
    do throws(NSOError) { users = try LocalUsers(engine).users } catch {
      return ["SECURITY: the users in /aaa/authentication/users cannot be read, and were not looked at: \(error.message)"]
    }
    var warnings: [String] = []
    let admitted = users.filter(\.mayConnect).map(\.name)
    let isReachable = mode & 0o066 != 0 && listeners.contains { if case .unix = $0 { true } else { false } }
    if !admitted.isEmpty, isReachable, !engine.enforcesAccessRules {
      warnings.append(
        "SECURITY: there are no access rules (the module ietf-netconf-acm is not loaded, or aaa/authorization/enabled is false): "
          + "\(Self.list(admitted)), whom local_ipc_access lets connect, can read and change all data (Documentation/AccessRules.md)."
      )
    }
    // Each costs milliseconds: those that were made to cost more are not looked at. Not who: the warning goes to many places.
    let weak = users.prefix(10).count {
      !$0.password.isEmpty && PasswordHash.costsLittle($0.password) && PasswordHash.matches($0.name, $0.password)
    }
    if weak > 0 {
      warnings.append(
        "SECURITY: \(weak == 1 ? "a user has" : "\(weak) users have") a password that is tried first (compare /aaa/authentication/users with their names). Change it."
      )
    }
    return warnings
  }

  private static func list(_ users: [String]) -> String {
    (users.count == 1 ? "user " : "users ") + users.prefix(5).joined(separator: ", ")
      + (users.count > 5 ? " and \(users.count - 5) more" : "")
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// 0 for what is not there.
  private static func mode(of path: String) -> mode_t {
    var facts = stat()
    return stat(path, &facts) == 0 ? facts.st_mode : 0
  }
}
