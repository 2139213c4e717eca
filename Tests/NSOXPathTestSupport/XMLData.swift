internal import NSODocument
internal import NSOModel
public import NSOSchema
public import NSOXPath

/// Why test data cannot be read.
public struct DataError: Error, CustomStringConvertible {
  public var description: String

  public init(description: String) { self.description = description }
}

extension MemoryStorage {
  /// Reads data in XML: top-level elements, one after the other.
  public init(_ schema: Schema, xml: String) throws {
    self.init(schema)
    let parser = XMLDocumentParser()
    var open: [Element] = []
    var top: Element?
    try parser.parse("<data>\(xml)</data>") { event in
      switch event {
      case .start(let start):
        let element = Element(start)
        open.last?.children.append(element)
        if top == nil { top = element }
        open.append(element)
      case .scalar(let scalar): open.last?.text = scalar.lexical
      case .end: open.removeLast()
      default: break
      }
    }
    try add(top?.children ?? [], below: nil, rootPlace)
  }

  private final class Element {
    let start: DocumentElement
    var text = ""
    var children: [Element] = []

    init(_ start: DocumentElement) { self.start = start }
  }

  private func add(_ elements: [Element], below parent: NodeID?, _ place: Place) throws {
    var count: Int64 = 0
    for element in elements {
      let id = try node(element, below: parent)
      let node = schema[id]
      let own = self.place(of: id, in: place)
      switch node.kind {
      case .leaf where node.isKey: continue
      case .leaf: set(own, node.isEmptyLeaf ? nil : try value(element, node))
      case .leafList:
        let value = try value(element, node)
        set(self.place(ofEntry: [value], of: id, at: own), value)
      case .container:
        if node.isPresence { set(own) }
        try add(element.children, below: id, own)
      case .list:
        var keys: [Value] = []
        for key in node.keys {
          guard let leaf = try element.children.first(where: { try self.node($0, below: id) == key }) else {
            throw DataError(description: "\(node.name) without key \(schema[key].name)")
          }
          keys.append(try value(leaf, schema[key]))
        }
        if node.keys.isEmpty {
          keys = [.int64(count)]
          count += 1
        }
        let entry = self.place(ofEntry: keys, of: id, at: own)
        set(entry)
        try add(element.children, below: id, entry)
      default: set(own)
      }
    }
  }

  private func node(_ element: Element, below parent: NodeID?) throws -> NodeID {
    let name = element.start.name
    guard case .namespace(let namespace) = name.space,
      let id = schema.child(of: parent, namespace: namespace, name: name.local)
    else { throw DataError(description: "unknown element \(name)") }
    return id
  }

  private func value(_ element: Element, _ node: SchemaNode) throws -> Value {
    guard let type = node.type else { throw DataError(description: "\(node.name) has no value") }
    guard case .prefixes(let scope) = element.start.names else { return try schema.parse(element.text, as: type) }
    return try schema.parse(element.text, as: type, prefixes: .map { scope.namespace(for: $0 ?? "") })
  }
}
