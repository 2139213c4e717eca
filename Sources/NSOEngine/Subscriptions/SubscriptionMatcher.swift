import NSOModel
import NSOSchema
import NSOStore

/// Finds which of many patterns a change touches. Costs little per pattern that is one place, or per change, whichever are fewer;
/// patterns that leave something open are looked up by their last node.
struct SubscriptionMatcher {
  private let model: DataModel
  private let patterns: [SubscriptionPattern]
  private var isMatched: [Bool]
  private var open: Int

  private init(_ patterns: [SubscriptionPattern], _ model: DataModel) {
    self.model = model
    self.patterns = patterns
    isMatched = [Bool](repeating: false, count: patterns.count)
    open = patterns.count
  }

  /// For each pattern whether the overlay changes something at or below what it covers, or deletes it from above.
  static func matches(_ patterns: [SubscriptionPattern], _ overlay: Overlay, _ model: DataModel) throws(NSOError) -> [Bool] {
    guard !patterns.isEmpty, !overlay.isEmpty else { return [Bool](repeating: false, count: patterns.count) }
    var matcher = SubscriptionMatcher(patterns, model)
    try storeErrors { () throws(StoreError) in try matcher.run(overlay) }
    return matcher.isMatched
  }

  private mutating func run(_ overlay: Overlay) throws(StoreError) {
    let diff = TreeDiff(overlay, layout: model.layout)
    let fixed = patterns.indices.filter { patterns[$0].isFixed }
    // A look at one place costs about as much as a few changes.
    let walksAll = fixed.count > 16 && overlay.changeCount < fixed.count
    if !walksAll {
      for index in fixed {
        if try !diff.isEmpty(below: patterns[index].fixed.path) { found(index) }
      }
      if fixed.count == patterns.count { return }
    }
    var places: [ArraySlice<UInt8>: [Int]] = [:]
    var nodes: [NodeID: [Int]] = [:]
    for (index, pattern) in patterns.enumerated() where !isMatched[index] {
      if pattern.isFixed {
        if walksAll { places[pattern.fixed.path.bytes[...], default: []].append(index) } else { open -= 1 }
      } else if let node = pattern.node {
        nodes[node, default: []].append(index)
      }
    }
    // What was below deleted entries is shown as well: whoever subscribed to it is told.
    try diff.forEach(below: walksAll ? .root : commonPlace, includingDeletedContents: true) { change in
      if case .attribute = change.kind { return .goOn }
      note(change.path, places, nodes)
      return open > 0 ? .goOn : .stop
    }
  }

  /// Where to look for changes that concern patterns with something left open.
  private var commonPlace: TreePath {
    var common: TreePath?
    for pattern in patterns where !pattern.isFixed {
      if let known = common, known != pattern.fixed.path { return .root }
      common = pattern.fixed.path
    }
    return common ?? .root
  }

  private mutating func note(_ path: TreePath, _ places: [ArraySlice<UInt8>: [Int]], _ nodes: [NodeID: [Int]]) {
    let steps = model.layout.steps(of: path)
    if !places.isEmpty {
      for index in places[[]] ?? [] { found(index) }
      for step in steps {
        for index in places[path.bytes[..<step.nodeEnd]] ?? [] { found(index) }
        if let end = step.entryEnd { for index in places[path.bytes[..<end]] ?? [] { found(index) } }
      }
    }
    guard !nodes.isEmpty else { return }
    for step in steps {
      for index in nodes[step.node] ?? [] where !isMatched[index] {
        if patterns[index].covers(path, steps, model) { found(index) }
      }
    }
  }

  private mutating func found(_ index: Int) {
    guard !isMatched[index] else { return }
    isMatched[index] = true
    open -= 1
  }
}
