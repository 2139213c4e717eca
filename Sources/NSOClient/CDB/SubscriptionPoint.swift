import NSOModel
import NSOTerms
public import NSOWire

/// What a client wants to be told of (protocol part 03, section 7.1).
public struct SubscriptionPoint: Hashable, Sendable {
  public var kind: Subscribe.Kind
  /// Such as `/p:plant/site{west}/title`: prefixes are those of the modules, keys in their lexical form, `*` for any key; a list
  /// without keys stands for all its entries. A `/` inside a key cannot be written here.
  public var path: String
  /// Lowest first, over all subscribers; ignored for operational data.
  public var priority: Int32
  /// Be told of the abort of a transaction that this point itself refused.
  public var wantsAbortOnAbort: Bool

  public init(_ kind: Subscribe.Kind, _ path: String, priority: Int32 = 0, wantsAbortOnAbort: Bool = false) {
    self.kind = kind
    self.path = path
    self.priority = priority
    self.wantsAbortOnAbort = wantsAbortOnAbort
  }

  /// Told when a change of the configuration has been committed.
  public static func running(_ path: String, priority: Int32 = 0) -> SubscriptionPoint {
    SubscriptionPoint(.running, path, priority: priority)
  }

  /// Asked before the commit, and told after it, or of its abort.
  public static func twoPhase(_ path: String, priority: Int32 = 0, wantsAbortOnAbort: Bool = false) -> SubscriptionPoint {
    SubscriptionPoint(.runningTwoPhase, path, priority: priority, wantsAbortOnAbort: wantsAbortOnAbort)
  }

  /// Told of operational data that others write in sessions with LOCK_REQUEST.
  public static func operational(_ path: String) -> SubscriptionPoint { SubscriptionPoint(.operational, path) }

  var request: CDBRequest {
    .subscribe(Subscribe(MatchPath(path), priority: priority, kind: kind, wantsAbortOnAbort: wantsAbortOnAbort))
  }
}
