/// Walks the records of a tree in key order, within the range it was made for. Not to be used from two threads at once. It
/// shows the tree as it was when the cursor was made.
public protocol TreeCursor: AnyObject {
  /// Goes to the first record at or after `key`; false when there is none in the range.
  func seek(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool
  /// Goes to the last record before `key`, or without key the last one of the range; false when there is none in the range.
  func seekBefore(_ key: UnsafeRawBufferPointer?) throws(StoreError) -> Bool
  /// Goes to the record after the current one; false at the end. Only after a call that returned true.
  func next() throws(StoreError) -> Bool
  /// The current record's key. Valid until the cursor moves or goes.
  var key: UnsafeRawBufferPointer { get }
  /// The current record's value. Valid until the cursor moves or goes.
  var value: UnsafeRawBufferPointer { get }
}

extension TreeCursor {
  /// Goes to the first record of the range.
  public func first() throws(StoreError) -> Bool { try seek(UnsafeRawBufferPointer(start: nil, count: 0)) }

  public func seek(_ key: [UInt8]) throws(StoreError) -> Bool {
    try withBytes(key) { bytes throws(StoreError) in try seek(bytes) }
  }
}

/// `withUnsafeBytes` with a typed error.
@inlinable
func withBytes<R>(
  _ array: [UInt8], _ body: (UnsafeRawBufferPointer) throws(StoreError) -> R
) throws(StoreError) -> R {
  let result: Result<R, StoreError> = array.withUnsafeBytes { bytes in
    do throws(StoreError) { return .success(try body(bytes)) } catch { return .failure(error) }
  }
  return try result.get()
}
