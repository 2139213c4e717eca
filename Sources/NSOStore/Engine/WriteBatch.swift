/// Changes that become visible together or not at all. Operations take effect in the order in which they were added.
/// A value: copying is cheap, the bytes are shared until one copy changes.
public struct WriteBatch: Sendable {
  struct Operation: Sendable {
    enum Kind: UInt8, Sendable { case put, delete, deleteRange }
    var kind: Kind
    var space: Space
    /// False: `deleteRange` without upper bound.
    var hasUpper: Bool
    /// Where the key begins in `bytes`; the second part (value, upper bound) follows it.
    var start: Int
    var keyCount: Int
    var secondCount: Int
  }

  private(set) var bytes: [UInt8] = []
  private(set) var operations: [Operation] = []
  /// What comes before, shared with whoever made it.
  private var earlier: [WriteBatch] = []

  /// When set, the commit fails with `revisionMismatch` unless the store is at this revision just before it.
  public var expectedRevision: Revision?

  public init(expectedRevision: Revision? = nil) { self.expectedRevision = expectedRevision }

  /// A batch that does first what `batch` does. Costs nothing, however large that is, since it is shared and not copied.
  public init(continuing batch: WriteBatch) {
    expectedRevision = batch.expectedRevision
    if !batch.isEmpty { earlier = [batch] }
  }

  public var isEmpty: Bool { operations.isEmpty && earlier.isEmpty }
  /// Operations added so far.
  public var count: Int { earlier.reduce(operations.count) { $0 + $1.count } }
  /// Memory held, roughly, in bytes.
  var size: Int {
    earlier.reduce(bytes.count + operations.count * MemoryLayout<Operation>.stride) { $0 + $1.size }
  }

  public mutating func reserve(operations count: Int, bytes size: Int) {
    operations.reserveCapacity(count)
    bytes.reserveCapacity(size)
  }

  public mutating func put(_ space: Space, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    add(.put, space, key, value)
  }

  public mutating func put(_ space: Space, _ key: [UInt8], _ value: [UInt8]) {
    key.withUnsafeBytes { key in value.withUnsafeBytes { add(.put, space, key, $0) } }
  }

  /// Deleting what is not there is no error.
  public mutating func delete(_ space: Space, _ key: UnsafeRawBufferPointer) {
    add(.delete, space, key, nil)
  }

  public mutating func delete(_ space: Space, _ key: [UInt8]) {
    key.withUnsafeBytes { add(.delete, space, $0, nil) }
  }

  public mutating func delete(_ space: Space, _ range: KeyRange) {
    range.lower.withUnsafeBytes { lower in
      guard let upper = range.upper else { return add(.deleteRange, space, lower, nil) }
      upper.withUnsafeBytes { add(.deleteRange, space, lower, $0) }
    }
  }

  private mutating func add(
    _ kind: Operation.Kind, _ space: Space, _ key: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer?
  ) {
    operations.append(
      Operation(
        kind: kind, space: space, hasUpper: second != nil, start: bytes.count, keyCount: key.count,
        secondCount: second?.count ?? 0))
    bytes.append(contentsOf: key)
    if let second { bytes.append(contentsOf: second) }
  }
}

/// One change of a batch, for those that look into it. The bytes are valid during the call.
public enum WriteOperation {
  case put(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)
  case delete(key: UnsafeRawBufferPointer)
  case deleteRange(lower: UnsafeRawBufferPointer, upper: UnsafeRawBufferPointer?)
}

extension WriteBatch {
  /// Calls `body` with each operation in order, until it returns false.
  public func forEach(_ body: (Space, WriteOperation) -> Bool) { _ = visit(body) }

  /// - Returns: false when `body` did.
  private func visit(_ body: (Space, WriteOperation) -> Bool) -> Bool {
    for batch in earlier where !batch.visit(body) { return false }
    return bytes.withUnsafeBytes { bytes in
      for operation in operations {
        let middle = operation.start + operation.keyCount
        let key = UnsafeRawBufferPointer(rebasing: bytes[operation.start..<middle])
        let second = UnsafeRawBufferPointer(rebasing: bytes[middle..<(middle + operation.secondCount)])
        let change: WriteOperation =
          switch operation.kind {
          case .put: .put(key: key, value: second)
          case .delete: .delete(key: key)
          case .deleteRange: .deleteRange(lower: key, upper: operation.hasUpper ? second : nil)
          }
        guard body(operation.space, change) else { return false }
      }
      return true
    }
  }
}
