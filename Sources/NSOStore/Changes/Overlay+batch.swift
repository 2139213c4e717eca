extension Overlay {
  /// The changes as a batch for `space`. With `current`, the tree the batch will meet, what is so already is left out: the result is the
  /// same, and nothing is written that need not be.
  public func batch(for space: Space, current: (any DataTree)? = nil) throws(StoreError) -> WriteBatch {
    var batch = WriteBatch()
    try add(to: &batch, space, current: current)
    return batch
  }

  /// Adds the changes to a batch, see `batch`.
  public func add(to batch: inout WriteBatch, _ space: Space, current: (any DataTree)? = nil) throws(StoreError) {
    // Large batches would else be held twice while they grow.
    if changes.count > 4096 {
      batch.reserve(operations: batch.operations.count + changeCount, bytes: batch.bytes.count + changes.byteCount)
    }
    for range in deleted.ranges {
      if let current, try current.isEmpty(range) { continue }
      batch.delete(space, range)
    }
    var position = changes.first
    while let place = position {
      let key = changes.key(place)
      let value = changes.value(place)
      // What lies in a deleted range is gone by now.
      if let current, !deleted.contains(key), try Self.isSo(key, value, current) {
        position = changes.after(place)
        continue
      }
      if let value { batch.put(space, key, value) } else { batch.delete(space, key) }
      position = changes.after(place)
    }
  }

  private static func isSo(
    _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ current: any DataTree
  ) throws(StoreError) -> Bool {
    var isEqual = false
    let isThere = try current.read(key) { old in
      if let value { isEqual = equalBytes(old, value) }
    }
    return isThere ? isEqual : value == nil
  }
}
