public import NSODocument
public import NSOModel

/// The formats that configuration is saved and loaded in.
public enum DocumentFormat: Sendable, Hashable {
  case xml, xmlPretty, json, jsonPretty
  /// As the CLI shows it; written only.
  case curly
  /// A command of the CLI, or a path, for each leaf; written only.
  case setCommands, keypaths
}

/// What to do with data that a document and the tree both have (protocol part 04, section 6).
public enum LoadMode: Sendable, Hashable {
  /// Everything is deleted first.
  case create
  /// What the document says is added and set.
  case merge
  /// A list entry of the document takes the place of the one that is there, with all below; leaf-lists as a whole.
  /// Containers are passed through.
  case replace
}

/// How a document is loaded.
public struct LoadOptions: Sendable, Hashable {
  public var format: DocumentFormat
  public var mode: LoadMode
  /// Operational data in the document is passed over instead of being an error.
  public var ignoreOperational: Bool
  /// Unknown elements, namespaces and attributes are passed over.
  public var lax: Bool
  /// Hidden nodes (`tailf:hidden`) are unknown.
  public var hidesHidden: Bool
  /// On the top level everything outside of these namespaces is passed over; nil: nothing is.
  public var namespaces: Set<String>?
  /// The document is that of NETCONF's edit-config: operations are taken at their word (RFC 6241, section 7.2), beginning with this one.
  public var edit: DefaultOperation?

  /// What edit-config does where the document does not say it.
  public enum DefaultOperation: String, Sendable, Hashable { case merge, replace, none }

  public init(
    format: DocumentFormat, mode: LoadMode, ignoreOperational: Bool = false, lax: Bool = false, hidesHidden: Bool = false,
    namespaces: Set<String>? = nil
  ) {
    self.format = format
    self.mode = mode
    self.ignoreOperational = ignoreOperational
    self.lax = lax
    self.hidesHidden = hidesHidden
    self.namespaces = namespaces
  }
}

/// What is wrong with a document, where error replies have words of their own for it (RFC 6241, appendix A).
public enum LoadFault: Sendable, Hashable {
  case unknownElement(DocumentName)
  /// A key.
  case missingElement(String)
  case unknownAttribute(DocumentName, element: DocumentName)
  case badAttribute(String, element: DocumentName)
  case missingAttribute(String, element: DocumentName)
  /// The entry that another one is to stand beside.
  case missingNeighbour(element: DocumentName)
  /// Data that is no configuration.
  case notConfiguration(DocumentName)
}

/// What a save holds.
public struct SaveOptions: Sendable, Hashable {
  public enum Content: Sendable, Hashable {
    case configuration
    case all
    /// Operational data and what it is in.
    case operational
  }

  public var format: DocumentFormat
  public var content: Content
  /// Which leafs are written that have their default value (RFC 6243, section 3).
  public enum Defaults: Sendable, Hashable {
    /// Those that somebody has set.
    case explicit
    /// All.
    case all
    /// All, and those that nobody has set are marked.
    case allTagged
    /// None.
    case trim
  }

  public var defaults = Defaults.explicit
  /// Leafs at their default are written too.
  public var withDefaults: Bool {
    get { defaults == .all || defaults == .allTagged }
    set { defaults = newValue ? .all : .explicit }
  }
  /// Only what is at and below this path; keys may be left out, meaning every entry.
  public var path: Keypath?
  /// Begin at the path, without what it is in.
  public var noParents: Bool
  /// Only what this expression selects, with all below and what it is in.
  public var filter: String?
  /// What prefixes in the filter mean, before those of the schema.
  public var filterPrefixes: [String: String] = [:]
  /// Only what this selects.
  public var subtree: SubtreeFilter?
  /// The document element is that of NETCONF's replies, `data`, instead of `config`.
  public var isNetconfData = false
  /// Attributes that services write are shown, too.
  public var withServiceMeta: Bool
  /// Hidden nodes (`tailf:hidden`) are left out.
  public var hidesHidden: Bool
  /// Data of providers is left out.
  public var withoutProviders: Bool
  /// Of a container or list entry that is the path only what is in it; with `noParents`, in the form of the CLI.
  public var contentsOnly = false

  public init(
    format: DocumentFormat, content: Content = .configuration, withDefaults: Bool = false, path: Keypath? = nil,
    noParents: Bool = false, filter: String? = nil, withServiceMeta: Bool = false, hidesHidden: Bool = false,
    withoutProviders: Bool = false
  ) {
    self.format = format
    self.content = content
    defaults = withDefaults ? .all : .explicit
    self.path = path
    self.noParents = noParents
    self.filter = filter
    self.withServiceMeta = withServiceMeta
    self.hidesHidden = hidesHidden
    self.withoutProviders = withoutProviders
  }
}
