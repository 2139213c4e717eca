/// A small document, or a part of one, as a whole: names resolved to namespaces, as in the events that it is made of.
public struct DocumentTree: Hashable, Sendable {
  public var element: DocumentElement
  /// The text of an element without children; white space beside children is left out.
  public var text: String = ""
  public var children: [DocumentTree] = []

  public init(_ element: DocumentElement) { self.element = element }

  public var name: DocumentName { element.name }

  /// The text without blanks at both ends.
  public var trimmedText: String {
    var text = text[...]
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}

/// Makes a ``DocumentTree`` of events.
public struct DocumentTreeBuilder {
  /// More elements are not accepted.
  private let limit: Int
  private var count = 0
  private var open: [DocumentTree] = []
  /// The element that was opened first, once it has ended.
  public private(set) var root: DocumentTree?

  public init(limit: Int = 100_000) { self.limit = limit }

  /// How many elements are open.
  public var depth: Int { open.count }

  /// - Throws: `DocumentError` with code `tooLarge`.
  public mutating func handle(_ event: DocumentEvent, at position: DocumentPosition) throws(DocumentError) {
    switch event {
    case .start(let element):
      count += 1
      guard count <= limit else {
        throw DocumentError(.tooLarge, "there are more than \(limit) elements where a few are expected", at: position)
      }
      open.append(DocumentTree(element))
    case .scalar(let scalar):
      if !open.isEmpty { open[open.count - 1].text += scalar.lexical }
    case .end:
      guard let last = open.popLast() else { return }
      if open.isEmpty { root = root ?? last } else { open[open.count - 1].children.append(last) }
    case .arrayStart, .arrayEnd, .metadata: break
    }
  }
}

extension NamespaceScope {
  /// All prefixes that are declared here, the inner ones first in force.
  public var prefixes: [String: String] {
    var found: [String: String] = [:]
    var scope: NamespaceScope? = self
    while let current = scope {
      for declaration in current.declarations.reversed() where found[declaration.prefix] == nil {
        found[declaration.prefix] = declaration.namespace
      }
      scope = current.outer
    }
    return found.filter { !$0.value.isEmpty }
  }
}
