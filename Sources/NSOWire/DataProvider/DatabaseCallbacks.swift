import NSOModel

/// Which db callbacks a client has (op 10; protocol part 05, section 4.4).
public struct DatabaseCallbacks: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var candidateCommit: Self { Self(rawValue: 1) }
  public static var candidateConfirmingCommit: Self { Self(rawValue: 2) }
  public static var candidateReset: Self { Self(rawValue: 4) }
  public static var candidateCheckNotModified: Self { Self(rawValue: 8) }
  public static var candidateRollbackRunning: Self { Self(rawValue: 16) }
  public static var candidateValidate: Self { Self(rawValue: 32) }
  public static var addCheckpointRunning: Self { Self(rawValue: 64) }
  public static var deleteCheckpointRunning: Self { Self(rawValue: 128) }
  public static var activateCheckpointRunning: Self { Self(rawValue: 256) }
  public static var copyRunningToStartup: Self { Self(rawValue: 512) }
  public static var lock: Self { Self(rawValue: 1024) }
  public static var unlock: Self { Self(rawValue: 2048) }
  public static var deleteConfig: Self { Self(rawValue: 4096) }
  public static var lockPartial: Self { Self(rawValue: 8192) }
  public static var unlockPartial: Self { Self(rawValue: 16384) }
  public static var runningCheckNotModified: Self { Self(rawValue: 32768) }

  /// Those for a candidate that is not the daemon's own.
  public static var ofCandidate: Self {
    [
      .candidateCommit, .candidateConfirmingCommit, .candidateReset, .candidateCheckNotModified, .candidateRollbackRunning,
      .candidateValidate,
    ]
  }

  /// Those for confirmed commits that are not taken back by a commit.
  public static var ofCheckpoints: Self { [.addCheckpointRunning, .deleteCheckpointRunning, .activateCheckpointRunning] }

  /// By the names of the protocol, in the order of the bits.
  public static let names: [(callback: DatabaseCallbacks, name: String)] = [
    (.candidateCommit, "candidate_commit"), (.candidateConfirmingCommit, "candidate_confirming_commit"),
    (.candidateReset, "candidate_reset"), (.candidateCheckNotModified, "candidate_chk_not_modified"),
    (.candidateRollbackRunning, "candidate_rollback_running"), (.candidateValidate, "candidate_validate"),
    (.addCheckpointRunning, "add_checkpoint_running"), (.deleteCheckpointRunning, "del_checkpoint_running"),
    (.activateCheckpointRunning, "activate_checkpoint_running"), (.copyRunningToStartup, "copy_running_to_startup"),
    (.lock, "lock"), (.unlock, "unlock"), (.deleteConfig, "delete_config"), (.lockPartial, "lock_partial"),
    (.unlockPartial, "unlock_partial"), (.runningCheckNotModified, "running_chk_not_modified"),
  ]

  /// For texts: `lock, unlock`.
  public var text: String { Self.names.filter { contains($0.callback) }.map(\.name).joined(separator: ", ") }
}

extension DatabaseCall {
  /// The bit that a client sets when it has a callback for the call.
  public var callback: DatabaseCallbacks {
    switch self {
    case .candidateConfirmingCommit: .candidateConfirmingCommit
    case .candidateRollbackRunning: .candidateRollbackRunning
    case .candidateCommit: .candidateCommit
    case .candidateReset: .candidateReset
    case .candidateValidate: .candidateValidate
    case .candidateCheckNotModified: .candidateCheckNotModified
    case .lock: .lock
    case .unlock: .unlock
    case .deleteConfig: .deleteConfig
    case .addCheckpointRunning: .addCheckpointRunning
    case .deleteCheckpointRunning: .deleteCheckpointRunning
    case .activateCheckpointRunning: .activateCheckpointRunning
    case .copyRunningToStartup: .copyRunningToStartup
    case .lockPartial: .lockPartial
    case .unlockPartial: .unlockPartial
    case .runningCheckNotModified: .runningCheckNotModified
    }
  }

  /// For texts: `lock of running`.
  public var text: String {
    switch self {
    case .lock(let database), .unlock(let database), .deleteConfig(let database): "\(callback.text) of \(database)"
    case .lockPartial(let database, let lock, _), .unlockPartial(let database, let lock):
      "\(callback.text) \(lock) of \(database)"
    default: callback.text
    }
  }
}
