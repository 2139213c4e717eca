public import NIOCore

extension ByteBuffer {
  /// Reads the terms in the readable bytes; the reader must not leave the closure. Nothing is consumed.
  @inlinable
  public func withTermReader<T>(_ body: (inout TermReader) throws(TermError) -> T) throws(TermError) -> T {
    try withUnsafeReadableBytes { (bytes) throws(TermError) -> T in
      var reader = TermReader(bytes)
      return try body(&reader)
    }
  }
}

extension Array where Element == UInt8 {
  /// Reads the terms in the bytes; the reader must not leave the closure.
  @inlinable
  public func withTermReader<T>(_ body: (inout TermReader) throws(TermError) -> T) throws(TermError) -> T {
    var result: Result<T, TermError>?
    withUnsafeBytes { bytes in
      var reader = TermReader(bytes)
      do throws(TermError) { result = .success(try body(&reader)) } catch { result = .failure(error) }
    }
    guard let result else { throw TermError(.endOfBytes, at: 0) }
    return try result.get()
  }
}
