public import ExternalTerm
public import NIOCore
public import NSOModel
import NSOTerms

/// A reply frame on a connection with op codes (protocol part 01, sections 7 and 8).
public enum ReplyFrame: Hashable, Sendable {
  /// `term` has the result with its version byte; nil for success without value.
  case success(op: UInt32, term: ByteBuffer?)
  case failure(op: UInt32, NSOError)

  static var errorBit: UInt32 { 0x8000_0000 }

  public init(_ frame: ByteBuffer) throws(DecodeError) {
    var payload = frame
    guard let word: UInt32 = payload.readInteger() else {
      throw DecodeError("reply", TermError(.endOfBytes, at: frame.readableBytes), termOffset: 0, frame: frame)
    }
    let op = word & ~Self.errorBit
    guard word & Self.errorBit != 0 else {
      self = .success(op: op, term: payload.readableBytes == 0 ? nil : payload)
      return
    }
    guard let code: UInt32 = payload.readInteger() else {
      throw DecodeError("error reply to \(op)", TermError(.endOfBytes, at: frame.readableBytes), termOffset: 0, frame: frame)
    }
    do throws(TermError) {
      let (message, tag) = try Self.readReason(payload)
      self = .failure(op: op, NSOError(ErrorCode(rawValue: code), message, appTag: tag))
    } catch {
      throw DecodeError("error reply to \(op)", error, termOffset: 8, frame: frame)
    }
  }

  private static func readReason(_ payload: ByteBuffer) throws(TermError) -> (String, Tag?) {
    guard payload.readableBytes > 0 else { return ("", nil) }
    return try payload.uncompressedTerm().withTermReader { (reader) throws(TermError) in
      try reader.readVersion()
      guard try reader.peekKind() == .tuple else { return (try readMessage(&reader), nil) }
      try reader.readTupleHeader(arity: 2)
      let message = try readMessage(&reader)
      return (message, try TagCoding.read(&reader))
    }
  }

  /// Text for people with one NUL at its end; whatever its encoding it must not hide the error, so it is repaired.
  private static func readMessage(_ reader: inout TermReader) throws(TermError) -> String {
    let bytes = try reader.readBinaryBytes()
    return String(decoding: bytes.last == 0 ? UnsafeRawBufferPointer(rebasing: bytes.dropLast()) : bytes, as: UTF8.self)
  }
}

/// Writing of reply payloads, without the frame's length.
extension ByteBuffer {
  /// Success without value.
  public mutating func writeReply(op: UInt32) { writeInteger(op) }

  /// Success with the term that `value` writes.
  public mutating func writeReply(op: UInt32, _ value: (inout ByteBuffer) -> Void) {
    writeInteger(op)
    writeTermVersion()
    value(&self)
  }

  /// Success with a term that is encoded already, without version byte: what the store keeps goes out as it is.
  public mutating func writeReply(op: UInt32, rawValue: UnsafeRawBufferPointer) {
    writeInteger(op)
    writeTermVersion()
    writeBytes(rawValue)
  }

  public mutating func writeReply(op: UInt32, rawValue: some Sequence<UInt8>) {
    writeInteger(op)
    writeTermVersion()
    writeBytes(rawValue)
  }

  /// An error. The message gets the NUL that clients cut off; without message only the code goes out, and with a tag an
  /// empty message is one NUL, since clients fail on an empty binary.
  public mutating func writeReply(op: UInt32, error: NSOError) {
    writeMultipleIntegers(op | ReplyFrame.errorBit, error.code.rawValue)
    guard !error.message.isEmpty || error.appTag != nil else { return }
    writeTermVersion()
    if error.appTag != nil { writeTermTuple(arity: 2) }
    // A NUL inside ends the text early in C clients; only warnings are a list of texts with a NUL after each.
    let nul: UInt8 = error.code == .validationWarning ? 0 : UInt8(ascii: " ")
    writeTermBinary(error.message.utf8.map { $0 == 0 ? nul : $0 } + [0])
    if let tag = error.appTag { TagCoding.write(tag, into: &self) }
  }

  /// The error form of connections without op codes: `{'error', Code, Message}`, the message without NUL.
  public mutating func writeBareError(_ error: NSOError) {
    writeTermVersion()
    writeTermTuple(arity: 3)
    writeTermAtom("error" as StaticString)
    writeTermInteger(error.code.rawValue)
    writeTermBinary(error.message)
  }
}

/// A reply on a connection without op codes (protocol part 01, section 8.3).
public enum BareReply: Hashable, Sendable {
  case term(Term)
  case failure(NSOError)

  public init(_ frame: ByteBuffer) throws(DecodeError) {
    do throws(TermError) {
      let term = try Term(encoded: frame)
      if case .tuple(let parts) = term, parts.count == 3, parts[0] == .atom("error"), case .integer(let code) = parts[1],
        case .binary(let text) = parts[2], let code = UInt32(exactly: code)
      {
        self = .failure(NSOError(ErrorCode(rawValue: code), String(decoding: text, as: UTF8.self)))
      } else {
        self = .term(term)
      }
    } catch {
      throw DecodeError("bare reply", error, termOffset: 0, frame: frame)
    }
  }
}
