public import NSOModel

/// A module of the schema.
public struct SchemaModule: Sendable {
  public struct Feature: Hashable, Sendable {
    public let name: String
    public let isEnabled: Bool
  }

  public let id: ModuleID
  public let name: String
  public let namespace: String
  /// The prefix the module gives itself.
  public let prefix: String
  /// The latest revision date.
  public let revision: String?
  /// Name hash of the namespace (protocol part 02, section 9).
  public let hash: UInt32
  /// False for modules that are only imported: their types and identities are used, their nodes are not there.
  public let isImplemented: Bool
  public let features: [Feature]
  /// Named types of the module that something uses, in the order written.
  public let typedefs: [SchemaTypedef]
  /// Prefixes of the module's imports, and its own.
  public let prefixes: PrefixMap
  public let description: String?
  public let extensions: [ExtensionStatement]
  /// The file it came from; nil for modules built into the YANG library.
  public let file: String?
}

/// A named type.
public struct SchemaTypedef: Sendable {
  public let name: QName
  public let type: SchemaType
}

/// An identity.
public final class Identity: Sendable {
  public let name: QName
  public let module: ModuleID
  /// Prefix and name of the module that defines it, for texts.
  public let modulePrefix: String
  public let moduleName: String
  public let hash: IdentityHash
  /// All identities it is derived from, directly or not, without itself.
  public let ancestors: Set<QName>

  init(name: QName, module: ModuleID, modulePrefix: String, moduleName: String, hash: IdentityHash, ancestors: Set<QName>) {
    self.name = name
    self.module = module
    self.modulePrefix = modulePrefix
    self.moduleName = moduleName
    self.hash = hash
    self.ancestors = ancestors
  }
}
