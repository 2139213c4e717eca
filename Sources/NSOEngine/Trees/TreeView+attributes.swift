public import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire

extension TreeView {
  /// The attributes of a node (protocol part 04, GET_ATTRS), in the order of their numbers.
  /// - Parameter numbers: which ones; empty for all.
  /// - Throws: NOEXISTS when the node does not exist, BADPATH at a list without keys.
  public func attributes(
    _ numbers: [AttributeNumber] = [], of location: Location
  ) throws(NSOError) -> [Attribute] {
    guard try exists(location) else { throw NSOError(.noExists, "\(location.text(model)) does not exist") }
    return try storedAttributes(of: location).filter { numbers.isEmpty || numbers.contains($0.number) }
  }

  /// The attributes of a node that the caller knows to exist.
  public func storedAttributes(of location: Location) throws(NSOError) -> [Attribute] {
    guard let node = location.node, !model[node].isKey else { return [] }
    if model[node].placement == .provider, !(providerTree?.keepsAttributes(node) ?? false) { return [] }
    let tree = try tree(of: node)
    var found: [Attribute] = []
    var failure: NSOError?
    try storeErrors { () throws(StoreError) in
      try tree.forEachAttribute(of: location.path) { number, bytes in
        do throws(NSOError) { found.append(Attribute(number, try decoded(bytes))) } catch { failure = error }
      }
    }
    if let failure { throw failure }
    return found
  }

  /// False: no node has attributes, so that nobody has to look for any.
  public func usesAttributes() throws(NSOError) -> Bool {
    try storeErrors { () throws(StoreError) in
      if try configuration.usesAttributes() { return true }
      if try operational.usesAttributes() { return true }
      if providerTree?.hasAttributes ?? false { return true }
      return try persistentOperational.usesAttributes()
    }
  }
}

extension TreeEditor {
  /// Sets an attribute of a node, or with nil takes it away (protocol part 04, SET_ATTR). A node keeps its attributes when it gets
  /// another value, and loses them when it is deleted.
  /// - Throws: NOEXISTS when nothing is set there, BADTYPE for a value that is none of this attribute, BADPATH at a list without
  ///   keys, UNAVAILABLE at a key, NOT_WRITABLE for data that cannot be written here.
  public mutating func setAttribute(
    _ number: AttributeNumber, to value: Value?, of location: Location
  ) throws(NSOError) {
    let node = try writable(location)
    try requireAccess(.update, location)
    let facts = model[node]
    if facts.placement == .provider { try requireAttributes(of: location, node) }
    guard !facts.isKey else {
      throw NSOError(
        .unavailable, "\(location.text(model)) is a key and has no attributes of its own: use those of the list entry")
    }
    guard location.isEntry || (facts.kind != .list && facts.kind != .leafList) else {
      throw NSOError(.badPath, "\(location.text(model)) is a \(facts.kind.text): its entries have attributes, give the keys")
    }
    if facts.kind == .container, !facts.flags.contains(.presence) {
      try requireAnchor(location)
    } else if try !isPresent(location) {
      throw NSOError(.noExists, "\(location.text(model)) is not set, so it cannot have attributes")
    }
    guard let rule = AttributeRule[number] else {
      throw NSOError(.badType, "\(location.text(model)): there is no attribute \(number.rawValue)")
    }
    if let value {
      do throws(NSOError) { try rule.check(value) } catch {
        throw NSOError(error.code, "\(location.text(model)): \(error.message)")
      }
    }
    try changing(node) { overlay throws(StoreError) in
      try overlay.setAttribute(number, of: location.path, to: value.map(ValueCoding.bytes(of:)))
    }
  }

  /// - Throws: UNAVAILABLE when the provider of a node keeps no attributes.
  private func requireAttributes(of location: Location, _ node: NodeID) throws(NSOError) {
    guard let point = model.callpoint(of: node), let providerTree, providerTree.keepsAttributes(node),
      providerTree.registry.offers(.setAttribute, at: point.name)
    else {
      throw NSOError(
        .unavailable,
        "\(location.text(model)) is kept by a data provider (callpoint), which keeps no attributes: it has to register get_attrs and set_attr"
      )
    }
  }
}
