/// A named key space of a store. Spaces do not see each other's keys; one commit may change several of them.
public enum Space: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case running = 0
  case startup
  case candidate
  /// Operational data that survives a restart.
  case persistentOperational
  /// Operational data of a volatile store.
  case operational
  /// Facts about the store itself. Keys that begin with the byte 0 belong to the store, all others to its users.
  case meta
  /// The numbers of schema nodes, see `TreeLayout`.
  case names
  /// Records of past commits, for rollback.
  case history

  /// The name on disk; never changes.
  public var description: String {
    switch self {
    case .running: "running"
    case .startup: "startup"
    case .candidate: "candidate"
    case .persistentOperational: "persistent-operational"
    case .operational: "operational"
    case .meta: "meta"
    case .names: "names"
    case .history: "history"
    }
  }
}
