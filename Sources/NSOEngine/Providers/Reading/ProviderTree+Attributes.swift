import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire

/// Attributes of configuration that providers store (protocol part 05, sections 7 and 7.1).
extension ProviderTree {
  /// Some client keeps attributes.
  var hasAttributes: Bool {
    model.callpoints.contains { $0.servesConfiguration && registry.offers(.getAttributes, at: $0.name) }
  }

  /// Whether the client of a node keeps its attributes.
  func keepsAttributes(_ node: NodeID) -> Bool {
    guard model[node].placement == .provider, model[node].isConfiguration, !model[node].isKey,
      let point = model.callpoint(of: node)
    else { return false }
    return registry.offers(.getAttributes, at: point.name)
  }

  /// The attributes of a node, in the order of their numbers.
  func attributes(of path: TreePath) throws(StoreError) -> [Attribute] {
    guard let node = path.node, keepsAttributes(node), case .attributes(let found) = try fact(.attributes(path.bytes)) else {
      return []
    }
    return found
  }

  /// The records of a range in which are only attributes of one node, or the mark of trees that have some; nil for other ranges.
  func attributeCursor(in range: KeyRange) throws(StoreError) -> AttributeCursor? {
    let place: [UInt8]
    if let all = range.placeOfAttributes {
      place = all
    } else {
      let single = range.lower.withUnsafeBytes { TreePath.attribute($0)?.place }
      // One record, or some of the same node.
      guard let single, let upper = range.upper, upper.starts(with: range.lower.prefix(single.count + 1)) else { return nil }
      place = single
    }
    let mark: [(key: [UInt8], value: [UInt8])] = hasAttributes ? [(key: range.lower, value: [])] : []
    if place.isEmpty { return AttributeCursor(mark, in: range) }
    guard model.layout.path(range.lower) == nil, let path = model.layout.path(place) else { return nil }
    let records = try attributes(of: path).map { attribute in
      (key: path.attributeKey(attribute.number), value: ValueCoding.bytes(of: attribute.value))
    }
    return AttributeCursor(records, in: range)
  }

  func fetchAttributes(_ path: TreePath) async throws(NSOError) -> [Attribute] {
    let place = try place(path)
    guard place.callbacks.contains(.getAttributes) else { return [] }
    guard case .attributes(let found) = try await call(place, .getAttributes(place.keypath, [])) else {
      throw wrongAnswer(place)
    }
    var attributes: [Attribute] = []
    for attribute in found ?? [] {
      guard let rule = AttributeRule[attribute.number] else {
        throw bad("an attribute with number \(attribute.number.rawValue), which there is not", place)
      }
      do throws(NSOError) { try rule.check(attribute.value) } catch { throw bad(error.message, place) }
      attributes.append(attribute)
    }
    return attributes.sorted { $0.number.rawValue < $1.number.rawValue }
  }
}

/// The attributes of one node as the records of a tree.
final class AttributeCursor: TreeCursor {
  private let records: [(key: [UInt8], value: [UInt8])]
  private var index = -1
  /// The current record, in memory of its own.
  private var keyBytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 1)
  private var valueBytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 1)

  /// - Parameter records: in the order of their keys.
  init(_ records: [(key: [UInt8], value: [UInt8])], in range: KeyRange) {
    self.records = records.filter { record in
      !record.key.lexicographicallyPrecedes(range.lower)
        && (range.upper.map { record.key.lexicographicallyPrecedes($0) } ?? true)
    }
  }

  deinit {
    keyBytes.deallocate()
    valueBytes.deallocate()
  }

  var key: UnsafeRawBufferPointer { UnsafeRawBufferPointer(keyBytes) }
  var value: UnsafeRawBufferPointer { UnsafeRawBufferPointer(valueBytes) }

  private func show(_ index: Int?) -> Bool {
    guard let index, records.indices.contains(index) else { return false }
    self.index = index
    keyBytes.deallocate()
    valueBytes.deallocate()
    keyBytes = .allocate(byteCount: records[index].key.count, alignment: 1)
    keyBytes.copyBytes(from: records[index].key)
    valueBytes = .allocate(byteCount: records[index].value.count, alignment: 1)
    valueBytes.copyBytes(from: records[index].value)
    return true
  }

  func seek(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
    show(records.firstIndex { !$0.key.lexicographicallyPrecedes(key) })
  }

  func seekBefore(_ key: UnsafeRawBufferPointer?) throws(StoreError) -> Bool {
    guard let key else { return show(records.indices.last) }
    return show(records.lastIndex { $0.key.lexicographicallyPrecedes(key) })
  }

  func next() throws(StoreError) -> Bool { show(index + 1) }
}
