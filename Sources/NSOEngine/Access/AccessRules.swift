/// What somebody wants to do with a node of the data, an operation, or a command (RFC 8341, section 3.2.2).
public enum AccessOperation: UInt8, Hashable, Sendable, CaseIterable {
  case create, read, update, delete, exec

  /// The word of the model.
  public var text: String { "\(self)" }

  var isWrite: Bool { self == .create || self == .update || self == .delete }
}

/// Several of them.
struct AccessOperations: OptionSet, Hashable, Sendable {
  let rawValue: UInt8

  static var all: AccessOperations { AccessOperations(rawValue: 0x1F) }

  init(rawValue: UInt8) { self.rawValue = rawValue }
  init(_ operation: AccessOperation) { rawValue = 1 << operation.rawValue }

  /// From the text of the leaf `access-operations`: words, or `*`.
  init(words text: String) {
    var all = AccessOperations()
    for word in text.split(separator: " ") {
      if word == "*" { all = .all }
      if let operation = AccessOperation.allCases.first(where: { $0.text == word }) { all.insert(.init(operation)) }
    }
    self = all
  }
}

/// One rule about data, operations and notifications (protocol part 08, section 8.6), as far as it is for one session.
struct AccessRule: Hashable, Sendable {
  enum Subject: Hashable, Sendable {
    case anything
    /// By name; nil: all.
    case operation(String?)
    case notification(String?)
    case path(RulePath)
  }

  /// The rule-list and the name, for texts.
  var list: String
  var name: String
  /// The module that defines the node; nil: any.
  var module: String?
  var subject: Subject
  var operations: AccessOperations
  var isPermit: Bool
  var logsPermit: Bool
}

/// One rule about commands.
struct CommandRule: Hashable, Sendable {
  var list: String
  var name: String
  var command: CommandPattern
  var operations: AccessOperations
  var isPermit: Bool
  var logsPermit: Bool
}

/// Why something is permitted or denied.
public struct AccessDecision: Hashable, Sendable {
  enum Cause: Hashable, Sendable {
    case rule(list: String, name: String)
    /// `nacm:default-deny-all` or `nacm:default-deny-write` of the schema.
    case annotation(String)
    /// A leaf of `/nacm`.
    case byDefault(String)
    /// `aaa/authorization/callback` is enabled.
    case callback
    /// The rules cannot be read.
    case unreadable
    /// Rules with keys are about it, and which entries there are is not looked through.
    case unknownKeys
  }

  public var isPermitted: Bool
  var cause: Cause
  /// A permit that is to be in the developer log.
  var isLogged = false

  /// What decided, for texts.
  public var text: String {
    switch cause {
    case .rule(let list, let name):
      "rule \"\(name)\" of rule-list \"\(list)\" in /nacm \(isPermitted ? "permits" : "denies") it"
    case .annotation(let name): "the model says nacm:\(name) there, and no rule permits it"
    case .byDefault(let leaf): "no rule is about it, and /nacm/\(leaf) is \(isPermitted ? "permit" : "deny")"
    case .unreadable:
      "the access rules could not be read when the session began (the daemon log says why); begin another session"
    case .unknownKeys:
      "rules of /nacm with keys are about it, and what providers store is not looked through; delete the entries one by one"
    case .callback:
      "authorization is left to an application (ncs.conf, aaa/authorization/callback/enabled), and none can register: the form of that callback is not known"
    }
  }
}

/// The access rules of one user session: those that are for its groups and its context, in their order, with the user's name filled
/// in. Collected when the session starts, and kept for it; a value. Sessions that are not checked have none.
public struct AccessRules: Hashable, Sendable {
  /// Everything is denied: the application that was to decide is not there, or the rules cannot be read.
  var refusesAll = false
  var isUnreadable = false
  var permitsReading = true
  var permitsWriting = false
  var permitsExecution = true
  var permitsReadingCommands = true
  var permitsExecutingCommands = true
  /// Permits by the defaults are in the developer log.
  var logsDefaults = false
  var rules: [AccessRule] = []
  var commands: [CommandRule] = []

  init() {}

  /// Where everything is denied.
  var refusal: AccessDecision { AccessDecision(isPermitted: false, cause: isUnreadable ? .unreadable : .callback) }

  /// What holds when no rule and no annotation decides.
  func byDefault(_ operation: AccessOperation) -> AccessDecision {
    let (isPermitted, leaf) =
      switch operation {
      case .read: (permitsReading, "read-default")
      case .exec: (permitsExecution, "exec-default")
      case .create, .update, .delete: (permitsWriting, "write-default")
      }
    return AccessDecision(isPermitted: isPermitted, cause: .byDefault(leaf), isLogged: isPermitted && logsDefaults)
  }

  /// Whether a command of the CLI may be seen (`read`) or run (`exec`).
  public func decide(_ operation: AccessOperation, command words: [String]) -> AccessDecision {
    if refusesAll { return refusal }
    for rule in commands where rule.operations.contains(.init(operation)) && rule.command.matches(words) {
      return AccessDecision(
        isPermitted: rule.isPermit, cause: .rule(list: rule.list, name: rule.name), isLogged: rule.isPermit && rule.logsPermit)
    }
    let (isPermitted, leaf) =
      operation == .read ? (permitsReadingCommands, "cmd-read-default") : (permitsExecutingCommands, "cmd-exec-default")
    return AccessDecision(isPermitted: isPermitted, cause: .byDefault(leaf), isLogged: isPermitted && logsDefaults)
  }

  /// The weaker test of completion: whether a command that begins with these words may be permitted.
  public func mayPermit(commandsBeginningWith words: [String]) -> Bool {
    if refusesAll { return false }
    for rule in commands where rule.operations.contains(.init(.exec)) {
      if rule.command.matches(words) {
        return rule.isPermit || commands.contains { $0.isPermit && $0.command.mayFollow(words) }
      }
      if rule.isPermit, rule.command.mayFollow(words) { return true }
    }
    return permitsExecutingCommands
  }
}
