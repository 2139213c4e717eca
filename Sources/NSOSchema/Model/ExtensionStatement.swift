/// A statement of an extension, such as `tailf:callpoint hcp { tailf:cache true; }`, or a statement below one.
public struct ExtensionStatement: Hashable, Sendable {
  /// The namespace of the module that defines the extension; nil for a statement of YANG itself below an extension.
  public var namespace: String?
  public var name: String
  public var argument: String?
  public var substatements: [ExtensionStatement]

  public init(namespace: String?, name: String, argument: String? = nil, substatements: [ExtensionStatement] = []) {
    self.namespace = namespace
    self.name = name
    self.argument = argument
    self.substatements = substatements
  }
}

extension ExtensionStatement {
  /// The namespace of the published annotations (`tailf:`, protocol part 08, section 10.2).
  public static var tailf: String { "http://tail-f.com/yang/common" }
}

extension Array<ExtensionStatement> {
  /// The first statement `name` of `namespace`, by default of the published annotations (`tailf:`).
  public func first(_ name: String, in namespace: String = ExtensionStatement.tailf) -> ExtensionStatement? {
    first { $0.name == name && $0.namespace == namespace }
  }

  /// All statements `name` of `namespace`, by default of the published annotations (`tailf:`).
  public func all(_ name: String, in namespace: String = ExtensionStatement.tailf) -> [ExtensionStatement] {
    filter { $0.name == name && $0.namespace == namespace }
  }
}
