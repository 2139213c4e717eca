public import NSOModel
import NSOSchema
import NSOStore
import NSOWire

/// What came out of asking data providers for everything they serve (`ncs --check-callbacks`; protocol part 08, section 2.3).
public struct CallbackReport: Hashable, Sendable {
  /// Something that a provider does not tell as it should.
  public struct Problem: Hashable, Sendable, CustomStringConvertible {
    public var callpoint: String
    public var path: String
    public var reason: String

    public var description: String { "callpoint \(callpoint), \(path): \(reason)" }
  }

  /// How many callpoints were asked.
  public var callpoints = 0
  /// How many values and entries were read.
  public var values: UInt64 = 0
  public var entries: UInt64 = 0
  public internal(set) var problems: [Problem] = []
  /// Further problems of callpoints that already had many, and what was not looked at for that reason.
  public internal(set) var skipped: [String] = []

  /// One line that says it all, then a line for each problem.
  public var lines: [String] {
    let what = "\(callpoints) callpoints, \(entries) list entries, \(values) values"
    let lines =
      [problems.isEmpty ? "all callbacks answer with valid data: \(what)" : "\(problems.count) problems: \(what)"]
      + problems.map(\.description) + skipped
    return lines.map { line in line.split(whereSeparator: \.isNewline).joined(separator: " ") }
  }
}

/// Reads everything below callpoints once.
final class CallbackCheck {
  private let view: TreeView
  private let model: DataModel
  private let isOver: () -> Bool
  /// Where to look: down to this path, or in this namespace.
  private let way: [(node: NodeID, keys: [Value]?)]
  private let namespace: String?
  private var counts: [String: Int] = [:]
  private(set) var report = CallbackReport()
  /// So many problems of one callpoint are told; then it is left alone.
  private static let limit = 20

  /// - Parameters:
  ///   - part: a path, or the namespace or name of a module; empty: everything.
  ///   - isOver: nobody waits for the outcome any more.
  /// - Throws: BADPATH for a part that the schema does not have.
  init(_ part: String, _ view: TreeView, _ registry: ProviderRegistry, isOver: @escaping () -> Bool) throws(NSOError) {
    self.view = view
    model = view.model
    self.isOver = isOver
    let schema = view.model.schema
    var way: [(node: NodeID, keys: [Value]?)] = []
    var namespace: String?
    if part.hasPrefix("/") {
      for element in try schema.parsePath(part).keypath.elements {
        switch element {
        case .tag(let tag):
          guard let node = schema.child(of: way.last?.node, tag) else {
            throw NSOError(.badPath, "\(part): there is no \(tag)")
          }
          way.append((node, nil))
        case .keys(let keys): if !way.isEmpty { way[way.count - 1].keys = keys }
        case .position: throw NSOError(.badPath, "\(part): give keys, not positions")
        }
      }
    } else if !part.isEmpty {
      let module = schema.modules.first { $0.namespace == part || $0.name == part || $0.prefix == part }
      guard let module else {
        throw NSOError(.badPath, "\(part) is neither a path nor the namespace of a loaded module")
      }
      namespace = module.namespace
    }
    self.way = way
    self.namespace = namespace
    for point in model.callpoints where concerns(point.node) {
      report.callpoints += 1
      let isServed = registry.served(.data, point.name) != nil || !registry.ranges(.data, point.name).isEmpty
      if !isServed { leave(point, at: schema.path(of: point.node), "no data provider is registered") }
    }
  }

  /// Whether something at or below a node of the schema is wanted.
  private func concerns(_ node: NodeID) -> Bool {
    if let namespace, model.schema[node].name.namespace != namespace { return false }
    return zip(model.schema.lineage(of: node), way).allSatisfy { $0 == $1.node }
  }

  func run() { children(of: .root, model.schema.roots, depth: 0) }

  private func children(of place: Location, _ nodes: [NodeID], depth: Int) {
    for node in nodes {
      guard !isOver() else { return }
      guard depth >= way.count || way[depth].node == node, model.providerReach(node) != .none, !model[node].isKey else {
        continue
      }
      guard model[node].placement != .provider || isWanted(node) else { continue }
      visit(node, place.child(node, model), depth: depth)
    }
    if let node = place.node, model[node].placement == .provider, depth >= way.count, isWanted(node) { cases(of: place, node) }
  }

  /// Callpoints that were given up, and those of other modules, are passed by.
  private func isWanted(_ node: NodeID) -> Bool {
    guard let point = model.callpoint(of: node) else { return true }
    return counts[point.name, default: 0] < Self.limit
      && (namespace == nil || model.schema[point.node].name.namespace == namespace)
  }

