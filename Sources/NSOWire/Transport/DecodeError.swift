public import ExternalTerm
public import NIOCore
public import NSOModel

/// A frame that is not the message it claims to be: which message, what is wrong where, and the bytes about that place.
public struct DecodeError: Error, Hashable, Sendable {
  /// For example `MAAPI GET_ELEM (166)`.
  public var message: String
  public var cause: TermError
  /// Where in the frame, counted from its first byte after the length.
  public var offset: Int
  /// Up to 16 bytes before and 16 from that place, in hex; `>` marks it.
  public var excerpt: String

  public init(_ message: String, _ cause: TermError, termOffset: Int, frame: ByteBuffer) {
    self.message = message
    self.cause = cause
    offset = termOffset + cause.offset
    let bytes = frame.readableBytesView
    let before = bytes.prefix(offset).suffix(16)
    let after = bytes.dropFirst(offset).prefix(16)
    excerpt = Self.hex(before) + ">" + Self.hex(after)
  }

  /// True when the bytes cannot be trusted any more, and the connection should close after the reply; false when a sound
  /// term merely is not what the operation takes, so that an error reply is enough.
  public var isFatal: Bool { cause.isMalformed }

  /// What the peer is told: PROTOUSAGE (protocol part 01, section 9).
  public var reply: NSOError { NSOError(.protocolUsage, description) }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

extension DecodeError: CustomStringConvertible {
  public var description: String {
    var cause = cause
    cause.offset = offset
    return "\(message): \(cause); bytes \(excerpt)"
  }
}
