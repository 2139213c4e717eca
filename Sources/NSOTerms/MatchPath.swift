public import ExternalTerm
public import NIOCore
public import NSOModel

/// The path of a CDB subscription (protocol part 02, section 5.5): made from text without a schema, so namespaces are
/// module prefixes and the keys of an entry are one text.
public struct MatchPath: Hashable, Sendable {
  public enum Element: Hashable, Sendable {
    /// `Tag.namespace` is the module's prefix.
    case tag(Tag)
    /// All keys of one entry together, separated by blanks; `*` matches any value.
    case keyText(String)
    /// Keys as values, from clients that know the schema.
    case keys([Value])
    case position(Int)
  }

  public var elements: [Element]

  public init(_ elements: [Element]) { self.elements = elements }

  /// As the reference client makes it, byte for byte: `/` splits everywhere, also inside braces; text after a closing
  /// bracket is dropped.
  public init(_ text: some StringProtocol) {
    elements = []
    for piece in text.split(separator: "/") {
      guard let bracket = piece.firstIndex(where: { $0 == "{" || $0 == "[" }) else {
        elements.append(.tag(Self.tag(piece)))
        continue
      }
      elements.append(.tag(Self.tag(piece[..<bracket])))
      let inside = piece[piece.index(after: bracket)...]
      if piece[bracket] == "{" {
        elements.append(.keyText(String(Self.trimmed(inside.prefix { $0 != "}" }))))
      } else if let index = Int(Self.trimmed(inside.prefix { $0 != "]" })) {
        elements.append(.position(index))
      }
    }
  }

  private static func tag(_ text: some StringProtocol) -> Tag {
    let name = trimmed(text)
    guard let colon = name.firstIndex(of: ":") else { return Tag(String(name)) }
    return Tag(String(name[name.index(after: colon)...]), in: String(name[..<colon]))
  }

  private static func trimmed<T: StringProtocol>(_ text: T) -> T.SubSequence {
    let isBlank = { (character: Character) in character == " " || character == "\t" || character == "\n" || character == "\r" }
    guard let first = text.firstIndex(where: { !isBlank($0) }), let last = text.lastIndex(where: { !isBlank($0) }) else {
      return text[text.endIndex...]
    }
    return text[first...last]
  }
}

extension MatchPath {
  public static func read(_ reader: inout TermReader) throws(TermError) -> MatchPath {
    if try reader.peekKind() == .binary { return MatchPath(try TextCoding.read(&reader)) }
    var ahead = reader
    if try !ahead.readListHeader().isEmpty, try ahead.peekKind() == .integer { return MatchPath(try TextCoding.read(&reader)) }
    return MatchPath(try reader.readList { (reader) throws(TermError) in try readElement(&reader) })
  }

  private static func readElement(_ reader: inout TermReader) throws(TermError) -> Element {
    guard try reader.peekKind() == .tuple else {
      return switch try KeypathCoding.readElement(&reader) {
      case .tag(let tag): .tag(tag)
      case .keys(let keys): .keys(keys)
      case .position(let index): .position(index)
      }
    }
    let keys = try ValueCoding.readKeys(&reader)
    if keys.count == 1, case .string(let text)? = keys.first { return .keyText(text) }
    return .keys(keys)
  }

  public func write(into buffer: inout ByteBuffer) {
    buffer.writeTermList(elements) { buffer, element in
      switch element {
      case .tag(let tag): TagCoding.write(tag, into: &buffer)
      case .keyText(let text): ValueCoding.writeKeys([.string(text)], into: &buffer)
      case .keys(let keys): ValueCoding.writeKeys(keys, into: &buffer)
      case .position(let index): buffer.writeTermIntegers(CollectionOfOne(index))
      }
    }
  }
}

extension MatchPath: CustomStringConvertible {
  public var description: String {
    guard !elements.isEmpty else { return "/" }
    return elements.map { element in
      switch element {
      case .tag(let tag): "/\(tag)"
      case .keyText(let text): "{\(text)}"
      case .keys(let keys): "{\(keys.map(\.plainText).joined(separator: " "))}"
      case .position(let index): "[\(index)]"
      }
    }.joined()
  }
}
