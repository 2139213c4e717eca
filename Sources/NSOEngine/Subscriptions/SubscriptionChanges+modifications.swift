public import NSOModel
import NSOSchema
import NSOStore

extension SubscriptionChanges {
  /// What a tagged value list of changes has (protocol part 03, section 8.4).
  public struct ModificationOptions: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Entries of lists below the place.
    public static let lists = ModificationOptions(rawValue: 1)
    /// A default that comes into effect with a new parent is left out; one that replaces a value is told as deletion.
    public static let suppressesDefaults = ModificationOptions(rawValue: 2)
    public static let moves = ModificationOptions(rawValue: 4)
    public static let ancestorDelete = ModificationOptions(rawValue: 8)
    public static let reverse = ModificationOptions(rawValue: 16)
  }

  /// The changes of a point as tagged values, relative to its container or list entry (of a leaf, list or leaf-list: to what it is in).
  /// - Parameter place: a place below the point instead.
  /// - Throws: what the database says.
  public func modifications(
    of pattern: SubscriptionPattern, at place: Location? = nil, _ options: ModificationOptions
  ) throws(NSOError) -> [TaggedValue] {
    var itemOptions: Options = options.contains(.reverse) ? .reverse : []
    if options.contains(.ancestorDelete) { itemOptions.insert(.ancestorDelete) }
    let items = try items(of: pattern, itemOptions)
    return try modifications(items, relativeTo: base(place ?? pattern.fixed), options)
  }

  /// As ``modifications(of:at:_:)``, of items that an iteration has.
  public func modifications(
    _ items: [DataDifference], below item: DataDifference, _ options: ModificationOptions
  ) throws(NSOError) -> [TaggedValue] {
    let below = items.filter { $0.key.starts(with: item.key) }
    return try modifications(below, relativeTo: model.layout.path(item.key).map(container) ?? [], options)
  }

  /// The key of the innermost container or entry at or above a place.
  private func base(_ place: Location) -> [UInt8] { container(of: place.path) }

  private func container(of path: TreePath) -> [UInt8] {
    var best = 0
    for step in model.layout.steps(of: path) {
      if let end = step.entryEnd, model[step.node].kind == .list {
        best = end
      } else if model[step.node].kind == .container {
        best = step.nodeEnd
      }
    }
    return Array(path.bytes[..<best])
  }

  private func modifications(
    _ items: [DataDifference], relativeTo base: [UInt8], _ options: ModificationOptions
  ) throws(NSOError) -> [TaggedValue] {
    var wanted = items.filter { item in
      if case .movedAfter = item.change { return options.isSuperset(of: [.lists, .moves]) }
      if case .modified = item.change { return false }
      return true
    }
    if !options.contains(.suppressesDefaults), !options.contains(.reverse) {
      for item in wanted {
        if case .created = item.change { wanted += try defaults(below: item) }
      }
    }
    // The order of keys is the order of the data: everything of a container stands together, and a move behind the creation.
    let ranked = wanted.map { item in
      if case .movedAfter = item.change { (item, 1) } else { (item, 0) }
    }
    wanted = ranked.sorted { a, b in
      a.0.key == b.0.key ? a.1 < b.1 : a.0.key.lexicographicallyPrecedes(b.0.key)
    }.map(\.0)
    var writer = ModificationWriter(model, base, options)
    for item in wanted { try writer.add(item) }
    return writer.finish()
  }

  /// Leafs that have their default because an entry or presence container was made.
  private func defaults(below item: DataDifference) throws(NSOError) -> [DataDifference] {
    guard let view = after, let path = model.layout.path(item.key), let node = path.node else { return [] }
    guard model[node].kind == .list || model[node].kind == .container else { return [] }
    var found: [DataDifference] = []
    let place = try model.locate(item.path)
    func visit(_ place: Location, _ path: Keypath, _ node: NodeID) throws(NSOError) {
      for child in model.schema[node].children where model[child].placement == .configuration {
        let facts = model[child]
        let inner = place.child(child, model)
        let innerPath = path.appending(model.schema.tag(of: child))
        if facts.kind == .container, !facts.flags.contains(.presence) { try visit(inner, innerPath, child) }
        guard facts.kind == .leaf || facts.kind == .leafList, model.defaultBytes(child) != nil else { continue }
        let isSet = try storeErrors { () throws(StoreError) in try view.configuration.untracked.hasContent(inner.path) }
        if !isSet, try view.defaultBytes(inner) != nil {
          found.append(
            DataDifference(
              path: innerPath, change: .valueSet(old: nil, new: .defaultInEffect), key: inner.path.bytes,
              parentKey: place.path.bytes))
        }
      }
    }
    try visit(place, item.path, node)
    return found
  }
}

