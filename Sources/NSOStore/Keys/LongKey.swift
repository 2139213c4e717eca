internal import Crypto

/// How keys of any length fit LMDB's limit of 511 bytes. Up to `limit` bytes a key is stored as it is. Of a longer one the
/// first `limit` bytes and the SHA-256 of the rest are stored as key, and the rest in front of the value. So a stored key
/// longer than `limit` is a shortened one; all that share their first `limit` bytes (a group) lie together, after the key
/// that has just these bytes, in the order of their hashes: whoever scans a group sorts it by the rest. A bound of at most
/// `limit` bytes separates stored keys exactly as it separates the keys they stand for.
enum LongKey {
  static let limit = 472
  static let storedCount = limit + 32

  @inline(__always)
  static func isLong(_ key: UnsafeRawBufferPointer) -> Bool { key.count > limit }

  /// The key under which a long key is stored.
  static func stored(_ key: UnsafeRawBufferPointer) -> [UInt8] {
    var bytes = Array(key[..<limit])
    bytes.append(contentsOf: SHA256.hash(data: key.suffix(from: limit)))
    return bytes
  }

  /// The value stored for a long key: the count of the rest (4 bytes, big-endian), the rest, the value.
  static func storedValue(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> [UInt8] {
    let rest = key.suffix(from: limit)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 + rest.count + value.count)
    let count = UInt32(truncatingIfNeeded: rest.count)
    bytes.append(UInt8(truncatingIfNeeded: count >> 24))
    bytes.append(UInt8(truncatingIfNeeded: count >> 16))
    bytes.append(UInt8(truncatingIfNeeded: count >> 8))
    bytes.append(UInt8(truncatingIfNeeded: count))
    bytes.append(contentsOf: rest)
    bytes.append(contentsOf: value)
    return bytes
  }

  /// Takes a stored value apart; nil when it is not of this form, which only damage explains.
  static func split(_ stored: UnsafeRawBufferPointer) -> (rest: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
    guard stored.count >= 4 else { return nil }
    let count = Int(UInt32(bigEndian: stored.loadUnaligned(as: UInt32.self)))
    guard stored.count - 4 >= count else { return nil }
    return (
      UnsafeRawBufferPointer(rebasing: stored[4..<(4 + count)]), UnsafeRawBufferPointer(rebasing: stored[(4 + count)...])
    )
  }

  /// Compares the key that (`storedKey`, `storedValue`) stands for with `key`; nil for damage.
  static func compare(
    _ storedKey: UnsafeRawBufferPointer, _ storedValue: UnsafeRawBufferPointer, with key: UnsafeRawBufferPointer
  ) -> Int? {
    guard isLong(storedKey) else { return compareBytes(storedKey, key) }
    guard isLong(key) else { return compareBytes(storedKey, key) }
    let order = compareBytes(
      UnsafeRawBufferPointer(rebasing: storedKey[..<limit]), UnsafeRawBufferPointer(rebasing: key[..<limit]))
    if order != 0 { return order }
    guard let (rest, _) = split(storedValue) else { return nil }
    return compareBytes(rest, key.suffix(from: limit))
  }
}
