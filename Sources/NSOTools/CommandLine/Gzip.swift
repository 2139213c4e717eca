import CZlib
import NIOCore

/// Files as gzip(1) makes them (RFC 1952).
enum Gzip {
  /// The bytes of a `.gz` file with `content` in it.
  static func compress(_ content: ByteBuffer) throws(ToolError) -> ByteBuffer {
    var stream = z_stream()
    // 15 bits of window, and 16 for the header and the end of gzip.
    var status = deflateInit2_(
      &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK, let size = Int32(exactly: content.readableBytes) else { throw ToolError("zlib: status \(status)") }
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, UInt(size)))
    var packed = ByteBufferAllocator().buffer(capacity: bound)
    content.withUnsafeReadableBytes { source in
      _ = packed.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { target in
        // zlib does not write to its input; its type only does not say so.
        stream.next_in = UnsafeMutablePointer(mutating: source.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(size)
        stream.next_out = target.bindMemory(to: UInt8.self).baseAddress
        stream.avail_out = UInt32(clamping: target.count)
        status = deflate(&stream, Z_FINISH)
        return Int(stream.total_out)
      }
    }
    guard status == Z_STREAM_END else { throw ToolError("zlib: status \(status)") }
    return packed
  }
}
