/// What a document says, one step at a time. XML and JSON give the same events, so that whoever loads data is written
/// once: an element and an object member are both a `start` … `end` pair, and each item of a JSON array has a pair of
/// its own between `arrayStart` and `arrayEnd`.
///
/// - XML: the document element is the first `start`. JSON: the members of the outermost object are the first `start`s;
///   the outermost object itself has no event.
/// - A leaf is `start`, `scalar`, `end`; an empty element (`<a/>`) or an empty object (`{}`) is `start`, `end`.
/// - XML text that is only white space is left out beside child elements, and kept where an element has no children:
///   only the schema knows whether `<a> </a>` is a string or an empty container.
public enum DocumentEvent: Hashable, Sendable {
  /// An XML element, a JSON object member, or one item of a JSON array.
  case start(DocumentElement)
  /// The value of the element that is open.
  case scalar(DocumentScalar)
  /// The end of the innermost open element.
  case end
  /// JSON only: the member with this name is an array; its items follow as `start` … `end` with the same name.
  case arrayStart(DocumentName)
  /// JSON only: the end of the innermost open array.
  case arrayEnd
  /// JSON only: RFC 7952 metadata (members whose name starts with `@`); comes before or after what it annotates.
  case metadata(MetadataTarget, [DocumentAttribute])
}

/// The opening of an element or member.
public struct DocumentElement: Hashable, Sendable {
  public var name: DocumentName
  /// XML attributes other than namespace declarations; always empty for JSON.
  public var attributes: [DocumentAttribute]
  /// How prefixes in the text of this element are to be read.
  public var names: NameContext

  public init(_ name: DocumentName, attributes: [DocumentAttribute] = [], names: NameContext) {
    self.name = name
    self.attributes = attributes
    self.names = names
  }
}

/// A name as the document gives it: XML says the namespace, JSON the module or nothing (then the parent's module).
public struct DocumentName: Hashable, Sendable, CustomStringConvertible {
  public enum Space: Hashable, Sendable {
    /// XML: an element in this namespace URI.
    case namespace(String)
    /// JSON: `module:name`.
    case module(String)
    /// XML: an element in no namespace. JSON: a name without module.
    case none
  }

  public var space: Space
  public var local: String

  public init(_ local: String, in space: Space = .none) {
    self.space = space
    self.local = local
  }

  /// For people: `{uri}name`, `module:name` or `name`.
  public var description: String {
    switch space {
    case .namespace(let uri): "{\(uri)}\(local)"
    case .module(let module): "\(module):\(local)"
    case .none: local
    }
  }
}

/// An XML attribute or an RFC 7952 annotation.
public struct DocumentAttribute: Hashable, Sendable {
  public var name: DocumentName
  public var value: DocumentScalar

  public init(_ name: DocumentName, _ value: DocumentScalar) {
    self.name = name
    self.value = value
  }
}

/// What RFC 7952 metadata in JSON belongs to.
public enum MetadataTarget: Hashable, Sendable {
  /// `"@"`: the object that is open (the list entry, container, or the whole document).
  case enclosing
  /// `"@name"` with an object: the sibling member of that name.
  case member(DocumentName)
  /// `"@name"` with an array: the item of the sibling leaf-list, counted from 0.
  case item(DocumentName, Int)
}

/// A value as written in the document. XML has only text; JSON keeps its kinds apart, and numbers keep their digits.
public enum DocumentScalar: Hashable, Sendable {
  /// XML character data, references resolved.
  case text(String)
  /// A JSON string, escapes resolved.
  case string(String)
  /// A JSON number exactly as written, so that no digit is lost.
  case number(String)
  case boolean(Bool)
  case null
  /// A JSON array of strings, as an annotation only.
  case words([String])

  /// The value as YANG's canonical text would have it; empty for `null`.
  public var lexical: String {
    switch self {
    case .words(let words): words.joined(separator: " ")
    case .text(let text), .string(let text), .number(let text): text
    case .boolean(let flag): flag ? "true" : "false"
    case .null: ""
    }
  }

  /// True for XML text that consists of spaces, tabs and line ends only.
  public var isXMLWhitespace: Bool {
    guard case .text(let text) = self else { return false }
    return text.utf8.allSatisfy { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 || $0 == 0x0D }
  }
}

/// How a prefix inside a value (identityref, instance-identifier, XPath) is to be read.
public enum NameContext: Hashable, Sendable {
  /// XML: through the namespace declarations in scope.
  case prefixes(NamespaceScope)
  /// JSON: prefixes are module names (RFC 7951, section 6.8).
  case moduleNames
}

/// The namespace declarations in scope at an element. Shared by all elements with the same declarations.
public final class NamespaceScope: Hashable, Sendable {
  /// One `xmlns` attribute; the empty prefix is the default namespace, the empty URI takes a declaration back.
  public struct Declaration: Hashable, Sendable {
    public var prefix: String
    public var namespace: String

    public init(prefix: String, namespace: String) {
      self.prefix = prefix
      self.namespace = namespace
    }
  }

  /// The scope around this one.
  public let outer: NamespaceScope?
  /// The declarations made at this element.
  public let declarations: [Declaration]

  public init(outer: NamespaceScope? = nil, _ declarations: [Declaration] = []) {
    self.outer = outer
    self.declarations = declarations
  }

  /// The namespace URI bound to a prefix; the empty prefix asks for the default namespace. `nil`: not declared.
  public func namespace(for prefix: String) -> String? {
    var scope: NamespaceScope? = self
    while let current = scope {
      if let found = current.declarations.last(where: { $0.prefix == prefix }) {
        return found.namespace.isEmpty ? nil : found.namespace
      }
      scope = current.outer
    }
    return prefix == "xml" ? "http://www.w3.org/XML/1998/namespace" : nil
  }

  public static func == (a: NamespaceScope, b: NamespaceScope) -> Bool {
    a === b || (a.declarations == b.declarations && a.outer == b.outer)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(declarations)
  }
}
