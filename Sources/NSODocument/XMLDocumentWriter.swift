/// Writes data as XML. The default namespace is declared where it changes, prefixes only where an attribute or a value
/// needs one.
public struct XMLDocumentWriter: DocumentWriter {
  private enum Open {
    case element(String, hasContent: Bool)
    case list(NodeName)
    case leafList(NodeName)
  }

  private var output: OutputBuffer
  private let layout: DocumentLayout
  private var open: [Open] = []
  /// The default namespace inside each open element, the document's own (none) first.
  private var namespaces: [String] = [""]
  private var isFirst = true

  /// - Parameters:
  ///   - namespace: the default namespace of what the document is put into.
  ///   - sink: takes the document's bytes, in order; they are only valid during the call.
  public init(
    layout: DocumentLayout = .plain, inside namespace: String = "",
    sink: @escaping (UnsafeRawBufferPointer) throws -> Void
  ) {
    self.layout = layout
    namespaces = [namespace]
    output = OutputBuffer(sink: sink)
  }

  public mutating func startContainer(_ name: NodeName, metadata: [Annotation]) throws {
    try requireElement("startContainer(\(name.local))")
    try startElement(name, metadata)
  }

  public mutating func startList(_ name: NodeName) throws {
    try requireElement("startList(\(name.local))")
    open.append(.list(name))
  }

  public mutating func startEntry(metadata: [Annotation]) throws {
    guard case .list(let name)? = open.last else { throw DocumentWriterError.outOfOrder("startEntry outside of a list") }
    try startElement(name, metadata)
  }

  public mutating func end() throws {
    guard case .element(let name, let hasContent)? = open.popLast() else {
      throw DocumentWriterError.outOfOrder("end without an open container or list entry")
    }
    namespaces.removeLast()
    if hasContent {
      newLine()
      closeTag(name)
    } else {
      output.write("/>" as StaticString)
    }
    try output.flushIfLarge()
  }

  public mutating func endList() throws {
    guard case .list? = open.popLast() else { throw DocumentWriterError.outOfOrder("endList without an open list") }
  }

  public mutating func leaf(_ name: NodeName, _ value: WrittenValue, metadata: [Annotation]) throws {
    try requireElement("leaf(\(name.local))")
    try element(name, value, metadata)
  }

  public mutating func startLeafList(_ name: NodeName) throws {
    try requireElement("startLeafList(\(name.local))")
    open.append(.leafList(name))
  }

  public mutating func item(_ value: WrittenValue, metadata: [Annotation]) throws {
    guard case .leafList(let name)? = open.last else { throw DocumentWriterError.outOfOrder("item outside of a leaf-list") }
    try element(name, value, metadata)
  }

  public mutating func endLeafList() throws {
    guard case .leafList? = open.popLast() else {
      throw DocumentWriterError.outOfOrder("endLeafList without an open leaf-list")
    }
  }

  public mutating func finish() throws {
    guard open.isEmpty else { throw DocumentWriterError.outOfOrder("finish with \(open.count) nodes still open") }
    if layout == .pretty { output.write(UInt8(ascii: "\n")) }
    try output.flush()
  }

  // MARK: Helpers

  private mutating func startElement(_ name: NodeName, _ metadata: [Annotation]) throws {
    beginChild()
    try openTag(name, metadata, nil)
    open.append(.element(name.local, hasContent: false))
    namespaces.append(name.namespace)
  }

  private mutating func element(_ name: NodeName, _ value: WrittenValue, _ metadata: [Annotation]) throws {
    beginChild()
    let text = try openTag(name, metadata, value).text(of: value)
    if text.isEmpty {
      output.write("/>" as StaticString)
    } else {
      output.write(UInt8(ascii: ">"))
      try escape(text, isAttribute: false, place: name.local)
      closeTag(name.local)
    }
    try output.flushIfLarge()
  }

  private var level: Int { namespaces.count - 1 }

  private mutating func newLine() {
    if layout == .pretty { output.newLine(level) }
  }

  private func requireElement(_ what: String) throws(DocumentWriterError) {
    switch open.last {
    case nil, .element: return
    case .list, .leafList: throw .outOfOrder("\(what) directly inside a list or leaf-list")
    }
  }

  /// Ends the parent's start tag if this is its first child, and begins a line.
  private mutating func beginChild() {
    var index = open.count - 1
    if index >= 0 {
      switch open[index] {
      case .list, .leafList: index -= 1
      case .element: break
      }
    }
    if index >= 0, case .element(let name, false) = open[index] {
      output.write(UInt8(ascii: ">"))
      open[index] = .element(name, hasContent: true)
    }
    if level > 0 || !isFirst { newLine() }
    isFirst = false
  }

