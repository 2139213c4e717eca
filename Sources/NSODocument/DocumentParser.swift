/// A parser that is fed a document piece by piece, in any pieces, and hands out events as soon as they are certain.
/// Memory is bounded by `DocumentLimits`, never by the size of the document.
///
/// A parser serves one document and one task at a time. After an error (its own, or one thrown by the handler) it stays
/// in that state: further calls throw the same error.
public protocol DocumentParser: AnyObject {
  /// Inside a handler: where the event being delivered was found. Else: how far parsing has come.
  var position: DocumentPosition { get }

  /// Parses more of the document.
  /// - Throws: `DocumentError` where the document is faulty; whatever the handler throws, unchanged.
  func feed(_ bytes: UnsafeRawBufferPointer, _ handler: (DocumentEvent) throws -> Void) throws

  /// Says that the document ends here.
  /// - Throws: `DocumentError` where something is missing; whatever the handler throws, unchanged.
  func finish(_ handler: (DocumentEvent) throws -> Void) throws
}

extension DocumentParser {
  /// Parses more of the document.
  public func feed(_ bytes: [UInt8], _ handler: (DocumentEvent) throws -> Void) throws {
    try bytes.withUnsafeBytes { try feed($0, handler) }
  }

  /// Parses a whole document held in memory.
  public func parse(_ text: String, _ handler: (DocumentEvent) throws -> Void) throws {
    try feed(Array(text.utf8), handler)
    try finish(handler)
  }
}

/// A place in a document, both counted from 1; the column counts characters.
public struct DocumentPosition: Hashable, Sendable, CustomStringConvertible {
  public var line: Int
  public var column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  public var description: String { "line \(line), column \(column)" }
}

/// A fault of the document itself.
public struct DocumentError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: Hashable, Sendable {
    /// Not XML, or not JSON.
    case malformed
    /// Well-formed, but with something this parser refuses (DTD, entity declaration, duplicate member).
    case refused
    /// One of `DocumentLimits` is exceeded.
    case tooLarge
    /// The document ends in the middle.
    case incomplete
  }

  public var code: Code
  public var message: String
  public var position: DocumentPosition

  public init(_ code: Code, _ message: String, at position: DocumentPosition) {
    self.code = code
    self.message = message
    self.position = position
  }

  public var description: String { "\(position): \(message)" }
}

/// What a parser is willing to hold in memory for one document. Sizes are in bytes.
public struct DocumentLimits: Hashable, Sendable {
  /// Elements, objects and arrays inside one another.
  public var depth = 256
  /// One value: text of an XML element, a JSON string or number.
  public var scalarSize = 64 << 20
  /// One name, with namespace URI or module.
  public var nameSize = 4096
  /// Attributes (and namespace declarations) of one XML element, annotations of one JSON value.
  public var attributeCount = 1024
  /// One XML tag, comment or processing instruction. Checked while it is incomplete: a little more may pass.
  public var markupSize = 1 << 20
  /// Different names in one document.
  public var distinctNames = 65_536
  /// Members of one JSON object.
  public var memberCount = 8192

  public init() {}
}
