public import NSODocument
public import NSOModel
import NSOSchema

extension DataModel {
  /// A node's name in all forms that documents need.
  func nodeName(_ node: NodeID) -> NodeName {
    let schemaNode = schema[node]
    let module = schema[schemaNode.module]
    return NodeName(
      schemaNode.name.name, namespace: schemaNode.name.namespace, module: module.name, prefix: module.prefix)
  }

  /// A value in the form that documents have (RFC 7951, section 6; RFC 7950, section 9).
  func written(_ value: Value, _ type: SchemaType) throws(NSOError) -> WrittenValue {
    switch value {
    case .bool(let flag): return .boolean(flag)
    case .empty: return .empty
    case .int8, .int16, .int32, .uint8, .uint16, .uint32: return .number(value.plainText)
    case .identityref(let hash):
      guard let identity = schema.identity(hash) else { break }
      return .names([.name(name(of: identity.name))])
    case .instanceIdentifier(let path): return .names(try pieces(path))
    default: break
    }
    guard let text = schema.text(of: value, as: type) else {
      throw NSOError(.internal, "a stored value does not fit its type any more: \(value.plainText)")
    }
    return .string(text)
  }

  /// A path in the form of an instance-identifier.
  public func written(_ path: Keypath) throws(NSOError) -> WrittenValue { .names(try pieces(path)) }

  private func name(of name: QName) -> NodeName {
    let module = schema.module(namespace: name.namespace)
    return NodeName(name.name, namespace: name.namespace, module: module?.name ?? "", prefix: module?.prefix ?? "")
  }

  /// An instance-identifier: every name qualified, keys as predicates (RFC 7950, section 9.13).
  private func pieces(_ path: Keypath) throws(NSOError) -> [NamePiece] {
    var pieces: [NamePiece] = []
    var node: NodeID?
    for element in path.elements {
      switch element {
      case .tag(let tag):
        guard let child = schema.child(of: node, tag) else {
          throw NSOError(.internal, "a stored instance-identifier leads nowhere any more: \(path)")
        }
        node = child
        pieces += [.text("/"), .name(nodeName(child))]
      case .keys(let keys):
        guard let node else { continue }
        let schemaNode = schema[node]
        if schemaNode.kind == .leafList, let type = schemaNode.type, let value = keys.first {
          pieces.append(.text("[.="))
          pieces += try quoted(value, type)
          pieces.append(.text("]"))
        }
        for (key, value) in zip(schemaNode.keys, keys) {
          guard let type = schema[key].type else { continue }
          pieces += [.text("["), .name(nodeName(key)), .text("=")]
          pieces += try quoted(value, type)
          pieces.append(.text("]"))
        }
      case .position(let index):
        pieces.append(.text("[\(index + 1)]"))
      }
    }
    return pieces
  }

  private func quoted(_ value: Value, _ type: SchemaType) throws(NSOError) -> [NamePiece] {
    switch try written(value, type) {
    case .string(let text), .number(let text):
      let quote = text.contains("'") ? "\"" : "'"
      return [.text(quote + text + quote)]
    case .boolean(let flag): return [.text("'\(flag)'")]
    case .empty: return [.text("''")]
    case .words(let words): return [.text("'" + words.joined(separator: " ") + "'")]
    case .names(let names): return [.text("'")] + names + [.text("'")]
    }
  }
}