  private func visit(_ node: NodeID, _ place: Location, depth: Int) {
    let facts = model[node]
    switch facts.kind {
    case .container:
      if facts.flags.contains(.presence) {
        guard let isThere = attempt(place, { () throws(NSOError) in try view.exists(place) }), isThere else { return }
        report.values += facts.placement == .provider ? 1 : 0
      }
      children(of: place, model.schema[node].children, depth: depth + 1)
    case .list: entries(of: place, node, depth: depth)
    case .leaf where facts.flags.contains(.empty):
      if attempt(place, { () throws(NSOError) in try view.exists(place) }) != nil { report.values += 1 }
    case .leaf, .leafList:
      if attempt(place, { () throws(NSOError) in try view.value(place) }) != nil { report.values += 1 }
    default: break
    }
  }

  private func entries(of list: Location, _ node: NodeID, depth: Int) {
    let only = way.indices.contains(depth) ? way[depth].keys : nil
    var position = ListPosition.start
    var last: [UInt8]?
    while !isOver(), isWanted(node) {
      var record: [UInt8] = []
      let next = attempt(list) { () throws(NSOError) -> Bool in
        let tree = try view.tree(of: node)
        return try storeErrors { () throws(StoreError) in try tree.nextEntry(in: list.path, &position) { record = Array($0) } }
      }
      guard next == true else { return }
      let key = position.entryKey
      guard let keys = attempt(list, { () throws(NSOError) in try decodedKeys(record) }) else { return }
      let entry = list.entry(key: key, keys)
      if let before = last, !model.schema[node].isOrderedByUser, !model.schema[node].isKeyless,
        !before.lexicographicallyPrecedes(key)
      {
        problem(
          entry,
          "the entry is not behind the one before it: lists that are not ordered by the user come in the order of their keys")
        return
      }
      last = key
      if model[node].placement == .provider { report.entries += 1 }
      guard only == nil || only == keys else { continue }
      children(of: entry, model.schema[node].children, depth: depth + 1)
    }
  }

  /// Which case of each choice is chosen, where the provider has a callback for it.
  private func cases(of place: Location, _ node: NodeID) {
    guard let tree = view.providerTree else { return }
    for choice in model.schema.choices where choice.parent == node {
      _ = attempt(place) { () throws(NSOError) in
        try storeErrors { () throws(StoreError) in
          guard case .chosen(let tag)? = try tree.choice(choice.id, in: place.path) else { return }
          guard !choice.cases.contains(where: { $0.name.name == tag.name }) else { return }
          throw StoreError(refusal: NSOError(.external, "choice \(choice.name.name) has no case \(tag)"))
        }
      }
    }
  }

  private func attempt<Value>(_ place: Location, _ body: () throws(NSOError) -> Value) -> Value? {
    do throws(NSOError) { return try body() } catch {
      problem(place, error.message)
      return nil
    }
  }

  private func problem(_ place: Location, _ reason: String) {
    guard !isOver() else { return }
    let point = place.node.flatMap { model.callpoint(of: $0) }
    let name = point?.name ?? "none"
    report.problems.append(.init(callpoint: name, path: place.text(model), reason: reason))
    counts[name, default: 0] += 1
    if counts[name] == Self.limit {
      report.skipped.append("callpoint \(name): nothing more is asked after \(Self.limit) problems")
    }
  }

  /// A callpoint that is not asked at all.
  private func leave(_ point: CallPoint, at path: String, _ reason: String) {
    counts[point.name] = Self.limit
    report.problems.append(.init(callpoint: point.name, path: path, reason: reason))
  }
}

private func decodedKeys(_ record: [UInt8]) throws(NSOError) -> [Value] {
  let keys: Result<[Value], NSOError> = record.withUnsafeBytes { bytes in
    do throws(NSOError) { return .success(try decodedKeys(bytes)) } catch { return .failure(error) }
  }
  return try keys.get()
}

extension Engine {
  /// Asks data providers for everything that they serve, or a part of it, and notes what is not valid. Takes as long as they do;
  /// gives up when the session ends.
  /// - Parameter part: a path, or the namespace or name of a module; empty: everything.
  public func checkCallbacks(_ part: String, for session: UserSession) async throws(NSOError) -> CallbackReport {
    let transaction = try startTransaction(session, on: .operational, .read)
    defer { finish(transaction) }
    let providers = providers
    return try await ProviderWait.run { () throws(NSOError) in
      let check = try CallbackCheck(part, try transaction.view(), providers) { session.isEnded }
      check.run()
      return check.report
    }
  }
}
