import CZlib

/// Unpacks a gzip file (RFC 1952) piece by piece, of several members too. Memory does not depend on the size of the file.
///
/// Not to be used from two threads at once.
public final class GzipReader {
  /// What is wrong with the file.
  public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
  }

  // zlib keeps the address of its stream, so it must not move; owned here, freed in deinit.
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private var isAtEnd = true
  private var output = [UInt8](repeating: 0, count: 64 << 10)

  public init() throws(Failure) {
    stream.initialize(to: z_stream())
    // 16: a gzip header is wanted; 15: the largest window.
    guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw Failure(description: "out of memory: gzip data cannot be unpacked")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
  }

  /// Unpacks more of the file.
  /// - Parameter body: gets what comes out, in pieces.
  /// - Throws: ``Failure`` for what is no gzip data; what `body` throws.
  public func feed(_ bytes: [UInt8], _ body: ([UInt8]) throws -> Void) throws {
    var input = bytes
    var used = 0
    while used < input.count {
      if isAtEnd, used > 0 || stream.pointee.total_in > 0 {
        inflateReset(stream)
      }
      isAtEnd = false
      let (status, taken, made) = step(&input, from: used)
      used += taken
      if made > 0 { try body(Array(output.prefix(made))) }
      switch status {
      case Z_STREAM_END: isAtEnd = true
      case Z_OK: break
      case Z_BUF_ERROR where taken == 0 && made == 0: return
      default: throw Failure(description: "this is no sound gzip data")
      }
    }
  }

  private func step(_ input: inout [UInt8], from start: Int) -> (status: Int32, taken: Int, made: Int) {
    input.withUnsafeMutableBufferPointer { source in
      output.withUnsafeMutableBufferPointer { target in
        let available = source.count - start
        stream.pointee.next_in = source.baseAddress.map { $0 + start }
        stream.pointee.avail_in = UInt32(clamping: available)
        stream.pointee.next_out = target.baseAddress
        stream.pointee.avail_out = UInt32(clamping: target.count)
        let status = inflate(stream, Z_NO_FLUSH)
        return (status, available - Int(stream.pointee.avail_in), target.count - Int(stream.pointee.avail_out))
      }
    }
  }

  /// - Throws: when the file ends in the middle.
  public func finish() throws(Failure) {
    guard isAtEnd, stream.pointee.total_in > 0 else { throw Failure(description: "the gzip data ends in the middle") }
  }
}
