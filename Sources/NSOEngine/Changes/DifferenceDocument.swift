import NIOCore
import NSODocument
public import NSOModel
import NSOSchema
import NSOStore

/// Differences as an XML document that makes them when it is merged: NETCONF's `operation` where something goes, YANG's
/// `insert` where an entry has another place (RFC 6241, section 7.2; RFC 7950, section 7.8.6). Attributes follow at the end.
struct DifferenceDocument {
  private let after: TreeView
  private var model: DataModel { after.model }
  private var writer: XMLDocumentWriter
  /// What is open: by its path, and whether it is an entry.
  private var open: [(path: Keypath, isEntry: Bool)] = []

  /// - Parameters:
  ///   - differences: in the order of the data.
  ///   - after: the data that they make.
  static func document(_ differences: [DataDifference], _ after: TreeView) throws(NSOError) -> [UInt8] {
    let sink = Sink()
    do {
      var document = DifferenceDocument(
        after, XMLDocumentWriter(layout: .pretty) { sink.bytes.append(contentsOf: $0) })
      try document.writer.startContainer(
        NodeName("config", namespace: DocumentLoader.configNamespace, module: "", prefix: "config"))
      for difference in differences { try document.add(difference) }
      try document.addAttributes(differences)
      try document.close(to: 0)
      try document.writer.end()
      try document.writer.finish()
    } catch let error as NSOError {
      throw error
    } catch {
      throw NSOError(.internal, "\(error)")
    }
    return sink.bytes
  }

  private final class Sink { var bytes: [UInt8] = [] }

  private init(_ after: TreeView, _ writer: XMLDocumentWriter) {
    self.after = after
    self.writer = writer
  }

  private mutating func add(_ difference: DataDifference) throws {
    guard let node = try model.locate(difference.path).node else { return }
    let facts = model[node]
    let name = model.nodeName(node)
    switch difference.change {
    // Attributes have their turn when all nodes are there.
    case .modified, .attributeSet: return
    case .created where facts.kind == .list || facts.kind == .container: try enter(difference.path)
    case .created: try leaf(difference.path, node, name, [])
    case .deleted:
      if facts.kind == .list || facts.kind == .container {
        try enter(difference.path, [Self.operation("remove")])
        try close(to: open.count - 1)
      } else {
        try leaf(difference.path, node, name, [Self.operation("remove")])
      }
    case .valueSet(_, let new):
      if new == .defaultInEffect { return try leaf(difference.path, node, name, [Self.operation("remove")]) }
      try enter(difference.path.parent)
      guard let type = model.schema[node].type else { return }
      if case .list(let values) = new {
        try writer.startLeafList(name)
        for value in values { try writer.item(try model.written(value, type)) }
        try writer.endLeafList()
      } else {
        try writer.leaf(name, try model.written(new, type))
      }
    case .movedAfter(let keys):
      let place = try place(keys, node)
      if facts.kind == .list {
        try enter(difference.path, place)
        try close(to: open.count - 1)
      } else {
        try leaf(difference.path, node, name, place)
      }
    }
  }

  /// A leaf of type empty, one entry of a leaf-list, or a leaf that goes.
  private mutating func leaf(_ path: Keypath, _ node: NodeID, _ name: NodeName, _ metadata: [Annotation]) throws {
    if case .keys(let keys)? = path.elements.last, let value = keys.first, let type = model.schema[node].type {
      try enter(path.parent.parent)
      try writer.startLeafList(name)
      try writer.item(try model.written(value, type), metadata: metadata)
      try writer.endLeafList()
    } else {
      try enter(path.parent)
      try writer.leaf(name, .empty, metadata: metadata)
    }
  }

  // MARK: Attributes

  private mutating func addAttributes(_ differences: [DataDifference]) throws {
    var index = differences.startIndex
    while index < differences.endIndex {
      let path = differences[index].path
      var set: [Annotation] = []
      var removed: [AttributeNumber] = []
      while index < differences.endIndex, differences[index].path == path {
        if case .attributeSet(let number, let value) = differences[index].change {
          if let value { set += model.written(Attribute(number, value)).map { [$0] } ?? [] } else { removed.append(number) }
        }
        index += 1
      }
      if !removed.isEmpty { set.append(model.writtenRemoval(removed)) }
      if !set.isEmpty { try add(set, path) }
    }
  }

  private mutating func add(_ attributes: [Annotation], _ path: Keypath) throws {
    let place = try model.locate(path)
    // With a node its attributes go.
    guard let node = place.node, try after.exists(place) else { return }
    let name = model.nodeName(node)
    switch model[node].kind {
    case .list, .container:
      try enter(path, attributes)
      try close(to: open.count - 1)
    case .leafList: try leaf(path, node, name, attributes)
    default:
      guard try after.isSet(place), let value = try after.value(place), let type = model.schema[node].type else { return }
      try enter(path.parent)
      try writer.leaf(
        name, model[node].flags.contains(.empty) ? .empty : try model.written(value, type), metadata: attributes)
    }
  }

