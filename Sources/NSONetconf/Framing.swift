import NIOCore

/// How messages are told from each other (RFC 6242, section 4).
enum Framing: Sendable {
  /// `]]>]]>` behind each.
  case endOfMessage
  /// In chunks with their sizes.
  case chunked
}

/// Bytes that are no messages; the connection cannot go on.
struct FramingError: Error, CustomStringConvertible {
  var description: String
}

/// Takes bytes in any pieces and gives messages.
struct FrameDecoder {
  private enum State {
    /// Behind the line end of a chunk, or before the first.
    case lineEnd, mark, sizeOrEnd
    case size(Int)
    case data(Int)
    case last
  }

  /// May change between messages.
  var framing = Framing.endOfMessage
  /// The most bytes of one message.
  var limit: Int
  private var waiting = ByteBuffer()
  private var message: [UInt8] = []
  private var state = State.lineEnd
  /// How much of the end mark has come.
  private var matched = 0
  private var isInMessage = false

  init(limit: Int) { self.limit = limit }

  mutating func append(_ bytes: ByteBuffer) {
    if waiting.readableBytes == 0 { waiting = bytes } else { waiting.writeImmutableBuffer(bytes) }
  }

  /// The next message that is complete.
  /// - Throws: ``FramingError`` for what is no message, or is too long.
  mutating func next() throws(FramingError) -> [UInt8]? {
    switch framing {
    case .endOfMessage: try nextMarked()
    case .chunked: try nextChunked()
    }
  }

  private mutating func finish() -> [UInt8] {
    defer {
      message = []
      isInMessage = false
    }
    return message
  }

  private var tooLong: FramingError {
    FramingError(description: "a message is longer than \(limit) bytes, the most that is accepted")
  }

  // MARK: End of message

  private static let mark = Array("]]>]]>".utf8)
  /// Where to go on in the mark when a byte is another one.
  private static let fallback = [0, 1, 0, 1, 2, 3]

  private mutating func nextMarked() throws(FramingError) -> [UInt8]? {
    let view = waiting.readableBytesView
    for (offset, byte) in view.enumerated() {
      while matched > 0, byte != Self.mark[matched] { matched = Self.fallback[matched - 1] }
      if byte == Self.mark[matched] { matched += 1 }
      // Line ends between messages belong to none.
      if message.isEmpty, byte == 0x0A || byte == 0x0D || byte == 0x20 || byte == 0x09 { continue }
      message.append(byte)
      if matched == Self.mark.count {
        matched = 0
        message.removeLast(Self.mark.count)
        waiting.moveReaderIndex(forwardBy: offset + 1)
        guard message.count <= limit else { throw tooLong }
        return finish()
      }
      guard message.count <= limit + Self.mark.count else { throw tooLong }
    }
    waiting.clear()
    return nil
  }

  // MARK: Chunks

  private mutating func nextChunked() throws(FramingError) -> [UInt8]? {
    while waiting.readableBytes > 0 {
      if case .data(let left) = state {
        let count = min(left, waiting.readableBytes)
        if let bytes = waiting.readBytes(length: count) { message += bytes }
        state = left == count ? .lineEnd : .data(left - count)
        continue
      }
      guard let byte = waiting.readInteger(as: UInt8.self) else { return nil }
      switch state {
      case .lineEnd:
        guard byte == 0x0A else { throw bad(byte, "a line end before the next chunk") }
        state = .mark
      case .mark:
        // Some clients end the lines between messages twice.
        if byte == 0x0A, !isInMessage { continue }
        guard byte == UInt8(ascii: "#") else { throw bad(byte, "# before the size of a chunk") }
        state = .sizeOrEnd
      case .sizeOrEnd:
        if byte == UInt8(ascii: "#") {
          guard isInMessage else { throw FramingError(description: "a message without a chunk ends") }
          state = .last
        } else {
          guard (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(byte) else { throw bad(byte, "the size of a chunk") }
          state = .size(Int(byte - UInt8(ascii: "0")))
        }
      case .size(let size):
        if byte == 0x0A {
          guard size <= limit - message.count else { throw tooLong }
          isInMessage = true
          state = .data(size)
        } else {
          guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { throw bad(byte, "the size of a chunk") }
          let next = size * 10 + Int(byte - UInt8(ascii: "0"))
          // RFC 6242 has no larger ones.
          guard next <= 4_294_967_295 else { throw tooLong }
          state = .size(next)
        }
      case .last:
        guard byte == 0x0A else { throw bad(byte, "the line end behind the last chunk") }
        state = .lineEnd
        return finish()
      case .data: break
      }
    }
    return nil
  }

  private func bad(_ byte: UInt8, _ what: String) -> FramingError {
    FramingError(description: "chunked framing is broken: byte \(byte) stands where \(what) is expected (RFC 6242)")
  }
}

/// Puts messages into frames, piece by piece.
enum FrameEncoder {
  static func piece(_ bytes: ByteBuffer, _ framing: Framing) -> ByteBuffer {
    guard framing == .chunked, bytes.readableBytes > 0 else { return bytes }
    var out = ByteBuffer()
    out.writeString("\n#\(bytes.readableBytes)\n")
    out.writeImmutableBuffer(bytes)
    return out
  }

  static func end(_ framing: Framing) -> ByteBuffer {
    ByteBuffer(string: framing == .chunked ? "\n##\n" : "]]>]]>")
  }
}
