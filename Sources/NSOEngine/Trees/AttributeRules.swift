import NSODocument
import NSOModel
import NSOSchema

/// What is known of each attribute: the form of its value (protocol part 02, section 8), and how documents show it. The names in
/// documents are those of the manual: XML attributes without namespace, annotations of RFC 7952 in JSON.
struct AttributeRule: Sendable {
  enum Form: Sendable {
    case flag, text, words, count, references, identity
  }

  let number: AttributeNumber
  let form: Form
  /// The name in XML.
  let name: String
  /// The module in JSON.
  let module: String
  /// The namespace in XML; empty for none.
  var namespace = ""
  /// Written by services, and shown only when asked for.
  var isServiceMeta = false

  static let all: [AttributeRule] = [
    AttributeRule(number: .inactive, form: .flag, name: "inactive", module: "tailf-netconf-inactive"),
    AttributeRule(number: .tags, form: .words, name: "tags", module: "tailf_netconf"),
    AttributeRule(number: .annotation, form: .text, name: "annotation", module: "tailf_netconf"),
    AttributeRule(number: .refcount, form: .count, name: "refcounter", module: "tailf_netconf", isServiceMeta: true),
    AttributeRule(number: .backpointer, form: .references, name: "backpointer", module: "tailf_netconf", isServiceMeta: true),
    AttributeRule(number: .when, form: .text, name: "when", module: "tailf_netconf"),
    AttributeRule(number: .originalValue, form: .text, name: "original-value", module: "tailf_netconf", isServiceMeta: true),
    AttributeRule(
      number: .origin, form: .identity, name: "origin", module: "ietf-origin",
      namespace: "urn:ietf:params:xml:ns:yang:ietf-origin"),
    AttributeRule(number: .outOfBand, form: .words, name: "out-of-band", module: "tailf_netconf"),
  ]

  /// In documents: the attribute, in a namespace of ours, with the names of those that a node is to have no longer.
  static let removal = "remove-attributes"

  static subscript(number: AttributeNumber) -> AttributeRule? { all.first { $0.number == number } }

  /// The rule for a name that stands in a document.
  static func named(_ name: DocumentName) -> AttributeRule? {
    all.first { rule in
      guard rule.name == name.local else { return false }
      switch name.space {
      case .namespace(let uri): return uri == rule.namespace
      case .module(let module): return module == rule.module
      case .none: return rule.namespace.isEmpty
      }
    }
  }

  /// - Throws: BADTYPE when the value is not of this attribute's form.
  func check(_ value: Value) throws(NSOError) {
    let fits: Bool
    switch (form, value) {
    case (.flag, .bool(let flag)): fits = flag
    case (.text, .string): fits = true
    case (.words, .list(let words)): fits = words.allSatisfy(Self.isWord)
    case (.count, .uint32): fits = true
    case (.count, .int32(let number)): fits = number >= 0
    case (.references, .list(let items)):
      fits = items.allSatisfy { item in
        switch item {
        case .string, .instanceIdentifier: true
        default: false
        }
      }
    case (.identity, .identityref): fits = true
    default: fits = false
    }
    guard !fits else { return }
    throw NSOError(.badType, "attribute \(name): \(value.plainText) is not \(wanted)")
  }

  private static func isWord(_ value: Value) -> Bool {
    guard case .string(let word) = value else { return false }
    return !word.isEmpty && !word.contains(where: \.isWhitespace)
  }

  private var wanted: String {
    switch form {
    case .flag: "true; it is taken away by deleting it"
    case .text: "a string"
    case .words: "a list of strings without blanks"
    case .count: "a number from 0 on"
    case .references: "a list of strings or instance-identifiers"
    case .identity: "an identity"
    }
  }
}

extension DataModel {
  /// An attribute as a document shows it; nil when it cannot.
  func written(_ attribute: Attribute) -> Annotation? {
    guard let rule = AttributeRule[attribute.number] else { return nil }
    let name = NodeName(rule.name, namespace: rule.namespace, module: rule.module, prefix: "or")
    switch attribute.value {
    case .bool: return Annotation(name, .string(rule.name))
    case .string(let text): return Annotation(name, .string(text))
    case .uint32, .int32: return Annotation(name, .number(attribute.value.plainText))
    case .list(let values):
      let words = values.map { value in
        switch value {
        case .string(let text): text
        case .instanceIdentifier(let path): schema.text(of: path)
        default: value.plainText
        }
      }
      guard rule.form == .references else { return Annotation(name, .words(words)) }
      return Annotation(name, .string(words.isEmpty ? "[ ]" : "[ " + words.joined(separator: " ") + " ]"))
    case .identityref(let hash):
      guard let identity = schema.identity(hash), let module = schema.module(namespace: identity.name.namespace) else {
        return nil
      }
      let named = NodeName(
        identity.name.name, namespace: module.namespace, module: module.name, prefix: module.prefix)
      return Annotation(name, .names([.name(named)]))
    default: return nil
    }
  }

  /// What says in a document that a node is to have these attributes no longer.
  func writtenRemoval(_ numbers: [AttributeNumber]) -> Annotation {
    Annotation(
      NodeName(AttributeRule.removal, namespace: DocumentLoader.ownNamespace, module: "", prefix: "sn"),
      .words(numbers.compactMap { AttributeRule[$0]?.name }))
  }

  /// The value of an attribute that stands in a document.
  /// - Throws: BAD_CONFIG when it does not fit.
  func value(_ scalar: DocumentScalar, of rule: AttributeRule, identity: (String) -> Value?) throws(NSOError) -> Value {
    let text = scalar.lexical
    switch rule.form {
    case .flag:
      guard ["inactive", "true", ""].contains(text) else { break }
      return .bool(true)
    case .text: return .string(text)
    case .words:
      if case .words(let words) = scalar { return .list(words.map { .string($0) }) }
      return .list(text.split(whereSeparator: \.isWhitespace).map { .string(String($0)) })
    case .count:
      if let number = UInt32(text) { return .uint32(number) }
    case .references:
      if case .words(let words) = scalar { return .list(words.map { .string($0) }) }
      guard text.hasPrefix("["), text.hasSuffix("]") else { break }
      let items = text.dropFirst().dropLast().split(whereSeparator: \.isWhitespace)
      return .list(items.map { .string(String($0)) })
    case .identity:
      if let value = identity(text) { return value }
    }
    throw NSOError(.badConfig, "\(rule.name)=\"\(text)\" is no value of this attribute")
  }
}
