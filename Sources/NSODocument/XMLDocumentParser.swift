import CExpat

/// Streaming XML 1.0 with namespaces, by expat. Document type declarations are refused, and with them every entity
/// that is not predefined. Comments and processing instructions are passed over.
public final class XMLDocumentParser: DocumentParser {
  /// What the outermost level may hold.
  public enum Framing: Hashable, Sendable {
    /// One document element, as XML asks for.
    case document
    /// Any number of elements one after another, for files that are a bare sequence of top-level elements.
    case sequence
  }

  private let core: XMLCore
  private var prolog: SequenceProlog?

  public init(framing: Framing = .document, limits: DocumentLimits = DocumentLimits()) {
    core = XMLCore(limits: limits, hidesRoot: framing == .sequence)
    prolog = framing == .sequence ? SequenceProlog() : nil
  }

  public var position: DocumentPosition { core.position }

  public func feed(_ bytes: UnsafeRawBufferPointer, _ handler: (DocumentEvent) throws -> Void) throws {
    if prolog != nil {
      guard let opening = prolog?.take(bytes) else { return }
      prolog = nil
      try core.parse(opening, isFinal: false, handler)
      return
    }
    // In pieces, so that the limits are checked often whatever the caller's buffer size is.
    var rest = bytes
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(32_768))
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
      try core.parse(piece, isFinal: false, handler)
    }
  }

  public func finish(_ handler: (DocumentEvent) throws -> Void) throws {
    if let opening = prolog?.atEnd() {
      prolog = nil
      try core.parse(opening, isFinal: false, handler)
    }
    if core.hidesRoot {
      core.isClosing = true
      try core.parse(Array(SequenceProlog.closing.utf8), isFinal: false, handler)
    }
    try core.parse([], isFinal: true, handler)
  }
}

/// Puts a document element of ours around a sequence of elements. An XML declaration must stay in front of it, and a
/// byte order mark in front of that, so the first bytes are held until it is clear where the declaration ends.
private struct SequenceProlog {
  static let opening = "<sequence>"
  static let closing = "</sequence>"
  /// A declaration longer than this is left to expat, which will refuse it.
  private static let limit = 1024

  private var held: [UInt8] = []

  /// The bytes to parse first, or `nil` while it is not certain yet.
  mutating func take(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    held.append(contentsOf: bytes)
    let body = held.starts(with: Self.byteOrderMark) ? held.dropFirst(3) : held[...]
    let mark = Array("<?xml".utf8)
    if body.count < mark.count || held.count < 3 {
      return mark.starts(with: body) || Self.byteOrderMark.starts(with: held) ? nil : atEnd()
    }
    guard body.starts(with: mark) else { return atEnd() }
    for index in body.indices.dropLast() where body[index] == UInt8(ascii: "?") && body[index + 1] == UInt8(ascii: ">") {
      return Array(held[...(index + 1)]) + Array(Self.opening.utf8) + Array(held[(index + 2)...])
    }
    return held.count > Self.limit ? atEnd() : nil
  }

  func atEnd() -> [UInt8] {
    let body = held.starts(with: Self.byteOrderMark) ? held.dropFirst(3) : held[...]
    return Array(Self.opening.utf8) + body
  }

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
}

/// The state behind the C callbacks.
private final class XMLCore {
  typealias Handler = (DocumentEvent) throws -> Void

  /// U+001F: cannot occur in an XML document, so neither in a namespace URI.
  static let separator: UInt8 = 0x1F

  let hidesRoot: Bool
  /// The end tag of the hidden document element has been fed.
  var isClosing = false
  private let limits: DocumentLimits
  private let parser: XML_Parser?
  /// Set while `parse` runs; the closure does not outlive that call.
  private var handler: Handler?
  private var failure: (any Error)?

  private var names: NameTable
  private var scopes: [NamespaceScope] = [NamespaceScope()]
  private struct OpenElement {
    var name: NameTable.ID
    /// It declares namespaces.
    var hasScope: Bool
    /// A child element has been seen.
    var hasChild = false
  }
  private var open: [OpenElement] = []
  private var declarations: [NamespaceScope.Declaration] = []
  private var text: [UInt8] = []
  private var textPosition: DocumentPosition?
  private var pendingPosition: DocumentPosition?
  /// Bytes fed since expat last reported anything: the size of the tag or comment it is holding.
  private var silentBytes = 0
  private var fedBytes = 0

