import NSOModel
import NSOSchema
import NSOStore
import NSOTerms

/// Brings data that was written with one schema in line with another one: what both know is kept, values are given the form
/// of their new type, what the new schema does not have is dropped, and all of that is noted.
struct SchemaMigration {
  /// What becomes of the data of a node of the new schema.
  private enum Fate {
    /// The old schema did not have it; data that is there nevertheless was left by a schema before.
    case unknownBefore
    case kept(old: NodeID)
    case dropped(reason: String)
  }

  let old: DataModel
  let new: DataModel
  private let fates: [Fate]
  private(set) var report = UpgradeReport()
  /// Records of running that the new schema has no place for.
  private(set) var droppedFromRunning: [[UInt8]] = []
  /// Some values of running do not fit their types.
  private(set) var hasMisfits = false

  init(from old: DataModel, to new: DataModel) {
    self.old = old
    self.new = new
    fates = Self.fates(old, new)
  }

  /// - Parameter overlay: lies over the data, with no changes yet.
  mutating func migrate(_ overlay: inout Overlay, _ space: Space) throws(StoreError) {
    var report = report
    var dropped: [[UInt8]] = []
    var misfit: String?
    try overlay.migrate(to: new.layout) { record in
      decide(record, space, &report, &misfit)
    } lost: { key in
      if note(lost: key, space, misfit, &report), space == .running { dropped.append(key) }
      misfit = nil
    }
    droppedFromRunning += dropped
    if space == .running, !report.problems.isEmpty { hasMisfits = true }
    self.report = report
  }

  /// The namespaces of modules that come.
  var addedNamespaces: Set<String> {
    func namespaces(_ schema: Schema) -> Set<String> { Set(schema.modules.filter(\.isImplemented).map(\.namespace)) }
    return namespaces(new.schema).subtracting(namespaces(old.schema))
  }

  mutating func note(initialData: [String]) { report.initialData = initialData }

  /// The modules that come and go.
  mutating func noteModules() {
    func names(_ schema: Schema) -> [String] {
      schema.modules.filter(\.isImplemented).map { $0.name + ($0.revision.map { "@\($0)" } ?? "") }
    }
    let (before, after) = (names(old.schema), names(new.schema))
    report.addedModules = after.filter { !before.contains($0) }
    report.removedModules = before.filter { !after.contains($0) }
  }

  /// Removes what the conditions of the new schema do not allow, and notes that and the rules that are broken.
  mutating func validate(_ editor: inout TreeEditor) throws(NSOError) {
    let (removed, failures) = try editor.validateEverything(limit: 20)
    for node in removed { report.note(new.schema.path(of: node), .running, "its when condition does not hold") }
    for failure in failures { report.note(problem: failure) }
  }

  /// - Throws: BADTYPE for the first value that does not fit its type. Only values from before can be such.
  func requireFit(_ tree: Overlay) throws(NSOError) {
    guard hasMisfits else { return }
    let cursor = try storeErrors { () throws(StoreError) in try tree.makeCursor(in: .all) }
    var more = try storeErrors { () throws(StoreError) in try cursor.first() }
    while more {
      if let path = new.layout.path(Array(cursor.key)), path.isTerminal, let node = path.node, new[node].kind != .container,
        !new[node].flags.contains(.empty), let type = new.schema[node].type
      {
        let value = try decoded(cursor.value)
        do { _ = try new.schema.check(value, as: type) } catch {
          throw error.nsoError(at: "\(new.schema.path(of: node)) (a value from before the upgrade)")
        }
      }
      more = try storeErrors { () throws(StoreError) in try cursor.next() }
    }
  }

  // MARK: Nodes

  private static func fates(_ old: DataModel, _ new: DataModel) -> [Fate] {
    struct Place: Hashable {
      var parent: NodeID?
      var name: QName
    }
    var places: [Place: NodeID] = [:]
    places.reserveCapacity(old.schema.nodes.count)
    for node in old.schema.nodes where old.layout.isStored(node.id) {
      places[Place(parent: node.parent, name: node.name)] = node.id
    }
    var fates: [Fate] = []
    fates.reserveCapacity(new.schema.nodes.count)
    for node in new.schema.nodes {
      let parent = node.parent.map { fates[$0.index] }
      let above: NodeID?
      switch parent {
      case .dropped(let reason):
        fates.append(.dropped(reason: reason))
        continue
      case .unknownBefore:
        fates.append(.unknownBefore)
        continue
      case .kept(let old): above = old
      case nil: above = nil
      }
      guard let before = places[Place(parent: above, name: node.name)] else {
        fates.append(.unknownBefore)
        continue
      }
      if let reason = difference(old, before, new, node) {
        fates.append(.dropped(reason: reason))
      } else {
        fates.append(.kept(old: before))
      }
    }
    return fates
  }

  /// Why the data of a node cannot be kept; nil: it can, as far as the node as a whole goes.
  private static func difference(_ old: DataModel, _ before: NodeID, _ new: DataModel, _ node: SchemaNode) -> String? {
    let was = old.schema[before]
    guard was.kind == node.kind else { return "it was a \(was.kind.text) and is a \(node.kind.text) now" }
    guard old[before].placement == new[node.id].placement else {
      return was.isConfig == node.isConfig
        ? "it is kept in another place now"
        : "it was \(was.isConfig ? "configuration" : "operational data") and is that no more"
    }
    let keys = was.keys.map { old.schema[$0].name }
    guard keys == node.keys.map({ new.schema[$0].name }) else { return "the list has other keys now" }
    guard was.flags.contains(.empty) == node.flags.contains(.empty) else {
      return "its type was \(was.flags.contains(.empty) ? "empty" : "not empty") and is that no more"
    }
    return nil
  }

