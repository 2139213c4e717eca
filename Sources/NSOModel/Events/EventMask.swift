/// Which kinds of events a subscriber wants; each event but the modifiers carries its own bit (protocol part 06, section 3).
public struct EventMask: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Records of the audit log.
  public static var audit: Self { Self(rawValue: 1 << 0) }
  /// Records of the daemon log.
  public static var daemon: Self { Self(rawValue: 1 << 1) }
  /// Modifier: the daemon writes nothing to syslog while such a subscriber is there.
  public static var takeoverSyslog: Self { Self(rawValue: 1 << 2) }
  public static var commitSimple: Self { Self(rawValue: 1 << 3) }
  /// The commit waits until the subscriber has acknowledged.
  public static var commitDiff: Self { Self(rawValue: 1 << 4) }
  public static var userSession: Self { Self(rawValue: 1 << 5) }
  public static var haInfo: Self { Self(rawValue: 1 << 6) }
  public static var subagentInfo: Self { Self(rawValue: 1 << 7) }
  public static var commitFailed: Self { Self(rawValue: 1 << 8) }
  public static var snmp: Self { Self(rawValue: 1 << 9) }
  public static var forwardInfo: Self { Self(rawValue: 1 << 10) }
  /// Records of the NETCONF log.
  public static var netconf: Self { Self(rawValue: 1 << 11) }
  /// Records of the developer log.
  public static var developer: Self { Self(rawValue: 1 << 12) }
  public static var heartbeat: Self { Self(rawValue: 1 << 13) }
  public static var confirmedCommit: Self { Self(rawValue: 1 << 14) }
  public static var upgrade: Self { Self(rawValue: 1 << 15) }
  /// Progress of commits only.
  public static var commitProgress: Self { Self(rawValue: 1 << 16) }
  /// Modifier of `audit`: the session waits until the subscriber has acknowledged.
  public static var auditSync: Self { Self(rawValue: 1 << 17) }
  public static var healthCheck: Self { Self(rawValue: 1 << 18) }
  public static var streamEvent: Self { Self(rawValue: 1 << 19) }
  /// Modifier of `haInfo`.
  public static var haInfoSync: Self { Self(rawValue: 1 << 20) }
  public static var packageReload: Self { Self(rawValue: 1 << 21) }
  public static var commitQueueProgress: Self { Self(rawValue: 1 << 22) }
  public static var reopenLogs: Self { Self(rawValue: 1 << 23) }
  public static var progress: Self { Self(rawValue: 1 << 24) }
  public static var callHome: Self { Self(rawValue: 1 << 25) }
  public static var jsonrpc: Self { Self(rawValue: 1 << 26) }
  public static var webui: Self { Self(rawValue: 1 << 27) }
  public static var auditNetwork: Self { Self(rawValue: 1 << 28) }
  /// Modifier of `auditNetwork`.
  public static var auditNetworkSync: Self { Self(rawValue: 1 << 29) }
  public static var compaction: Self { Self(rawValue: 1 << 30) }
  public static var goingDown: Self { Self(rawValue: 1 << 31) }

  /// Bits that change how others are delivered, and are no kind of event.
  public static var modifiers: Self { [.takeoverSyslog, .auditSync, .haInfoSync, .auditNetworkSync] }

  /// The names of the bits as tools show and take them, in the order of the bits.
  public static let names: [(mask: EventMask, name: String)] = [
    (.audit, "audit"), (.daemon, "daemon"), (.takeoverSyslog, "takeover-syslog"), (.commitSimple, "commit-simple"),
    (.commitDiff, "commit-diff"), (.userSession, "user-session"), (.haInfo, "ha-info"), (.subagentInfo, "subagent-info"),
    (.commitFailed, "commit-failed"), (.snmp, "snmpa"), (.forwardInfo, "forward-info"), (.netconf, "netconf"),
    (.developer, "devel"), (.heartbeat, "heartbeat"), (.confirmedCommit, "confirmed-commit"), (.upgrade, "upgrade"),
    (.commitProgress, "commit-progress"), (.auditSync, "audit-sync"), (.healthCheck, "health-check"),
    (.streamEvent, "stream"), (.haInfoSync, "ha-info-sync"), (.packageReload, "package-reload"),
    (.commitQueueProgress, "cq-progress"), (.reopenLogs, "reopen-logs"), (.progress, "progress"), (.callHome, "call-home"),
    (.jsonrpc, "jsonrpc"), (.webui, "webui"), (.auditNetwork, "audit-network"), (.auditNetworkSync, "audit-network-sync"),
    (.compaction, "compaction"), (.goingDown, "system-going-down"),
  ]

  /// The bit of this name; hyphens and underscores are the same.
  public init?(name: some StringProtocol) {
    let wanted = String(name.map { $0 == "_" ? "-" : $0 })
    guard let entry = Self.names.first(where: { $0.name == wanted }) else { return nil }
    self = entry.mask
  }
}

extension EventMask: CustomStringConvertible {
  /// `audit, daemon`.
  public var description: String {
    let known = Self.names.filter { contains($0.mask) }.map(\.name)
    return known.isEmpty ? "nothing" : known.joined(separator: ", ")
  }
}
