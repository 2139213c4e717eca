/// Why bytes are not the term that was wanted (protocol part 01, section 10).
public struct TermError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    /// The term goes on past the end of its bytes.
    case endOfBytes
    /// The first byte is not the version byte 131.
    case version(UInt8)
    /// A tag that the format does not have, or one that this protocol rejects (process, port, reference, function).
    case tag(UInt8)
    /// Nested deeper than `TermReader.maximumDepth`.
    case tooDeep
    /// Text that is not UTF-8.
    case encoding
    /// A float that is no number, an atom with too many characters, a compressed term that does not unpack: what is wrong.
    case content(String)
    /// A well-formed term, but another one than documented here: what was wanted.
    case expected(String)
    /// A well-formed integer outside the range of its place: the range.
    case range(String)
    /// Bytes after the end of the term: how many.
    case trailing(Int)
  }

  public var reason: Reason
  /// Where in the bytes that were read, counted from 0.
  public var offset: Int

  public init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  /// True when the bytes are no term at all, so that nothing after them can be trusted; false when a good term merely is
  /// not the one that is documented for its place.
  public var isMalformed: Bool {
    switch reason {
    case .endOfBytes, .version, .tag, .tooDeep, .encoding, .content, .trailing: true
    case .expected, .range: false
    }
  }
}

extension TermError: CustomStringConvertible {
  public var description: String {
    let what =
      switch reason {
      case .endOfBytes: "the term goes on past the end of its bytes"
      case .version(let byte): "the version byte is \(byte), not 131"
      case .tag(let tag): "tag \(tag) is not accepted"
      case .tooDeep: "nested deeper than \(TermReader.maximumDepth)"
      case .encoding: "text that is not UTF-8"
      case .content(let text): text
      case .expected(let text): "expected \(text)"
      case .range(let text): "integer outside \(text)"
      case .trailing(let count): "\(count) bytes after the end of the term"
      }
    return "\(what) (at byte \(offset))"
  }
}
