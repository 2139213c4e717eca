public import NIOCore

/// A term left in its encoded form, without version byte: a slice of the frame it came in, checked to be one whole term.
/// It keeps that frame's memory alive; take `detached()` of what outlives the request.
public struct EncodedTerm: Hashable, Sendable {
  public let bytes: ByteBuffer

  init(checked bytes: ByteBuffer) { self.bytes = bytes }

  /// The next term of `reader`, which reads the readable bytes of `buffer`.
  public init(from reader: inout TermReader, in buffer: ByteBuffer) throws(TermError) {
    let start = reader.offset
    if reader.pendingBytes > 0 {
      // An element of a byte list has no tag of its own.
      self.init(.integer(try reader.readInteger()))
      return
    }
    try reader.skip()
    guard let slice = buffer.getSlice(at: buffer.readerIndex + start, length: reader.offset - start) else {
      throw TermError(.endOfBytes, at: start)
    }
    self.init(checked: slice)
  }

  public init(_ term: Term) {
    var buffer = ByteBuffer()
    buffer.writeTerm(term)
    bytes = buffer
  }

  /// Made by the `writeTerm…` functions, which write whole terms only.
  public init(writing write: (inout ByteBuffer) -> Void) {
    var buffer = ByteBuffer()
    write(&buffer)
    bytes = buffer
  }

  /// Bytes that claim to be one term without version byte.
  public init(bytes: ByteBuffer) throws(TermError) {
    try bytes.withTermReader { (reader) throws(TermError) in
      try reader.skip()
      try reader.expectEnd()
    }
    self.bytes = bytes
  }

  /// The same term in memory of its own.
  public func detached() -> EncodedTerm {
    EncodedTerm(checked: ByteBuffer(bytes: bytes.readableBytesView))
  }

  @inlinable
  public func withReader<T>(_ body: (inout TermReader) throws(TermError) -> T) throws(TermError) -> T {
    try bytes.withTermReader(body)
  }

  public func term() throws(TermError) -> Term { try withReader { (reader) throws(TermError) in try Term.read(from: &reader) } }
}

extension EncodedTerm: CustomStringConvertible {
  public var description: String { (try? term().description) ?? "bytes that are no term" }
}

extension ByteBuffer {
  /// A term that is encoded already, without version byte.
  public mutating func writeTerm(_ term: EncodedTerm) { writeImmutableBuffer(term.bytes) }
}
