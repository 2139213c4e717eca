import NSOModel
import NSOSchema
import NSOStore
import NSOWire
import NSOXPath

/// What clients are told of the entries that are looked for (protocol part 05, section 8.4).
extension ProviderTree {
  /// The nodes below a list of which its client knows, when it wants filters; else nil.
  func hintedNodes(of list: NodeID) -> ((NodeID) -> Bool)? {
    guard model[list].placement == .provider, model[list].kind == .list, !model.schema[list].isKeyless,
      let point = model.callpoint(of: list), registry.offers(.wantsFilter, at: point.name)
    else { return nil }
    return { [model] node in model[node].placement == .provider && model.callpoint(of: node)?.node == point.node }
  }

  /// A condition in the form of the protocol.
  func filter(_ condition: EntryCondition, of list: NodeID) -> ListFilter {
    switch condition {
    case .any(let parts): joined(parts.map { filter($0, of: list) }[...]) { .or($0, $1) }
    case .all(let parts): joined(parts.map { filter($0, of: list) }[...]) { .and($0, $1) }
    case .not(let part): .not(filter(part, of: list))
    case .compares(let path, let comparison, let text): .compare(comparison.onWire, tags(path, list), .string(text))
    case .exists(let path): .exists(tags(path, list))
    case .startsWith(let path, let text): .call(.startsWith, tags(path, list), .string(text))
    case .matches(let path, let pattern): .call(.matches, tags(path, list), .string(pattern))
    case .derives(let path, let base, let orSelf):
      .call(orSelf ? .derivedFromOrSelf : .derivedFrom, tags(path, list), .identityref(base))
    }
  }

  /// As a tree of pairs that is no deeper than it has to be.
  private func joined(_ parts: ArraySlice<ListFilter>, _ join: (ListFilter, ListFilter) -> ListFilter) -> ListFilter {
    guard let first = parts.first, parts.count > 1 else { return parts.first ?? .or(.exists([]), .not(.exists([]))) }
    if parts.count == 2, let last = parts.last { return join(first, last) }
    let middle = parts.startIndex + parts.count / 2
    return join(joined(parts[..<middle], join), joined(parts[middle...], join))
  }

  private func tags(_ path: [NodeID], _ list: NodeID) -> [Tag] {
    var module = model.schema[list].module
    return path.map { id in
      let node = model.schema[id]
      defer { module = node.module }
      return node.module == module ? Tag(node.name.name) : Tag(node.name)
    }
  }

  /// The data of providers itself, where a tree shows it without changes at and below a list; else nil.
  static func unchanged(_ tree: any DataTree, below list: TreePath) -> ProviderTree? {
    var tree = tree
    while let overlay = tree as? Overlay {
      guard !overlay.touches(list.subtree) else { return nil }
      tree = overlay.base
    }
    return tree as? ProviderTree
  }

  /// The next entry of those that a filter lets through, or that are sent in spite of it.
  /// - Returns: whether the client promises that the filter holds; nil at the end.
  func nextEntry(
    in list: TreePath, _ filter: ListFilter, _ position: inout ListPosition, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) -> Bool? {
    let walk = ProviderWalk(list: list.bytes, filter: filter)
    guard case .entry(let entry?) = try fact(.next(walk, ProviderStand(position))) else { return nil }
    position = .after(entry.key)
    entry.record.withUnsafeBytes(body)
    return entry.isPromised
  }
}

extension EntryCondition.Comparison {
  fileprivate var onWire: ListFilter.Comparison {
    switch self {
    case .equal: .equal
    case .notEqual: .notEqual
    case .less: .less
    case .lessOrEqual: .lessOrEqual
    case .greater: .greater
    case .greaterOrEqual: .greaterOrEqual
    }
  }
}

extension ProviderStand {
  init(_ position: ListPosition) {
    self =
      switch position.stand {
      case .start: .start
      case .after: .after(position.entryKey)
      case .atOrAfter: .atOrAfter(position.entryKey)
      }
  }
}
