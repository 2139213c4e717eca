#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Negative, zero or positive as `a` sorts before, with or after `b`: byte by byte, unsigned, a prefix first.
@usableFromInline
func compareBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
  let common = min(a.count, b.count)
  if common > 0, let pa = a.baseAddress, let pb = b.baseAddress {
    let order = memcmp(pa, pb, common)
    if order != 0 { return Int(order) }
  }
  return a.count - b.count
}

func equalBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
  a.count == b.count && compareBytes(a, b) == 0
}

extension UnsafeRawBufferPointer {
  func hasPrefix(_ prefix: UnsafeRawBufferPointer) -> Bool {
    count >= prefix.count && compareBytes(UnsafeRawBufferPointer(rebasing: self[..<prefix.count]), prefix) == 0
  }

  /// The bytes from `offset` on.
  func suffix(from offset: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[Swift.min(offset, count)...])
  }
}