  init(limits: DocumentLimits, hidesRoot: Bool) {
    self.limits = limits
    self.hidesRoot = hidesRoot
    names = NameTable(limit: limits.distinctNames)
    parser = XML_ParserCreateNS("UTF-8", XML_Char(Self.separator))
    guard let parser else { return }
    XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
    XML_SetElementHandler(
      parser,
      { data, name, attributes in XMLCore.from(data)?.startElement(name, attributes) },
      { data, _ in XMLCore.from(data)?.endElement() })
    XML_SetCharacterDataHandler(parser) { data, bytes, count in XMLCore.from(data)?.characters(bytes, count) }
    XML_SetNamespaceDeclHandler(
      parser, { data, prefix, uri in XMLCore.from(data)?.declare(prefix, uri) }, { _, _ in })
    XML_SetStartDoctypeDeclHandler(parser) { data, _, _, _, _ in
      XMLCore.from(data)?.stop(.refused, "a document type declaration (DOCTYPE) is not accepted; remove it")
    }
    XML_SetCommentHandler(parser) { data, _ in XMLCore.from(data)?.silentBytes = 0 }
    XML_SetProcessingInstructionHandler(parser) { data, _, _ in XMLCore.from(data)?.silentBytes = 0 }
  }

  deinit {
    if let parser { XML_ParserFree(parser) }
  }

  private static func from(_ data: UnsafeMutableRawPointer?) -> XMLCore? {
    data.map { Unmanaged<XMLCore>.fromOpaque($0).takeUnretainedValue() }
  }

  var position: DocumentPosition {
    if let pendingPosition { return pendingPosition }
    guard let parser else { return DocumentPosition(line: 1, column: 1) }
    let line = Int(clamping: XML_GetCurrentLineNumber(parser))
    var column = Int(clamping: XML_GetCurrentColumnNumber(parser)) &+ 1
    if hidesRoot, line == 1 { column = max(1, column &- SequenceProlog.opening.utf8.count) }
    return DocumentPosition(line: line, column: column)
  }

  func parse(_ bytes: [UInt8], isFinal: Bool, _ handler: Handler) throws {
    try bytes.withUnsafeBytes { try parse($0, isFinal: isFinal, handler) }
  }