  /// Writes `<name` with declarations and attributes, without the closing bracket.
  /// - Returns: the prefixes that this element declares, for its value.
  @discardableResult
  private mutating func openTag(_ name: NodeName, _ metadata: [Annotation], _ value: WrittenValue?) throws -> XMLPrefixes {
    output.write(UInt8(ascii: "<"))
    output.write(name.local)
    if name.namespace != namespaces.last {
      try attribute("xmlns", name.namespace, of: name)
    }
    var prefixes = XMLPrefixes()
    if let value { prefixes.add(value) }
    for annotation in metadata {
      prefixes.add(annotation.name)
      prefixes.add(annotation.value)
    }
    for declaration in prefixes.declarations {
      try attribute("xmlns:" + declaration.prefix, declaration.namespace, of: name)
    }
    for annotation in metadata {
      try attribute(prefixes.qualified(annotation.name), prefixes.text(of: annotation.value), of: name)
    }
    return prefixes
  }

  private mutating func attribute(_ name: String, _ value: String, of element: NodeName) throws {
    output.write(UInt8(ascii: " "))
    output.write(name)
    output.write("=\"" as StaticString)
    try escape(value, isAttribute: true, place: element.local)
    output.write(UInt8(ascii: "\""))
  }

  private mutating func closeTag(_ name: String) {
    output.write("</" as StaticString)
    output.write(name)
    output.write(UInt8(ascii: ">"))
  }

  /// Character data with everything escaped that a parser would read differently: markup, and the line ends and tabs
  /// that parsers normalise.
  private mutating func escape(_ text: String, isAttribute: Bool, place: String) throws {
    var text = text
    try text.withUTF8 { bytes in
      var start = 0
      for index in 0..<bytes.count {
        let replacement: StaticString
        switch bytes[index] {
        case UInt8(ascii: "&"): replacement = "&amp;"
        case UInt8(ascii: "<"): replacement = "&lt;"
        case UInt8(ascii: ">"): replacement = "&gt;"
        case UInt8(ascii: "\"") where isAttribute: replacement = "&quot;"
        case 0x0D: replacement = "&#13;"
        case 0x09 where isAttribute: replacement = "&#9;"
        case 0x0A where isAttribute: replacement = "&#10;"
        case 0x09, 0x0A: continue
        case let byte where byte < 0x20:
          throw DocumentWriterError.forbiddenCharacter(code: UInt32(byte), in: place)
        case 0xEF where index + 2 < bytes.count && bytes[index + 1] == 0xBF && bytes[index + 2] >= 0xBE:
          throw DocumentWriterError.forbiddenCharacter(code: 0xFF40 + UInt32(bytes[index + 2]), in: place)
        default: continue
        }
        output.write(bytes[start..<index])
        output.write(replacement)
        start = index + 1
      }
      output.write(bytes[start...])
    }
  }
}

/// The prefixes that one element declares for its attributes and its value.
struct XMLPrefixes {
  private(set) var declarations: [NamespaceScope.Declaration] = []

  /// Makes sure that the namespace of `name` has a prefix: the module's own, or one like it where that is taken.
  mutating func add(_ name: NodeName) {
    guard !name.namespace.isEmpty, prefix(of: name) == nil else { return }
    let wanted = name.prefix.isEmpty ? "ns" : name.prefix
    var prefix = wanted
    var number = 2
    while declarations.contains(where: { $0.prefix == prefix }) {
      prefix = "\(wanted)\(number)"
      number += 1
    }
    declarations.append(NamespaceScope.Declaration(prefix: prefix, namespace: name.namespace))
  }

  mutating func add(_ value: WrittenValue) {
    guard case .names(let pieces) = value else { return }
    for piece in pieces {
      switch piece {
      case .text: continue
      case .name(let name), .step(let name): add(name)
      }
    }
  }

  func qualified(_ name: NodeName) -> String {
    prefix(of: name).map { $0 + ":" + name.local } ?? name.local
  }

  /// The text of a value; empty for the type empty.
  func text(of value: WrittenValue) -> String {
    switch value {
    case .string(let text), .number(let text): text
    case .boolean(let flag): flag ? "true" : "false"
    case .empty: ""
    case .words(let words): words.isEmpty ? "" : " " + words.joined(separator: " ") + " "
    case .names(let pieces):
      pieces.reduce(into: "") { text, piece in
        switch piece {
        case .text(let plain): text += plain
        case .name(let name), .step(let name): text += qualified(name)
        }
      }
    }
  }

  private func prefix(of name: NodeName) -> String? {
    declarations.first { $0.namespace == name.namespace }?.prefix
  }
}
