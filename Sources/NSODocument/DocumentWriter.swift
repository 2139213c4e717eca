/// Writes YANG data as a document, one node after another, without holding the document in memory. XML and JSON take
/// the same calls, so that whoever dumps data is written once.
///
/// The order of calls is that of the data tree: a container is `startContainer` … `end`; a list is `startList`, then
/// `startEntry` … `end` for each entry, then `endList`; a leaf-list is `startLeafList`, `item` for each value,
/// `endLeafList`. Calls out of order throw `DocumentWriterError.outOfOrder`; nothing is checked against a schema.
public protocol DocumentWriter {
  mutating func startContainer(_ name: NodeName, metadata: [Annotation]) throws
  mutating func startList(_ name: NodeName) throws
  mutating func startEntry(metadata: [Annotation]) throws
  /// As `startEntry`, then a leaf for each key; for formats in which keys are no leafs.
  mutating func startEntry(keys: [(NodeName, WrittenValue)], metadata: [Annotation]) throws
  /// Ends the innermost container or list entry.
  mutating func end() throws
  mutating func endList() throws
  mutating func leaf(_ name: NodeName, _ value: WrittenValue, metadata: [Annotation]) throws
  mutating func startLeafList(_ name: NodeName) throws
  mutating func item(_ value: WrittenValue, metadata: [Annotation]) throws
  mutating func endLeafList() throws
  /// Ends the document and hands the last bytes to the sink.
  mutating func finish() throws
}

extension DocumentWriter {
  public mutating func startContainer(_ name: NodeName) throws { try startContainer(name, metadata: []) }
  public mutating func startEntry(keys: [(NodeName, WrittenValue)], metadata: [Annotation]) throws {
    try startEntry(metadata: metadata)
    for (name, value) in keys { try leaf(name, value) }
  }
  public mutating func startEntry() throws { try startEntry(metadata: []) }
  public mutating func leaf(_ name: NodeName, _ value: WrittenValue) throws { try leaf(name, value, metadata: []) }
  public mutating func item(_ value: WrittenValue) throws { try item(value, metadata: []) }
}

/// A node's name with all that either format needs. An empty namespace (XML) or module (JSON) writes the bare name.
public struct NodeName: Hashable, Sendable {
  public var local: String
  public var namespace: String
  /// The module's name, for JSON.
  public var module: String
  /// The module's prefix, used in XML only where an attribute or a value must name the namespace.
  public var prefix: String

  public init(_ local: String, namespace: String, module: String, prefix: String) {
    self.local = local
    self.namespace = namespace
    self.module = module
    self.prefix = prefix
  }
}

/// Metadata on a node: an XML attribute, or an RFC 7952 annotation in JSON.
public struct Annotation: Hashable, Sendable {
  public var name: NodeName
  public var value: WrittenValue

  public init(_ name: NodeName, _ value: WrittenValue) {
    self.name = name
    self.value = value
  }
}

/// A value in the form that RFC 7951 wants; XML writes the text of each.
public enum WrittenValue: Hashable, Sendable {
  /// Strings, enumerations, bits, binaries, and the 64-bit numbers and decimals that JSON puts in quotes.
  case string(String)
  /// Integers of up to 32 bits: in JSON without quotes. The caller vouches that it is a JSON number.
  case number(String)
  case boolean(Bool)
  /// The type empty: an empty element in XML, `[null]` in JSON.
  case empty
  /// A value that names nodes or identities: identityref, instance-identifier.
  case names([NamePiece])
  /// Several words, for annotations only: in XML with blanks between and around them, in JSON an array.
  case words([String])
}

/// A part of a value that names nodes or identities.
public enum NamePiece: Hashable, Sendable {
  case text(String)
  /// XML: `prefix:local` with the prefix declared; JSON: `module:local`.
  case name(NodeName)
  /// JSON leaves the module out here where it is the same as in the name before (RFC 7951, section 6.11); XML does not.
  case step(NodeName)
}

/// The caller's fault, or a value that the format cannot carry.
public enum DocumentWriterError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A call that does not fit what is open.
  case outOfOrder(String)
  /// A character that XML 1.0 cannot carry in any way, as in `U+0000`.
  case forbiddenCharacter(code: UInt32, in: String)

  public var description: String {
    switch self {
    case .outOfOrder(let text): "document writer used out of order: \(text)"
    case .forbiddenCharacter(let code, let place):
      "the value of \(place) holds the character U+\(String(code, radix: 16, uppercase: true)), which XML cannot carry; use JSON"
    }
  }
}

/// Whether a document is for people.
public enum DocumentLayout: Hashable, Sendable {
  /// No white space that is not data.
  case plain
  /// Line ends, and two spaces for each level.
  case pretty
}

/// Bytes on their way to a sink, handed over in pieces of about 64 KiB.
struct OutputBuffer {
  typealias Sink = (UnsafeRawBufferPointer) throws -> Void

  private var bytes: [UInt8] = []
  private let sink: Sink
  private static let size = 65_536

  init(sink: @escaping Sink) {
    self.sink = sink
    bytes.reserveCapacity(Self.size + 4096)
  }

  mutating func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes.append(contentsOf: $0) }
  }

  mutating func write(_ text: StaticString) {
    bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func write(_ byte: UInt8) { bytes.append(byte) }

  mutating func write(_ slice: Slice<UnsafeBufferPointer<UInt8>>) { bytes.append(contentsOf: slice) }

  /// A line end and two spaces for each level.
  mutating func newLine(_ level: Int) {
    bytes.append(0x0A)
    for _ in 0..<max(0, level) { write("  " as StaticString) }
  }

  /// Hands over what is there once it is enough to be worth a call.
  mutating func flushIfLarge() throws { if bytes.count >= Self.size { try flush() } }

  mutating func flush() throws {
    guard !bytes.isEmpty else { return }
    try bytes.withUnsafeBytes(sink)
    bytes.removeAll(keepingCapacity: bytes.capacity <= 4 * Self.size)
  }
}