  func parse(_ bytes: UnsafeRawBufferPointer, isFinal: Bool, _ handler: Handler) throws {
    if let failure { throw failure }
    guard let parser else {
      throw DocumentError(.malformed, "out of memory: the XML parser could not be made", at: position)
    }
    silentBytes += bytes.count
    let status = withoutActuallyEscaping(handler) { handler in
      self.handler = handler
      defer { self.handler = nil }
      return XML_Parse(parser, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), isFinal ? 1 : 0)
    }
    if let failure { throw failure }
    fedBytes += bytes.count
    if status != XML_STATUS_OK {
      let error = parseError(parser, isFinal: isFinal)
      failure = error
      throw error
    }
    if silentBytes > limits.markupSize {
      let error = DocumentError(
        .tooLarge, "a tag or comment is longer than \(limits.markupSize) bytes, the most this parser takes", at: position)
      failure = error
      throw error
    }
  }

  private func parseError(_ parser: OpaquePointer, isFinal: Bool) -> DocumentError {
    let code = XML_GetErrorCode(parser)
    // The end tag that is ours does not fit: something of the document is still open.
    let isOurEnd = isClosing && Int(XML_GetCurrentByteIndex(parser)) >= fedBytes - SequenceProlog.closing.utf8.count
    let isEarlyEnd =
      isFinal && (code == XML_ERROR_NO_ELEMENTS || code == XML_ERROR_UNCLOSED_TOKEN || code == XML_ERROR_PARTIAL_CHAR)
      || code == XML_ERROR_UNCLOSED_CDATA_SECTION || code == XML_ERROR_TAG_MISMATCH && isOurEnd
    if isEarlyEnd {
      let place = open.count > (hidesRoot ? 1 : 0) ? open.last.map { "inside the element \(names[$0.name])" } : nil
      return DocumentError(
        .incomplete, "the XML document ends " + (place ?? "before its first element is complete"), at: position)
    }
    var reason = XML_ErrorString(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
    // What is around the document here makes that of a declaration behind its beginning.
    if code == XML_ERROR_INVALID_TOKEN { reason += " (document type declarations are not accepted)" }
    return DocumentError(.malformed, "not well-formed XML: \(reason)", at: position)
  }

  // MARK: Callbacks

  private func stop(_ code: DocumentError.Code, _ message: String) {
    stop(DocumentError(code, message, at: position))
  }

  private func stop(_ error: any Error) {
    guard failure == nil else { return }
    failure = error
    if let parser { XML_StopParser(parser, 0) }
  }

  private func deliver(_ event: DocumentEvent) {
    guard failure == nil, let handler else { return }
    do { try handler(event) } catch { stop(error) }
  }

  private func declare(_ prefix: UnsafePointer<XML_Char>?, _ uri: UnsafePointer<XML_Char>?) {
    guard declarations.count < limits.attributeCount else {
      return stop(.tooLarge, "more than \(limits.attributeCount) namespace declarations at one element")
    }
    declarations.append(
      NamespaceScope.Declaration(
        prefix: prefix.map { String(cString: $0) } ?? "", namespace: uri.map { String(cString: $0) } ?? ""))
  }

  private func startElement(
    _ name: UnsafePointer<XML_Char>?, _ attributes: UnsafeMutablePointer<UnsafePointer<XML_Char>?>?
  ) {
    guard failure == nil else { return }
    silentBytes = 0
    // Text in front of a first child matters only if it is more than layout.
    flushText(keepsWhitespace: false)
    if !open.isEmpty { open[open.count - 1].hasChild = true }

    guard open.count < limits.depth else {
      return stop(.tooLarge, "elements are nested deeper than \(limits.depth) levels")
    }
    let hasScope = !declarations.isEmpty
    if hasScope {
      scopes.append(NamespaceScope(outer: scopes.last, declarations))
      declarations.removeAll(keepingCapacity: true)
    }
    guard let id = intern(name) else { return }
    open.append(OpenElement(name: id, hasScope: hasScope))
    if hidesRoot, open.count == 1 { return }
    var list: [DocumentAttribute] = []
    var next = attributes
    while let key = next?.pointee, let value = next?.advanced(by: 1).pointee {
      guard list.count < limits.attributeCount else {
        return stop(.tooLarge, "more than \(limits.attributeCount) attributes at one element")
      }
      guard let attribute = intern(key) else { return }
      list.append(DocumentAttribute(names[attribute], .text(String(cString: value))))
      next = next?.advanced(by: 2)
    }
    deliver(.start(DocumentElement(names[id], attributes: list, names: .prefixes(scopes[scopes.count - 1]))))
  }

  private func endElement() {
    guard failure == nil, let element = open.last else { return }
    silentBytes = 0
    flushText(keepsWhitespace: !element.hasChild)
    open.removeLast()
    if element.hasScope, scopes.count > 1 { scopes.removeLast() }
    if hidesRoot, open.isEmpty { return }
    deliver(.end)
  }

  private func characters(_ bytes: UnsafePointer<XML_Char>?, _ count: Int32) {
    guard failure == nil, let bytes, count > 0 else { return }
    silentBytes = 0
    guard text.count + Int(count) <= limits.scalarSize else {
      return stop(.tooLarge, "a text is longer than \(limits.scalarSize) bytes, the most this parser takes")
    }
    if text.isEmpty { textPosition = position }
    bytes.withMemoryRebound(to: UInt8.self, capacity: Int(count)) {
      text.append(contentsOf: UnsafeBufferPointer(start: $0, count: Int(count)))
    }
  }

  private func flushText(keepsWhitespace: Bool) {
    guard !text.isEmpty else { return }
    defer {
      // A single huge value must not pin its memory for the rest of the document.
      text.removeAll(keepingCapacity: text.count <= 65_536)
      textPosition = nil
    }
    if hidesRoot, open.count == 1, text.allSatisfy(Self.isWhitespace) { return }
    guard keepsWhitespace || !text.allSatisfy(Self.isWhitespace) else { return }
    pendingPosition = textPosition
    deliver(.scalar(.text(String(decoding: text, as: UTF8.self))))
    pendingPosition = nil
  }

  private static func isWhitespace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D
  }

  /// The number of an expanded name as expat spells it: `uri SEPARATOR local`, or `local` alone.
  private func intern(_ name: UnsafePointer<XML_Char>?) -> NameTable.ID? {
    guard let name else { return nil }
    var count = 0
    while name[count] != 0 { count += 1 }
    guard count <= limits.nameSize else {
      stop(.tooLarge, "a name is longer than \(limits.nameSize) bytes with its namespace")
      return nil
    }
    let id = name.withMemoryRebound(to: UInt8.self, capacity: count) { bytes in
      names.id(UnsafeBufferPointer(start: bytes, count: count)) { spelling in
        guard let split = spelling.lastIndex(of: Self.separator) else {
          return DocumentName(String(decoding: spelling, as: UTF8.self))
        }
        return DocumentName(
          String(decoding: spelling[(split + 1)...], as: UTF8.self),
          in: .namespace(String(decoding: spelling[..<split], as: UTF8.self)))
      }
    }
    if id == nil { stop(.tooLarge, "more than \(limits.distinctNames) different names in one document") }
    return id
  }
}
