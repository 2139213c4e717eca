import NSOModel
import NSOSchema
import NSOStore
import Synchronization

/// Reads the rules of a session out of `/nacm`.
struct AccessCollection {
  static let namespace = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
  /// Of the leafs beside those of the standard.
  static let extensions = "http://tail-f.com/yang/acm"

  private let view: TreeView
  private let model: DataModel
  private let user: String
  private let context: String
  /// What could not be understood.
  private(set) var faults: [String] = []

  init(_ view: TreeView, user: String, context: String) {
    self.view = view
    model = view.model
    self.user = user
    self.context = context
  }

  /// Whether the schema has rules at all.
  static func isThere(_ model: DataModel) -> Bool {
    model.schema.child(of: nil, Tag("nacm", in: namespace)) != nil
  }

  /// - Returns: nil when the rules are switched off.
  mutating func rules(groups: [String]) throws(NSOError) -> AccessRules? {
    var rules = AccessRules()
    guard let nacm = child("nacm", of: .root) else { return nil }
    if try text("enable-nacm", of: nacm) == "false" { return nil }
    func permits(_ leaf: String, _ otherwise: Bool, in namespace: String = Self.namespace) throws(NSOError) -> Bool {
      try text(leaf, of: nacm, in: namespace).map { $0 == "permit" } ?? otherwise
    }
    rules.permitsReading = try permits("read-default", true)
    rules.permitsWriting = try permits("write-default", false)
    rules.permitsExecution = try permits("exec-default", true)
    rules.permitsReadingCommands = try permits("cmd-read-default", true, in: Self.extensions)
    rules.permitsExecutingCommands = try permits("cmd-exec-default", true, in: Self.extensions)
    rules.logsDefaults = try isSet("log-if-default-permit", of: nacm)
    guard let lists = child("rule-list", of: nacm) else { return rules }
    for list in try entries(lists) {
      let name = try text("name", of: list) ?? ""
      let members = try child("group", of: list).map { (place) throws(NSOError) in try values(place) } ?? []
      guard members.contains(where: { $0 == "*" || groups.contains($0) }) else { continue }
      if let place = child("rule", of: list) {
        for entry in try entries(place) { if let rule = try rule(entry, of: name) { rules.rules.append(rule) } }
      }
      if let place = child("cmdrule", of: list, in: Self.extensions) {
        for entry in try entries(place) { if let rule = try command(entry, of: name) { rules.commands.append(rule) } }
      }
    }
    return rules
  }

  private mutating func rule(_ entry: Location, of list: String) throws(NSOError) -> AccessRule? {
    guard try isForContext(entry, "*") else { return nil }
    let name = try text("name", of: entry) ?? ""
    let isPermit = try text("action", of: entry) == "permit"
    func named(_ text: String) -> String? { text == "*" ? nil : text }
    var subject = AccessRule.Subject.anything
    if let text = try text("rpc-name", of: entry) {
      subject = .operation(named(text))
    } else if let text = try text("notification-name", of: entry) {
      subject = .notification(named(text))
    } else if let text = try text("path", of: entry) {
      if let path = RulePath(text, user: user) {
        subject = .path(path)
      } else if isPermit {
        faults.append("rule \"\(name)\" of rule-list \"\(list)\": its path cannot be understood, so it permits nothing")
        return nil
      } else {
        faults.append("rule \"\(name)\" of rule-list \"\(list)\": its path cannot be understood, so it denies all data")
        subject = .path(RulePath())
      }
    }
    return AccessRule(
      list: list, name: name, module: try text("module-name", of: entry).flatMap(named), subject: subject,
      operations: AccessOperations(words: try text("access-operations", of: entry) ?? "*"), isPermit: isPermit,
      logsPermit: try isSet("log-if-permit", of: entry))
  }

