import ExternalTerm
public import NIOCore

/// The first frame on a STREAM connection, after which raw bytes flow without lengths: which save or load the connection is
/// for. Open: the sources do not tell the form (protocol part 04, section 6), this is the one place that decides it.
public struct StreamOpening: Hashable, Sendable {
  /// The number that SAVE_CONFIG, LOAD_CONFIG or their relatives answered.
  public var id: Int32
  public var flags: Int32

  public init(id: Int32, flags: Int32 = 0) {
    self.id = id
    self.flags = flags
  }

  /// Takes two integers, one, or either as a term.
  public init(_ frame: ByteBuffer) throws(DecodeError) {
    var payload = frame
    do throws(TermError) {
      if frame.getInteger(at: frame.readerIndex, as: UInt8.self) == 131 {
        self = try frame.withTermReader { (reader) throws(TermError) in
          try reader.readVersion()
          guard try reader.peekKind() == .tuple else { return StreamOpening(id: try reader.readInteger()) }
          try reader.readTupleHeader(arity: 2)
          let id: Int32 = try reader.readInteger()
          return StreamOpening(id: id, flags: try reader.readInteger())
        }
        return
      }
      guard let id: Int32 = payload.readInteger() else { throw TermError(.endOfBytes, at: frame.readableBytes) }
      self.init(id: id, flags: payload.readInteger() ?? 0)
      guard payload.readableBytes == 0 else { throw TermError(.trailing(payload.readableBytes), at: 8) }
    } catch {
      throw DecodeError("stream opening", error, termOffset: 0, frame: frame)
    }
  }

  /// The payload, without the frame's length.
  public func write(into buffer: inout ByteBuffer) { buffer.writeMultipleIntegers(id, flags) }
}
