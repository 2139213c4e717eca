import NIOCore

/// Cuts the byte stream after the hello into frames: a length of four bytes, big-endian, and so many bytes of payload
/// (protocol part 01, section 5). Nothing is reserved for a frame before its bytes are there.
struct FrameReader: Sendable {
  enum Outcome: Sendable, Equatable {
    /// So many more bytes, at least, are wanted.
    case incomplete(missing: Int)
    case frame(ByteBuffer)
    case tooLong(UInt32)
  }

  let limit: UInt32

  @inline(__always)
  func next(_ buffer: inout ByteBuffer) -> Outcome {
    guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else {
      return .incomplete(missing: 4 - buffer.readableBytes)
    }
    guard length <= limit else { return .tooLong(length) }
    let total = 4 + Int(length)
    guard buffer.readableBytes >= total, let frame = buffer.getSlice(at: buffer.readerIndex + 4, length: Int(length)) else {
      return .incomplete(missing: total - buffer.readableBytes)
    }
    buffer.moveReaderIndex(forwardBy: total)
    return .frame(frame)
  }
}
