internal import NSOModel
public import NSOSchema

/// The numbers of nodes are kept in space `names`, so that data survives changes of the schema: the key is the steps of the
/// parent, `00`, the namespace, `00`, the name; the value is the number (4 bytes, big-endian). Under the steps of the parent and
/// `00` alone is the next number to give. Numbers are given in schema order and never given again. Under `01` is the fingerprint of the
/// layout that the data was last brought in line with.
extension TreeLayout {
  /// Reads the numbers of the schema's nodes and gives numbers to those that have none. When the schema is another one than the last time,
  /// lists that have become ordered by user get an order (`Overlay.repairUserOrder`). All in one commit, none when nothing is to do.
  /// Blocks; for start-up and upgrades. A second store (for volatile data) uses the same layout and needs none of its own.
  public convenience init(schema: Schema, store: Store) throws(StoreError) {
    let snapshot = try store.snapshot()
    var batch = WriteBatch(expectedRevision: snapshot.revision)
    self.init(schema: schema, numbers: try Self.numbers(of: schema, snapshot, store, &batch))
    if try snapshot.get(.names, Self.fingerprintKey) != fingerprint {
      // The candidate holds changes over running, see `Overlay.init(keptIn:of:over:)`.
      for space in [Space.running, .startup, .persistentOperational] {
        var overlay = Overlay(snapshot.tree(space))
        try overlay.repairUserOrder(self)
        try overlay.add(to: &batch, space)
      }
      batch.put(.names, Self.fingerprintKey, fingerprint)
    }
    if !batch.isEmpty { try store.commitAndWait(batch) }
  }

  /// The layout that a schema would have, with nothing written yet: for a schema that may still be refused.
  /// - Parameter batch: gets what has to be committed, together with the data that was brought in line, before data is
  ///   written with the layout.
  public convenience init(
    schema: Schema, store: Store, at snapshot: Snapshot, adding batch: inout WriteBatch
  ) throws(StoreError) {
    self.init(schema: schema, numbers: try Self.numbers(of: schema, snapshot, store, &batch))
    batch.put(.names, Self.fingerprintKey, fingerprint)
  }

  /// The numbers of a schema's nodes; those that are new go into the batch.
  private static func numbers(
    of schema: Schema, _ snapshot: Snapshot, _ store: Store, _ batch: inout WriteBatch
  ) throws(StoreError) -> [Int?] {
    var numbers = [Int?](repeating: nil, count: schema.nodes.count)
    var steps = [[UInt8]](repeating: [], count: schema.nodes.count)
    /// By the key under which it is kept.
    var next: [[UInt8]: Int] = [:]
    for node in schema.nodes {
      guard holdsData(node), node.parent.map({ numbers[$0.index] != nil }) ?? true else { continue }
      let parent = (node.parent.map { steps[$0.index] } ?? []) + [0]
      let key = parent + Array(node.name.namespace.utf8) + [0] + Array(node.name.name.utf8)
      let number: Int
      if let known = try snapshot.get(.names, key) {
        number = try Self.number(known, store)
      } else {
        if let free = next[parent] {
          number = free
        } else {
          number = try Self.number(snapshot.get(.names, parent) ?? Self.bytes(0), store)
        }
        next[parent] = number + 1
        batch.put(.names, key, bytes(number))
      }
      guard let step = KeyForm.nodeStep(number) else {
        throw StoreError(
          .full, "\(schema.path(of: node.id)): its parent had \(KeyForm.maximumNodes) different children in the course of time")
      }
      numbers[node.id.index] = number
      steps[node.id.index] = node.parent.map { steps[$0.index] + step } ?? step
    }
    for (parent, number) in next { batch.put(.names, parent, bytes(number)) }
    return numbers
  }

  private static let fingerprintKey: [UInt8] = [1]

  private static func holdsData(_ node: SchemaNode) -> Bool {
    switch node.kind {
    case .container, .list, .leaf, .leafList, .anydata, .anyxml:
      node.flags.isDisjoint(with: [.input, .output, .inNotification])
    case .action, .rpc, .notification: false
    }
  }

  private static func bytes(_ number: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(truncatingIfNeeded: number).bigEndian) { Array($0) }
  }

  private static func number(_ bytes: [UInt8], _ store: Store) throws(StoreError) -> Int {
    guard bytes.count == 4 else {
      throw StoreError(.corrupt, "the store \(store.options.path) has a bad entry in space names; restore it from a backup")
    }
    return Int(bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
  }
}
