import NSODocument

/// The names of RFC 6241 and its relatives.
enum NetconfNames {
  static let base = "urn:ietf:params:xml:ns:netconf:base:1.0"
  static let base10 = "urn:ietf:params:netconf:base:1.0"
  static let base11 = "urn:ietf:params:netconf:base:1.1"
  static let yang = "urn:ietf:params:xml:ns:yang:1"
  static let withDefaults = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
  static let monitoring = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"

  static func isBase(_ name: DocumentName, _ local: String) -> Bool {
    name == DocumentName(local, in: .namespace(base))
  }
}

extension DocumentTree {
  /// The first child of a name in the namespace of RFC 6241.
  func child(_ local: String, in namespace: String = NetconfNames.base) -> DocumentTree? {
    children.first { $0.name == DocumentName(local, in: .namespace(namespace)) }
  }
}

extension DocumentElement {
  /// An attribute without namespace.
  func attribute(_ local: String) -> String? {
    attributes.first { $0.name.local == local && $0.name.space == .none }?.value.lexical
  }
}
