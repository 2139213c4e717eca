public import NSOModel
public import NSOWire

/// What a provider is asked about its configuration as a whole (protocol part 05, section 12): locks against users that do not come
/// through the daemon, and a startup configuration of its own. Every function has a default that does nothing; ``callbacks`` says which
/// the daemon calls.
///
/// The daemon keeps the candidate itself, and takes confirmed commits back by a commit: it calls none of the callbacks for these.
public protocol DatabaseHandler: Sendable {
  var callbacks: DatabaseCallbacks { get }

  /// Somebody locks a datastore. An error, as `inUse`, refuses the lock: nobody has it then.
  func lock(_ database: DatabaseName, _ user: UserSessionInfo?) async throws

  /// The lock has ended, by word or with its session.
  func unlock(_ database: DatabaseName, _ user: UserSessionInfo?) async throws

  /// Somebody locks what is at and below some paths. The number stands for it in ``unlockPart(_:of:_:)``.
  func lockPart(_ lock: Int, of database: DatabaseName, _ paths: [Keypath], _ user: UserSessionInfo?) async throws

  func unlockPart(_ lock: Int, of database: DatabaseName, _ user: UserSessionInfo?) async throws

  /// The startup configuration becomes what is running. An error keeps the daemon's own from being written.
  func copyRunningToStartup(_ user: UserSessionInfo?) async throws

  /// All of the startup configuration goes.
  func deleteConfiguration(of database: DatabaseName, _ user: UserSessionInfo?) async throws

  /// Whether running is what it was at the last copy to startup.
  func isRunningUnmodified(_ user: UserSessionInfo?) async throws -> Bool
}

extension DatabaseHandler {
  public func lock(_ database: DatabaseName, _ user: UserSessionInfo?) async throws {}
  public func unlock(_ database: DatabaseName, _ user: UserSessionInfo?) async throws {}
  public func lockPart(_ lock: Int, of database: DatabaseName, _ paths: [Keypath], _ user: UserSessionInfo?) async throws {}
  public func unlockPart(_ lock: Int, of database: DatabaseName, _ user: UserSessionInfo?) async throws {}
  public func copyRunningToStartup(_ user: UserSessionInfo?) async throws {}
  public func deleteConfiguration(of database: DatabaseName, _ user: UserSessionInfo?) async throws {}
  public func isRunningUnmodified(_ user: UserSessionInfo?) async throws -> Bool { true }

  func perform(_ call: DatabaseCall, _ user: UserSessionInfo?) async throws {
    switch call {
    case .lock(let database): try await lock(database, user)
    case .unlock(let database): try await unlock(database, user)
    case .lockPartial(let database, let number, let paths): try await lockPart(Int(number), of: database, paths, user)
    case .unlockPartial(let database, let number): try await unlockPart(Int(number), of: database, user)
    case .copyRunningToStartup: try await copyRunningToStartup(user)
    case .deleteConfig(let database): try await deleteConfiguration(of: database, user)
    case .runningCheckNotModified:
      guard try await isRunningUnmodified(user) else {
        throw CallbackError(.application, "running was changed since it was copied to startup")
      }
    default: throw CallbackError(.internal, "this provider has no callback for \(call.operation.title)")
    }
  }
}