/// Puts changes, in the order of the data, into containers and entries.
private struct ModificationWriter {
  private struct Open {
    var end: Int
    var tag: Tag
  }

  private let model: DataModel
  private let base: [UInt8]
  private let options: SubscriptionChanges.ModificationOptions
  private var open: [Open] = []
  private var key: [UInt8] = []
  private var values: [TaggedValue] = []

  init(_ model: DataModel, _ base: [UInt8], _ options: SubscriptionChanges.ModificationOptions) {
    self.model = model
    self.base = base
    self.options = options
  }

  mutating func add(_ item: DataDifference) throws(NSOError) {
    guard let path = model.layout.path(item.key), let node = path.node, item.key.starts(with: base) else {
      // Deleted from above: the one item there is.
      if case .deleted = item.change, base.starts(with: item.key) { delete(item) }
      return
    }
    let steps = model.layout.steps(of: path)
    let below = steps.filter { ($0.entryEnd ?? $0.nodeEnd) > base.count }
    guard options.contains(.lists) || !below.contains(where: { model[$0.node].kind == .list }) else { return }
    close(until: path.bytes)
    let facts = model[node]
    let isNode = facts.kind == .list || facts.kind == .container
    switch item.change {
    case .deleted where isNode:
      enter(below.dropLast(), item, path)
      delete(item)
    default:
      enter(isNode ? below[...] : below.dropLast(), item, path)
    }
    let tag = Tag(model.schema[node].name)
    if case .movedAfter(let other) = item.change {
      values.append(TaggedValue(tag, other.isEmpty ? .movedFirst : .movedAfter))
      return add(other, of: node)
    }
    guard !isNode else { return }
    switch item.change {
    case .created: values.append(TaggedValue(tag, .leaf))
    case .deleted: values.append(TaggedValue(tag, .notFound))
    case .valueSet(_, .defaultInEffect):
      let value = options.contains(.suppressesDefaults) ? nil : try defaultValue(node)
      values.append(TaggedValue(tag, value ?? .notFound))
    case .valueSet(_, let new): values.append(TaggedValue(tag, new))
    case .modified, .movedAfter, .attributeSet: break
    }
  }

  mutating func finish() -> [TaggedValue] {
    close(until: [])
    return values
  }

  private func defaultValue(_ node: NodeID) throws(NSOError) -> Value? {
    guard let bytes = model.defaultBytes(node) else { return nil }
    let result: Result<Value, NSOError> = bytes.withUnsafeBytes { bytes in
      do throws(NSOError) { return .success(try decoded(bytes)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  private mutating func delete(_ item: DataDifference) {
    var path = item.path
    var keys: [Value] = []
    if case .keys(let found)? = path.elements.last {
      keys = found
      path.elements.removeLast()
    }
    guard let node = model.layout.path(item.key)?.node else { return }
    let tag = Tag(model.schema[node].name)
    guard model[node].kind == .list else { return values.append(TaggedValue(tag, .notFound)) }
    values.append(TaggedValue(tag, .delete))
    add(keys, of: node)
    values.append(TaggedValue(tag, .stop))
  }

  private mutating func add(_ keys: [Value], of node: NodeID) {
    for (key, value) in zip(model.schema[node].keys, keys) { values.append(TaggedValue(Tag(model.schema[key].name), value)) }
  }

  private mutating func close(until next: [UInt8]) {
    while let last = open.last, next.count < last.end || next[..<last.end] != key[..<last.end] {
      values.append(TaggedValue(last.tag, .stop))
      open.removeLast()
    }
  }

  /// Opens what is not open of the way to an item.
  private mutating func enter(_ steps: ArraySlice<TreeStep>, _ item: DataDifference, _ path: TreePath) {
    key = path.bytes
    for step in steps {
      let end = step.entryEnd ?? step.nodeEnd
      if let last = open.last, last.end >= end { continue }
      let tag = Tag(model.schema[step.node].name)
      values.append(TaggedValue(tag, .start))
      if step.entryEnd != nil, let keys = keys(of: item.path, before: step, path) { add(keys, of: step.node) }
      open.append(Open(end: end, tag: tag))
    }
  }

  /// The keys that the path of an item has at one of its steps.
  private func keys(of place: Keypath, before step: TreeStep, _ path: TreePath) -> [Value]? {
    let all = model.layout.steps(of: path)
    guard let depth = all.firstIndex(where: { $0.nodeEnd == step.nodeEnd }) else { return nil }
    // Each entry on the way has one element more.
    var index = -1
    var tags = 0
    for (offset, element) in place.elements.enumerated() {
      if case .tag = element {
        if tags == depth { index = offset }
        tags += 1
      }
    }
    guard index >= 0, index + 1 < place.elements.count, case .keys(let keys) = place.elements[index + 1] else { return nil }
    return keys
  }
}
