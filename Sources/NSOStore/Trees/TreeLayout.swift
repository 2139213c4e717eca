public import NSOSchema

/// What a path has to know about its node.
struct NodeTraits: OptionSet, Hashable, Sendable {
  let rawValue: UInt8

  static var list: NodeTraits { NodeTraits(rawValue: 1) }
  static var orderedByUser: NodeTraits { NodeTraits(rawValue: 2) }
  static var leaf: NodeTraits { NodeTraits(rawValue: 4) }
  static var presence: NodeTraits { NodeTraits(rawValue: 8) }

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init(_ node: SchemaNode) {
    self =
      switch node.kind {
      case .list: .list
      case .leafList: [.list, .leaf]
      case .leaf, .anydata, .anyxml: .leaf
      default: node.isPresence ? .presence : []
      }
    if contains(.list), node.isOrderedByUser { insert(.orderedByUser) }
  }
}

/// Where the nodes of one schema have their place in the store: the step of each node in keys (`KeyForm`) and the way back.
/// Made once per schema by `TreeLayout(schema:store:)`; immutable and shared freely. Keys made with the layout of one schema
/// are good in that of the next one as long as the node has the same names along its path.
public final class TreeLayout: Sendable {
  public let schema: Schema
  /// By node: bytes of the step in the low 24 bits, the first byte lowest; their number above; traits from bit 32 on. 0: no data node.
  private let steps: ContiguousArray<UInt64>
  /// By node + 1 (0: the root), where its children begin in `children`, which has a place for each number.
  private let childStarts: ContiguousArray<Int32>
  private let children: ContiguousArray<Int32>

  /// `numbers`: by node, its number below its parent; nil for what is no data node.
  init(schema: Schema, numbers: [Int?]) {
    self.schema = schema
    var steps = ContiguousArray<UInt64>(repeating: 0, count: schema.nodes.count)
    var counts = [Int](repeating: 0, count: schema.nodes.count + 1)
    for node in schema.nodes {
      guard let number = numbers[node.id.index], let bytes = KeyForm.nodeStep(number) else { continue }
      var step = UInt64(bytes.count) << 24
      for (index, byte) in bytes.enumerated() { step |= UInt64(byte) << UInt64(8 * index) }
      step |= UInt64(NodeTraits(node).rawValue) << 32
      steps[node.id.index] = step
      let parent = (node.parent?.index ?? -1) + 1
      counts[parent] = max(counts[parent], number + 1)
    }
    var starts: ContiguousArray<Int32> = [0]
    starts.reserveCapacity(counts.count + 1)
    var total: Int32 = 0
    for count in counts {
      total += Int32(truncatingIfNeeded: count)
      starts.append(total)
    }
    var children = ContiguousArray<Int32>(repeating: -1, count: Int(total))
    for node in schema.nodes {
      guard let number = numbers[node.id.index] else { continue }
      children[Int(starts[(node.parent?.index ?? -1) + 1]) + number] = node.id.rawValue
    }
    self.steps = steps
    childStarts = starts
    self.children = children
  }

  /// True for nodes that can hold data: not for actions, rpcs, notifications and what is below them.
  public func isStored(_ node: NodeID) -> Bool { steps.indices.contains(node.index) && steps[node.index] != 0 }

  @inline(__always)
  func step(_ node: NodeID) -> UInt64 { steps[node.index] }

  func traits(_ node: NodeID) -> NodeTraits { NodeTraits(rawValue: UInt8(truncatingIfNeeded: steps[node.index] >> 32)) }

  /// Differs when nodes have another place, or are of another kind as far as the store minds: 8 bytes (FNV-1a).
  var fingerprint: [UInt8] {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ number: UInt64) {
      for shift in stride(from: UInt64(0), to: 64, by: 8) { hash = (hash ^ (number >> shift & 0xFF)) &* 0x100_0000_01B3 }
    }
    for node in schema.nodes where steps[node.id.index] != 0 {
      add(steps[node.id.index])
      add(UInt64(UInt32(bitPattern: node.parent?.rawValue ?? -1)))
    }
    return bigEndian(hash)
  }

  /// The child of `parent` (nil: the root) with this number; nil when the schema does not have it (any more).
  @inline(__always)
  func child(of parent: NodeID?, number: Int) -> NodeID? {
    let slot = (parent?.index ?? -1) + 1
    let place = Int(childStarts[slot]) + number
    guard place < Int(childStarts[slot + 1]), children[place] >= 0 else { return nil }
    return NodeID(rawValue: children[place])
  }
}
