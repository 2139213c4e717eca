import NSOModel
import NSOSchema

/// What stored data means, for telling whether another schema understands it: for each node that is stored a number that is another one
/// when the node, or one that it is in, is of another kind, kept elsewhere, ordered otherwise, or has other keys or another type. Limits of
/// values have no part in it, they can be checked by the values; but schemas that differ in them only have other fingerprints, too.
struct DataMeaning: Sendable {
  /// Tells schemas that have the same data from all others.
  let fingerprint: UInt64
  /// By node, what it is called and what its data means; nil where no data is.
  private let nodes: ContiguousArray<(name: UInt64, meaning: UInt64)?>

  init(_ schema: Schema, _ placement: (NodeID) -> DataModel.Placement) {
    var nodes = ContiguousArray<(name: UInt64, meaning: UInt64)?>()
    nodes.reserveCapacity(schema.nodes.count)
    var all = Hash()
    for node in schema.nodes {
      let place = placement(node.id)
      let parent = node.parent.map { nodes[$0.index] }
      guard place != .none, parent.map({ $0 != nil }) ?? true else {
        nodes.append(nil)
        continue
      }
      var name = Hash(parent??.name)
      name.add(node.name.namespace)
      name.add(node.name.name)
      var meaning = Hash(parent??.meaning)
      meaning.add(name.value)
      for fact in [UInt64(node.kind.rawValue), UInt64(place.rawValue), UInt64(node.flags.intersection(.ofMeaning).rawValue)] {
        meaning.add(fact)
      }
      if let type = node.type { meaning.add(type) }
      for key in node.keys {
        meaning.add(schema[key].name.name)
        if let type = schema[key].type { meaning.add(type) }
      }
      nodes.append((name.value, meaning.value))
      all.add(meaning.value)
      if let type = node.type { all.add(limitsOf: type) }
    }
    self.nodes = nodes
    fingerprint = all.value
  }

  // MARK: In the database

  /// Two numbers of eight bytes for each node, sorted.
  var table: [UInt8] {
    var bytes: [UInt8] = []
    for node in nodes.compactMap(\.self).sorted(by: { $0.name < $1.name }) {
      for number in [node.name, node.meaning] { withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) } }
    }
    return bytes
  }

  /// Nodes whose data means something else than a table of before says. What the table does not have nobody can have written with it.
  func changed(since table: [UInt8]) -> Set<NodeID> {
    func number(_ offset: Int) -> UInt64 { table[offset..<(offset + 8)].reduce(0) { $0 << 8 | UInt64($1) } }
    var before: [UInt64: UInt64] = [:]
    for offset in stride(from: 0, to: table.count - 15, by: 16) { before[number(offset)] = number(offset + 8) }
    var changed: Set<NodeID> = []
    for (index, node) in nodes.enumerated() {
      guard let node, let meaning = before[node.name], meaning != node.meaning else { continue }
      changed.insert(NodeID(rawValue: Int32(truncatingIfNeeded: index)))
    }
    return changed
  }

  /// FNV-1a, which is the same in every process.
  private struct Hash {
    private(set) var value: UInt64

    init(_ start: UInt64? = nil) { value = start ?? 0xCBF2_9CE4_8422_2325 }

    mutating func add(_ number: UInt64) {
      for shift in stride(from: UInt64(0), to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func add(_ text: String) {
      for byte in text.utf8 { add(byte) }
      add(UInt8(0xFF))
    }

    private mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }

    mutating func add(limitsOf type: SchemaType) {
      switch type.valueType.kind {
      case .string(let rules), .special(_, let rules):
        add(rules.length)
        for pattern in rules.patterns { add("\(pattern.isInverted) \(pattern.expression)") }
      case .binary(let length): add(length)
      case .signed(_, let range), .decimal64(_, let range): add(range)
      case .unsigned(_, let range): add(range)
      case .identityref(let rules): for identity in rules.allowed { add("\(identity.name)") }
      case .union(let members): for member in members { add(limitsOf: member) }
      default: break
      }
    }

    private mutating func add<Bound>(_ ranges: Ranges<Bound>?) {
      for part in ranges?.parts ?? [] {
        add(UInt64(truncatingIfNeeded: part.lowerBound))
        add(UInt64(truncatingIfNeeded: part.upperBound))
      }
    }

    mutating func add(_ type: SchemaType) {
      let type = type.valueType
      add(UInt64(type.typeNumber))
      switch type.kind {
      case .decimal64(let digits, _): add(UInt64(digits))
      case .enumeration(let rules):
        for item in rules.items {
          add(item.name)
          add(UInt64(bitPattern: Int64(item.value)))
        }
      case .bits(let rules):
        for item in rules.items {
          add(item.name)
          add(UInt64(item.position))
        }
      case .union(let members):
        add(UInt64(members.count))
        for member in members { add(member) }
      default: break
      }
    }
  }
}

extension SchemaNode.Flags {
  /// What says how data is stored.
  fileprivate static var ofMeaning: SchemaNode.Flags { [.presence, .orderedByUser, .empty, .key] }
}
