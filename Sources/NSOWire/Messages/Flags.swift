/// Flags of START_TRANS and SET_FLAGS (protocol part 04, section 7.1).
public struct TransactionFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Data providers are asked for whole objects.
  public static var hintBulk: Self { Self(rawValue: 1) }
  /// A leaf with its default in effect reads as the marker.
  public static var noDefaults: Self { Self(rawValue: 2) }
  /// Operational data behaves as absent.
  public static var configOnly: Self { Self(rawValue: 4) }
  /// Inactive data behaves as absent. At start only.
  public static var hideInactive: Self { Self(rawValue: 8) }
  public static var noConfigCache: Self { Self(rawValue: 16) }
  public static var configCacheOnly: Self { Self(rawValue: 32) }
  /// Begin with delayed-when on. At start only.
  public static var delayedWhen: Self { Self(rawValue: 64) }
  public static var runSetHooks: Self { Self(rawValue: 128) }
  public static var hideAllHideGroups: Self { Self(rawValue: 256) }
  public static var skipSubscribers: Self { Self(rawValue: 512) }

  /// What SET_FLAGS leaves alone.
  public static var fixedAtStart: Self { [.hideInactive, .delayedWhen, .hideAllHideGroups, .skipSubscribers] }
}

/// Flags of iterations over changes and data (protocol part 04, section 7.6; part 03, section 4).
public struct IterationFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var wantPrevious: Self { Self(rawValue: 1) }
  public static var wantAncestorDelete: Self { Self(rawValue: 2) }
  public static var wantAttributes: Self { Self(rawValue: 4) }
  public static var wantCLIText: Self { Self(rawValue: 8) }
  public static var wantSchemaOrder: Self { Self(rawValue: 16) }
  public static var wantLeafFirstOrder: Self { Self(rawValue: 32) }
  public static var wantLeafLastOrder: Self { Self(rawValue: 64) }
  public static var wantReverse: Self { Self(rawValue: 128) }
  public static var wantPresenceContainers: Self { Self(rawValue: 256) }
  public static var wantLeafListAsLeaf: Self { Self(rawValue: 512) }
  public static var wantCLIOrder: Self { Self(rawValue: 1024) }
  public static var suppressOperationalDefaults: Self { Self(rawValue: 2048) }
}

/// Flags of saving and loading configuration (protocol part 04, section 6.1).
public struct ConfigFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var xml: Self { Self(rawValue: 1) }
  /// Curly bracket CLI style.
  public static var cliJ: Self { Self(rawValue: 2) }
  public static var cliC: Self { Self(rawValue: 4) }
  public static var withDefaults: Self { Self(rawValue: 8) }
  public static var showDefaults: Self { Self(rawValue: 16) }
  public static var cliI: Self { Self(rawValue: 32) }
  public static var merge: Self { Self(rawValue: 64) }
  public static var withOperational: Self { Self(rawValue: 128) }
  /// The path is an XPath filter.
  public static var xpath: Self { Self(rawValue: 256) }
  public static var xmlPretty: Self { Self(rawValue: 512) }
  public static var replace: Self { Self(rawValue: 1024) }
  public static var hideAll: Self { Self(rawValue: 2048) }
  public static var unhideAll: Self { Self(rawValue: 4096) }
  public static var autocommit: Self { Self(rawValue: 8192) }
  public static var continueOnError: Self { Self(rawValue: 16384) }
  public static var suppressErrors: Self { Self(rawValue: 32768) }
  public static var xmlLoadLax: Self { Self(rawValue: 65536) }
  public static var json: Self { Self(rawValue: 131072) }
  public static var withServiceMeta: Self { Self(rawValue: 262144) }
  public static var noParents: Self { Self(rawValue: 524288) }
  public static var operationalOnly: Self { Self(rawValue: 1_048_576) }
  public static var noBackquote: Self { Self(rawValue: 2_097_152) }
  public static var cdbOnly: Self { Self(rawValue: 4_194_304) }
  public static var turboC: Self { Self(rawValue: 8_388_608) }
  public static var readWriteAccessOnly: Self { Self(rawValue: 33_554_432) }
}

/// Flags of a CDB subscription event (protocol part 03, section 7.3).
public struct SubscriptionEventFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The last event of this type for this socket in this transaction.
  public static var isLast: Self { Self(rawValue: 1) }
  public static var trigger: Self { Self(rawValue: 2) }
  public static var revert: Self { Self(rawValue: 4) }
  public static var haSync: Self { Self(rawValue: 8) }
  public static var haIsSecondary: Self { Self(rawValue: 16) }
}

/// Flags of GET_MODIFICATIONS and GET_CLI (protocol part 03, section 4).
public struct ModificationFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var includeLists: Self { Self(rawValue: 1) }
  public static var reverse: Self { Self(rawValue: 2) }
  public static var suppressDefaults: Self { Self(rawValue: 4) }
  public static var cliNoBackquotes: Self { Self(rawValue: 8) }
  public static var includeMoves: Self { Self(rawValue: 16) }
  public static var wantAncestorDelete: Self { Self(rawValue: 32) }
  /// GET_CLI: the order that a real commit would give.
  public static var cliOrder: Self { Self(rawValue: 1024) }
}

/// Flags of INIT_UPGRADE (protocol part 04, section 7.6).
public struct UpgradeFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Transactions that are open when the time is over are ended, instead of giving the upgrade up.
  public static var killOnTimeout: UpgradeFlags { UpgradeFlags(rawValue: 1) }
}
