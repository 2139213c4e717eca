internal import NSOModel
internal import NSOSchema

extension XPathNamespaces {
  /// The canonical form of a text of a type, its prefixes understood as those of the expression; nil when it is not a
  /// value of the type.
  func canonical(_ text: String, _ type: SchemaType, _ schema: Schema) -> String? {
    let namespaces = self
    let resolver: PrefixResolver =
      switch unprefixed {
      case .any where prefixes.isEmpty: .schema
      default: .map { namespaces.namespace(of: $0) }
      }
    guard let value = try? schema.parse(text, as: type, prefixes: resolver) else { return nil }
    return schema.text(of: value, as: type)
  }

  private func namespace(of prefix: String?) -> String? {
    if let prefix { return prefixes[prefix] }
    if case .namespace(let namespace) = unprefixed { return namespace }
    return nil
  }
}
