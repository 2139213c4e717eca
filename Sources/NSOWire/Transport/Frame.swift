public import NIOCore

/// Cuts a byte stream into frames: 4 bytes of length, then that many bytes (protocol part 01, section 5). A value, for use
/// with a channel (`ByteToMessageHandler`), with `NIOSingleStepByteToMessageProcessor`, or alone.
public struct FrameDecoder: NIOSingleStepByteToMessageDecoder, Sendable {
  public typealias InboundOut = ByteBuffer

  public static var defaultLimit: Int { 512 << 20 }

  /// The longest payload in bytes that is accepted.
  public var limit: Int

  public init(limit: Int = defaultLimit) { self.limit = limit }

  public struct TooLong: Error, Hashable, CustomStringConvertible {
    public var length: Int
    public var limit: Int

    public init(length: Int, limit: Int) {
      self.length = length
      self.limit = limit
    }

    public var description: String { "a frame of \(length) bytes, the limit is \(limit)" }
  }

  /// The payload of the next frame, sharing memory with `buffer`; nil, and nothing taken, until all of it is there.
  public mutating func decode(buffer: inout ByteBuffer) throws(TooLong) -> ByteBuffer? {
    guard let length: UInt32 = buffer.getInteger(at: buffer.readerIndex) else { return nil }
    guard length <= limit else { throw TooLong(length: Int(length), limit: limit) }
    guard buffer.readableBytes - 4 >= Int(length) else { return nil }
    buffer.moveReaderIndex(forwardBy: 4)
    return buffer.readSlice(length: Int(length))
  }

  /// What is left at the end of a connection is an unfinished frame, and nobody's message.
  public mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws(TooLong) -> ByteBuffer? {
    try decode(buffer: &buffer)
  }
}

extension ByteBuffer {
  /// Writes a frame: the length, then what `body` writes.
  public mutating func writeFrame(_ body: (inout ByteBuffer) -> Void) {
    let lengthIndex = writerIndex
    writeInteger(UInt32(0))
    body(&self)
    setInteger(UInt32(truncatingIfNeeded: writerIndex - lengthIndex - 4), at: lengthIndex)
  }

  /// Writes a payload as a frame.
  public mutating func writeFrame(_ payload: ByteBuffer) { writeFrame { $0.writeImmutableBuffer(payload) } }
}