  // MARK: Records

  /// - Parameter misfit: why a value goes that its node could have kept.
  private func decide(
    _ record: MigratingRecord, _ space: Space, _ report: inout UpgradeReport, _ misfit: inout String?
  ) -> MigrationVerdict {
    guard let node = record.path.node else { return .keep }
    guard Self.belongs(new[node].placement, in: space) else { return .remove }
    if case .dropped = fates[node.index] { return .remove }
    if record.isAttribute { return .keep }
    switch new[node].kind {
    case .list: return entry(record, node)
    case .leafList:
      do throws(NSOError) { return try leafListEntry(record, node) } catch {
        return verdict(on: error, space, &report, &misfit)
      }
    case .leaf where !new[node].flags.contains(.empty):
      do throws(NSOError) {
        let value = try decoded(record.value)
        let converted = try convert(value, node)
        return converted == value ? .keep : .replace(ValueCoding.bytes(of: converted))
      } catch {
        return verdict(on: error, space, &report, &misfit)
      }
    default: return .keep
    }
  }

  /// In running a value that does not fit keeps the upgrade from being committed, until it is changed in the upgrade
  /// transaction. Elsewhere nobody could change it.
  private func verdict(
    on error: NSOError, _ space: Space, _ report: inout UpgradeReport, _ misfit: inout String?
  ) -> MigrationVerdict {
    guard space == .running else {
      misfit = "it does not fit its new type"
      return .remove
    }
    report.note(problem: error)
    return .keep
  }

  private static func belongs(_ placement: DataModel.Placement, in space: Space) -> Bool {
    switch space {
    case .operational: placement == .operational
    case .persistentOperational: placement == .persistentOperational
    default: placement == .configuration
    }
  }

  /// An entry stays if its keys fit their types and still have the same place in the list.
  private func entry(_ record: MigratingRecord, _ node: NodeID) -> MigrationVerdict {
    let keys = new.schema[node].keys
    guard !keys.isEmpty, let values = try? decodedKeys(record.value), values.count == keys.count else {
      return keys.isEmpty ? .keep : .remove
    }
    var path = record.path.withoutEntryKey
    var canonical: [Value] = []
    for (value, key) in zip(values, keys) {
      guard let type = new.schema[key].type, let converted = try? convert(value, key) else { return .remove }
      guard (try? path.appendKey(converted, type: type, schema: new.schema)) != nil else { return .remove }
      canonical.append(converted)
    }
    guard path == record.path else { return .remove }
    return canonical == values ? .keep : .replace(encodedKeys(canonical))
  }

  private func leafListEntry(_ record: MigratingRecord, _ node: NodeID) throws(NSOError) -> MigrationVerdict {
    guard let type = new.schema[node].type else { return .remove }
    let value = try decoded(record.value)
    let converted = try convert(value, node)
    var path = record.path.withoutEntryKey
    guard (try? path.appendKey(converted, type: type, schema: new.schema)) != nil else { return .remove }
    let bytes = ValueCoding.bytes(of: converted)
    if path != record.path { return .move(path, bytes) }
    return converted == value ? .keep : .replace(bytes)
  }

  /// A value in the form of its new type.
  /// - Throws: BADTYPE, naming the node and both types' view of it.
  func convert(_ value: Value, _ node: NodeID) throws(NSOError) -> Value {
    guard let type = new.schema[node].type else { throw NSOError(.badType, "\(new.schema.path(of: node)) takes no value") }
    let before: SchemaType? =
      if case .kept(let old) = fates[node.index] { self.old.schema[old].type } else { nil }
    // The numbers of enumerations and bits mean what their type says, so names are what is kept.
    if let before, Self.isNamed(before.valueType), let text = old.schema.text(of: value, as: before) {
      if let fitting = try? new.schema.parse(text, as: type) { return fitting }
    } else if let fitting = try? new.schema.check(value, as: type) {
      return fitting
    } else if let before, let text = old.schema.text(of: value, as: before), let fitting = try? new.schema.parse(text, as: type)
    {
      return fitting
    }
    do { _ = try new.schema.check(value, as: type) } catch {
      throw error.nsoError(at: "\(new.schema.path(of: node)) (a value from before the upgrade)")
    }
    throw NSOError(
      .badType, "\(new.schema.path(of: node)): a value from before the upgrade has no counterpart in the new type")
  }

  private static func isNamed(_ type: SchemaType) -> Bool {
    switch type.kind {
    case .enumeration, .bits: true
    case .union(let members): members.contains { isNamed($0.valueType) }
    default: false
    }
  }

  /// - Returns: whether anything is lost.
  private func note(lost key: [UInt8], _ space: Space, _ misfit: String?, _ report: inout UpgradeReport) -> Bool {
    let now = new.layout.node(ofKey: key)
    guard let before = old.layout.node(ofKey: key) else { return false }
    var reason = "the new modules do not have it"
    if let misfit {
      reason = misfit
    } else if let now, old.schema.path(of: before) == new.schema.path(of: now) {
      // A presence container that has become a plain one is there by itself.
      if new[now].kind == .container, case .kept = fates[now.index] { return false }
      reason = "its keys do not fit their types any more"
      if case .dropped(let why) = fates[now.index] { reason = why }
    }
    report.note(old.schema.path(of: before), space, reason)
    return true
  }
}
