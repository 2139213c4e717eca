import CExpat

/// XML as it is written, for what is not only data: names keep their prefixes, declarations of namespaces are attributes like others,
/// processing instructions stand where they are, and everything knows its line.
public indirect enum XMLMarkup: Hashable, Sendable {
  case element(Element)
  /// Character data, references resolved; pieces beside each other are one.
  case text(String, line: Int)
  /// `<?name text?>`
  case instruction(name: String, text: String, line: Int)

  public struct Element: Hashable, Sendable {
    /// With the prefix.
    public var name: String
    /// In the order of their names.
    public var attributes: [(name: String, value: String)]
    public var line: Int
    public var children: [XMLMarkup] = []

    public static func == (a: Element, b: Element) -> Bool {
      a.name == b.name && a.line == b.line && a.children == b.children
        && a.attributes.elementsEqual(b.attributes) { $0 == $1 }
    }

    public func hash(into hasher: inout Hasher) {
      hasher.combine(name)
      hasher.combine(line)
      hasher.combine(children)
    }
  }

  /// What is accepted of one document.
  public struct Limits: Sendable {
    /// Elements inside one another.
    public var depth = 128
    /// Elements, texts and instructions.
    public var nodes = 100_000
    /// Attributes of one element.
    public var attributes = 256

    public init() {}
  }

  /// The document element.
  /// - Throws: `DocumentError`; document type declarations are refused, and with them all entities that are not predefined.
  public static func read(_ bytes: [UInt8], limits: Limits = Limits()) throws(DocumentError) -> Element {
    try MarkupReader(limits).read(bytes)
  }
}

/// The state behind the C callbacks.
private final class MarkupReader {
  private let limits: XMLMarkup.Limits
  private let parser: XML_Parser?
  private var open: [XMLMarkup.Element] = []
  private var root: XMLMarkup.Element?
  private var text = ""
  private var textLine = 0
  private var count = 0
  private var failure: DocumentError?

  init(_ limits: XMLMarkup.Limits) {
    self.limits = limits
    parser = XML_ParserCreate("UTF-8")
    guard let parser else { return }
    XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
    XML_SetElementHandler(
      parser, { data, name, attributes in MarkupReader.from(data)?.start(name, attributes) },
      { data, _ in MarkupReader.from(data)?.end() })
    XML_SetCharacterDataHandler(parser) { data, bytes, count in MarkupReader.from(data)?.characters(bytes, count) }
    XML_SetProcessingInstructionHandler(parser) { data, name, text in MarkupReader.from(data)?.instruction(name, text) }
    XML_SetStartDoctypeDeclHandler(parser) { data, _, _, _, _ in
      MarkupReader.from(data)?.stop(.refused, "a document type declaration (DOCTYPE) is not accepted; remove it")
    }
  }

  deinit {
    if let parser { XML_ParserFree(parser) }
  }

  // The parser lives as long as this object, and calls only while `read` runs.
  private static func from(_ data: UnsafeMutableRawPointer?) -> MarkupReader? {
    data.map { Unmanaged<MarkupReader>.fromOpaque($0).takeUnretainedValue() }
  }

  func read(_ bytes: [UInt8]) throws(DocumentError) -> XMLMarkup.Element {
    guard let parser else {
      throw DocumentError(
        .malformed, "out of memory: the XML parser could not be made", at: DocumentPosition(line: 1, column: 1))
    }
    guard let length = Int32(exactly: bytes.count) else {
      throw DocumentError(.tooLarge, "the document is too large", at: DocumentPosition(line: 1, column: 1))
    }
    let status = bytes.withUnsafeBytes {
      XML_Parse(parser, $0.baseAddress?.assumingMemoryBound(to: CChar.self), length, 1)
    }
    if let failure { throw failure }
    guard status == XML_STATUS_OK, let root else {
      let reason = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "unknown reason"
      throw DocumentError(.malformed, "not well-formed XML: \(reason)", at: position)
    }
    return root
  }

  private var position: DocumentPosition {
    guard let parser else { return DocumentPosition(line: 1, column: 1) }
    return DocumentPosition(
      line: Int(clamping: XML_GetCurrentLineNumber(parser)), column: Int(clamping: XML_GetCurrentColumnNumber(parser)) &+ 1)
  }

  private func stop(_ code: DocumentError.Code, _ message: String) {
    guard failure == nil else { return }
    failure = DocumentError(code, message, at: position)
    if let parser { XML_StopParser(parser, 0) }
  }

  /// False when there are too many.
  private func take() -> Bool {
    guard failure == nil else { return false }
    count += 1
    if count > limits.nodes { stop(.tooLarge, "more than \(limits.nodes) elements, texts and instructions") }
    return failure == nil
  }

  private func start(
    _ name: UnsafePointer<XML_Char>?, _ attributes: UnsafeMutablePointer<UnsafePointer<XML_Char>?>?
  ) {
    endText()
    guard let name, take() else { return }
    guard open.count < limits.depth else {
      return stop(.tooLarge, "elements are nested deeper than \(limits.depth) levels")
    }
    var element = XMLMarkup.Element(name: String(cString: name), attributes: [], line: position.line)
    var next = attributes
    while let key = next?.pointee, let value = next?.advanced(by: 1).pointee {
      guard element.attributes.count < limits.attributes else {
        return stop(.tooLarge, "more than \(limits.attributes) attributes at one element")
      }
      element.attributes.append((String(cString: key), String(cString: value)))
      next = next?.advanced(by: 2)
    }
    element.attributes.sort { $0.name < $1.name }
    open.append(element)
  }

  private func end() {
    endText()
    guard failure == nil, let element = open.popLast() else { return }
    if open.isEmpty { root = element } else { open[open.count - 1].children.append(.element(element)) }
  }

  private func characters(_ bytes: UnsafePointer<XML_Char>?, _ length: Int32) {
    guard failure == nil, let bytes, length > 0, !open.isEmpty else { return }
    let piece = bytes.withMemoryRebound(to: UInt8.self, capacity: Int(length)) {
      String(decoding: UnsafeBufferPointer(start: $0, count: Int(length)), as: UTF8.self)
    }
    if text.isEmpty { textLine = position.line }
    text += piece
  }

  /// The text so far is complete.
  private func endText() {
    guard !text.isEmpty else { return }
    defer { text = "" }
    if !open.isEmpty, take() { open[open.count - 1].children.append(.text(text, line: textLine)) }
  }

  private func instruction(_ name: UnsafePointer<XML_Char>?, _ text: UnsafePointer<XML_Char>?) {
    endText()
    guard let name, let text, !open.isEmpty, take() else { return }
    open[open.count - 1].children.append(
      .instruction(name: String(cString: name), text: String(cString: text), line: position.line))
  }
}
