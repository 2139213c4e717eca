import CZlib
public import NIOCore

extension ByteBuffer {
  /// How large a compressed term may become.
  public static var defaultCompressionLimit: Int { 64 << 20 }

  /// The bytes of a term with its version byte; unpacked when the term is in the compressed form (tag 80), else as they are.
  /// Costs nothing for terms that are not compressed, which no known peer sends (protocol part 01, section 10.2).
  ///
  /// - Parameter limit: the size in bytes that the unpacked term may have.
  public func uncompressedTerm(limit: Int = defaultCompressionLimit) throws(TermError) -> ByteBuffer {
    guard let head: UInt16 = getInteger(at: readerIndex),
      head == UInt16(TermTag.version) << 8 | UInt16(TermTag.compressed)
    else { return self }
    guard let size: UInt32 = getInteger(at: readerIndex + 2) else { throw TermError(.endOfBytes, at: readableBytes) }
    let packed = readableBytes - 6
    // zlib packs at most 1032 to 1, so a larger promise is a lie that must not cost memory.
    guard size <= limit, Int(size) <= packed * 1032 + 64 else {
      throw TermError(.content("a compressed term of \(size) bytes, limit \(min(limit, packed * 1032 + 64))"), at: 2)
    }
    var plain = ByteBufferAllocator().buffer(capacity: Int(size) + 1)
    plain.writeTermVersion()
    var status = Z_OK
    _ = withUnsafeReadableBytes { source in
      plain.writeWithUnsafeMutableBytes(minimumWritableBytes: Int(size)) { target in
        var written = uLongf(size)
        status = uncompress(
          target.bindMemory(to: UInt8.self).baseAddress, &written,
          source.bindMemory(to: UInt8.self).baseAddress.map { $0 + 6 }, uLong(packed))
        return status == Z_OK ? Int(written) : 0
      }
    }
    guard status == Z_OK, plain.readableBytes == Int(size) + 1 else {
      throw TermError(.content("a compressed term that does not unpack to its \(size) bytes"), at: 6)
    }
    return plain
  }
}
