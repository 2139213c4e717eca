import ExternalTerm
import NIOCore
import NSOModel
import NSOWire

extension ByteBuffer {
  /// One whole reply frame on a connection with op codes: success with what `body` adds after the op word, or, when it
  /// throws, the error (protocol part 01, sections 7 and 8). What `body` had written before it threw is taken back.
  @inline(__always)
  mutating func writeAnswer(to op: UInt32, _ body: (inout ByteBuffer) throws(NSOError) -> Void) {
    let start = writerIndex
    writeMultipleIntegers(0 as UInt32, op)
    do throws(NSOError) {
      try body(&self)
      setInteger(UInt32(truncatingIfNeeded: writerIndex - start - 4), at: start)
    } catch {
      moveWriterIndex(to: start)
      writeFailure(op: op, error)
    }
  }

  /// Success without value.
  mutating func writeDone(_ op: UInt32) { writeMultipleIntegers(4 as UInt32, op) }

  mutating func writeFailure(op: UInt32, _ error: NSOError) {
    var error = error
    // Texts quote what clients and providers sent, which may be long.
    if error.message.utf8.count > Self.longestText {
      error.message = "\(error.message.prefix(Self.longestText / 4))... (cut)"
    }
    writeFrame { $0.writeReply(op: op, error: error) }
  }

  private static var longestText: Int { 64 << 10 }

  mutating func writeReply(_ reply: Reply, to op: UInt32) {
    writeFrame { reply.write(op: op, into: &$0) }
  }

  /// Success with an integer, the reply to counts and questions.
  @inline(__always)
  mutating func writeAnswer(_ number: some FixedWidthInteger) {
    writeTermVersion()
    writeTermInteger(number)
  }
}

extension Result where Failure == NSOError {
  /// Runs `body`; for closures that may only throw something else.
  @inline(__always)
  init(running body: () throws(NSOError) -> Success) {
    do throws(NSOError) { self = .success(try body()) } catch { self = .failure(error) }
  }
}