  private mutating func command(_ entry: Location, of list: String) throws(NSOError) -> CommandRule? {
    guard try isForContext(entry, "*") else { return nil }
    let name = try text("name", of: entry, in: Self.extensions) ?? ""
    let isPermit = try text("action", of: entry, in: Self.extensions) == "permit"
    let text = try text("command", of: entry, in: Self.extensions) ?? "*"
    var pattern = CommandPattern(text)
    if pattern == nil {
      faults.append(
        "cmdrule \"\(name)\" of rule-list \"\(list)\": \(text) is no list of regular expressions, so it \(isPermit ? "permits nothing" : "denies all commands")"
      )
      if !isPermit { pattern = CommandPattern("*") }
    }
    guard let pattern else { return nil }
    return CommandRule(
      list: list, name: name, command: pattern,
      operations: AccessOperations(words: try self.text("access-operations", of: entry, in: Self.extensions) ?? "*"),
      isPermit: isPermit, logsPermit: try isSet("log-if-permit", of: entry))
  }

  private func isForContext(_ entry: Location, _ otherwise: String) throws(NSOError) -> Bool {
    let wanted = try text("context", of: entry, in: Self.extensions) ?? otherwise
    return wanted == "*" || wanted == context
  }

  // MARK: Data

  /// Nil where the schema does not have that.
  private func child(_ name: String, of place: Location, in namespace: String = Self.namespace) -> Location? {
    model.schema.child(of: place.node, Tag(name, in: namespace)).map { place.child($0, model) }
  }

  private func text(_ leaf: String, of place: Location, in namespace: String = Self.namespace) throws(NSOError) -> String? {
    guard let place = child(leaf, of: place, in: namespace), let node = place.node, let value = try view.value(place) else {
      return nil
    }
    return model.schema[node].type.flatMap { model.schema.text(of: value, as: $0) } ?? value.plainText
  }

  /// A leaf of type empty.
  private func isSet(_ leaf: String, of place: Location) throws(NSOError) -> Bool {
    guard let place = child(leaf, of: place, in: Self.extensions) else { return false }
    return try view.exists(place)
  }

  private func entries(_ list: Location) throws(NSOError) -> [Location] {
    var all: [Location] = []
    try view.forEachEntry(list) { (entry) throws(NSOError) in
      all.append(entry.location)
      return true
    }
    return all
  }

  private func values(_ leafList: Location) throws(NSOError) -> [String] {
    guard case .list(let values)? = try view.value(leafList) else { return [] }
    return values.map { if case .string(let text) = $0 { text } else { $0.plainText } }
  }
}

/// Tables by rules and schema, so that logins with the same rules share one.
final class AccessTables: Sendable {
  private let recent = Mutex<[AccessTable]>([])
  private static let limit = 8

  func table(_ rules: AccessRules, _ model: DataModel) -> AccessTable {
    if let known = recent.withLock({ tables in tables.last { $0.model === model && $0.rules == rules } }) { return known }
    let table = AccessTable(rules, model)
    recent.withLock { tables in
      tables.removeAll { $0.model !== model }
      tables.append(table)
      if tables.count > Self.limit { tables.removeFirst() }
    }
    return table
  }
}

extension Engine {
  /// Whether sessions of users are checked: authorization is on, and the schema has `/nacm`.
  public var enforcesAccessRules: Bool { aaa.authorizes && (aaa.asksApplicationToAuthorize || AccessCollection.isThere(model)) }

  /// The groups of a new session, and its rules; nil: it is not checked.
  func access(of request: UserSessionRequest) -> (groups: [String], rules: AccessRules?) {
    guard request.context != "system" else { return (request.groups, nil) }
    let settings = aaa
    guard settings.authorizes else { return (request.groups, nil) }
    if settings.asksApplicationToAuthorize {
      var rules = AccessRules()
      rules.refusesAll = true
      return (request.groups, rules)
    }
    guard AccessCollection.isThere(model) else { return (request.groups, nil) }
    do throws(NSOError) {
      let view = try currentView()
      let groups = try self.groups(of: request.user, given: request.groups)
      var collection = AccessCollection(view, user: request.user, context: request.context)
      let rules = try collection.rules(groups: groups)
      for fault in collection.faults { journal.developer(.developerAAA, .error, "\(request.user): \(fault)") }
      return (groups, rules)
    } catch {
      // Nobody knows what is forbidden.
      journal.record(.daemon, .aaaLoadFailure, "the access rules for \(request.user) cannot be read: \(error.message)")
      var rules = AccessRules()
      rules.refusesAll = true
      rules.isUnreadable = true
      return (request.groups, rules)
    }
  }
}
