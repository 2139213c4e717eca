/// A node, identity or feature name with the namespace URI of the module that defines it.
public struct QName: Hashable, Sendable, Comparable, CustomStringConvertible {
  public var namespace: String
  public var name: String

  public init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  public static func < (a: QName, b: QName) -> Bool {
    a.name == b.name ? a.namespace < b.namespace : a.name < b.name
  }

  public var description: String { "{\(namespace)}\(name)" }
}

/// A node name as it travels (protocol part 02, section 5.2): plain when the node is in its parent's namespace,
/// else with the namespace URI. In match paths the first part is the module's prefix instead.
public struct Tag: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
  public var namespace: String?
  public var name: String

  public init(_ name: String, in namespace: String? = nil) {
    self.namespace = namespace
    self.name = name
  }

  public init(_ qname: QName) { self.init(qname.name, in: qname.namespace) }

  public init(stringLiteral name: String) { self.init(name) }

  public var description: String { namespace.map { "\($0):\(name)" } ?? name }
}