  private static func operation(_ operation: String) -> Annotation {
    Annotation(
      NodeName("operation", namespace: DocumentLoader.netconf, module: "ietf-netconf", prefix: "nc"), .string(operation))
  }

  private func place(_ keys: [Value], _ node: NodeID) throws -> [Annotation] {
    func name(_ text: String) -> NodeName {
      NodeName(text, namespace: "urn:ietf:params:xml:ns:yang:1", module: "yang", prefix: "yang")
    }
    guard !keys.isEmpty else { return [Annotation(name("insert"), .string("first"))] }
    let list = model.schema[node]
    guard list.kind == .list else {
      let value = list.type.flatMap { model.schema.text(of: keys[0], as: $0) } ?? keys[0].plainText
      return [Annotation(name("insert"), .string("after")), Annotation(name("value"), .string(value))]
    }
    var pieces: [NamePiece] = []
    for (key, value) in zip(list.keys, keys) {
      let text = model.schema[key].type.flatMap { model.schema.text(of: value, as: $0) } ?? value.plainText
      let quote = text.contains("'") ? "\"" : "'"
      pieces += [.text("["), .name(model.nodeName(key)), .text("=\(quote)\(text)\(quote)]")]
    }
    return [Annotation(name("insert"), .string("after")), Annotation(name("key"), .names(pieces))]
  }

  // MARK: What is open

  /// Opens what leads to a container or entry, and it itself with these attributes.
  private mutating func enter(_ path: Keypath, _ metadata: [Annotation] = []) throws {
    var steps: [(path: Keypath, isEntry: Bool)] = []
    var sofar = Keypath()
    for element in path.elements {
      sofar.elements.append(element)
      if case .keys = element { steps.removeLast() }
      let isEntry = if case .keys = element { true } else { false }
      steps.append((sofar, isEntry))
    }
    var common = 0
    while common < steps.count, common < open.count, open[common].path == steps[common].path { common += 1 }
    // With attributes it is an element of its own.
    if !metadata.isEmpty { common = min(common, steps.count - 1) }
    try close(to: max(0, common))
    for (index, step) in steps.enumerated().dropFirst(common) {
      guard let node = try model.locate(step.path).node else { continue }
      let attributes = index == steps.count - 1 ? metadata : []
      if step.isEntry {
        try writer.startList(model.nodeName(node))
        try writer.startEntry(metadata: attributes)
        if case .keys(let keys)? = step.path.elements.last {
          for (key, value) in zip(model.schema[node].keys, keys) {
            guard let type = model.schema[key].type else { continue }
            try writer.leaf(model.nodeName(key), try model.written(value, type))
          }
        }
      } else {
        try writer.startContainer(model.nodeName(node), metadata: attributes)
      }
      open.append(step)
    }
  }

  private mutating func close(to depth: Int) throws {
    while open.count > depth, let last = open.popLast() {
      try writer.end()
      if last.isEntry { try writer.endList() }
    }
  }
}

extension Keypath {
  fileprivate var parent: Keypath { Keypath(Array(elements.dropLast())) }
}

extension TreeView {
  /// The changes of a transaction to configuration, or what takes them back.
  private func changes(isReversed: Bool) throws(NSOError) -> Overlay {
    guard let overlay = configuration as? Overlay else { return Overlay(configuration) }
    guard isReversed else { return overlay }
    return try storeErrors { () throws(StoreError) in
      var back = Overlay(overlay)
      try back.apply(overlay.reversal())
      return back
    }
  }

  /// The changes of a transaction to configuration, or what takes them back, as an XML document that makes them when it is merged.
  public func changeDocument(below place: Location = .root, isReversed: Bool = false) throws(NSOError) -> [UInt8] {
    if let access {
      try access.requireChangesShown()
      return try access.complete.changeDocument(below: place, isReversed: isReversed)
    }
    let changes = try changes(isReversed: isReversed)
    var after = self
    after.configuration = changes
    return try DifferenceDocument.document(DataDifference.all(of: changes, below: place, .attributes, model), after)
  }

  /// The changes of a transaction to configuration, or what takes them back, as people read them; empty when there are none.
  public func changeText(below place: Location = .root, isReversed: Bool = false) throws(NSOError) -> String {
    if let access {
      try access.requireChangesShown()
      return try access.complete.changeText(below: place, isReversed: isReversed)
    }
    return try DifferenceText.text(
      DataDifference.all(of: changes(isReversed: isReversed), below: place, [.oldValues, .deletedContents], model), model)
  }
}
