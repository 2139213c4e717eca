public import NSOModel
public import NSOSchema

/// A place in a data tree: the schema node and the key in the store. Built step by step from the root:
///
///     var path = TreePath.root
///     path.append(interfaces, layout)             // /interfaces
///     path.append(interface, layout)              // /interfaces/interface, the list
///     path.appendKey(string: nameBytes)           // /interfaces/interface{eth0}
///     path.append(mtu, layout)                    // /interfaces/interface{eth0}/mtu
///
/// A value; its bytes are one array, which `removeAll` keeps for the next path.
public struct TreePath: Hashable, Sendable {
  /// The key in the store; empty for the root.
  public private(set) var bytes: [UInt8]
  private var nodeNumber: Int32
  /// Where the key values of the entry begin, when the path ends in an entry of a list or leaf-list; else -1.
  private var entryStart: Int32
  private var traits: NodeTraits

  public init() {
    bytes = []
    nodeNumber = -1
    entryStart = -1
    traits = []
  }

  public static var root: TreePath { TreePath() }

  /// The node; nil for the root.
  public var node: NodeID? { nodeNumber < 0 ? nil : NodeID(rawValue: nodeNumber) }
  public var isRoot: Bool { nodeNumber < 0 }
  /// The path ends with the keys of a list entry or the value of a leaf-list entry. (With fewer keys than the list has, it
  /// stands for all entries that begin with them.)
  public var isEntry: Bool { entryStart >= 0 }
  /// The path leads to a list or leaf-list as a whole.
  public var isWholeList: Bool { traits.contains(.list) && entryStart < 0 }
  /// The path leads to a list or leaf-list that is ordered by user, or to an entry of one.
  public var isOrderedByUser: Bool { traits.contains(.orderedByUser) }
  /// The path leads to a leaf or to an entry of a leaf-list: nothing is below it.
  public var isTerminal: Bool { traits.contains(.leaf) && (entryStart >= 0 || !traits.contains(.list)) }

  /// The path leads to something that can have a record of its own: no list, and no container without presence.
  var mayHaveRecord: Bool {
    if entryStart >= 0 { return true }
    return traits.contains(.list) ? false : !traits.isDisjoint(with: [.leaf, .presence])
  }

  /// Makes room for that many bytes of key in all.
  public mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

  /// Back to the root, keeping the memory.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    nodeNumber = -1
    entryStart = -1
    traits = []
  }

  /// To a child node, which must be one of the current node in the layout's schema, and hold data (`TreeLayout.isStored`).
  @inline(__always)
  public mutating func append(_ node: NodeID, _ layout: TreeLayout) {
    let step = layout.step(node)
    var count = Int(truncatingIfNeeded: step >> 24 & 0xFF)
    var rest = step
    while count > 0 {
      bytes.append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
      count &-= 1
    }
    nodeNumber = node.rawValue
    entryStart = -1
    traits = NodeTraits(rawValue: UInt8(truncatingIfNeeded: step >> 32))
  }

  public func appending(_ node: NodeID, _ layout: TreeLayout) -> TreePath {
    var path = self
    path.append(node, layout)
    return path
  }

  @inline(__always)
  private mutating func beginKey() {
    if entryStart < 0 { entryStart = Int32(truncatingIfNeeded: bytes.count) }
  }

  // MARK: Keys of an entry, in schema order

  /// Appends the next key of a list entry, or the value of a leaf-list entry. The value must be in the canonical form of its type.
  public mutating func appendKey(_ value: Value, type: SchemaType?, schema: Schema?) throws(StoreError) {
    beginKey()
    try KeyEncoder.append(value, type: type, schema: schema, to: &bytes)
  }

  /// A key of type string, from UTF-8 bytes.
  public mutating func appendKey(string text: UnsafeRawBufferPointer) {
    beginKey()
    KeyEncoder.appendString(text, to: &bytes)
  }

  public mutating func appendKey(binary octets: UnsafeRawBufferPointer) {
    beginKey()
    KeyEncoder.appendBinary(octets, to: &bytes)
  }

  /// A key of an integer type; `typeNumber` is 6...13.
  public mutating func appendKey(integer: Int64, typeNumber: Int) {
    beginKey()
    KeyEncoder.appendInteger(integer, typeNumber: typeNumber, to: &bytes)
  }

  /// A key of an integer type; `typeNumber` is 6...13.
  public mutating func appendKey(integer: UInt64, typeNumber: Int) {
    beginKey()
    KeyEncoder.appendInteger(integer, typeNumber: typeNumber, to: &bytes)
  }

  public mutating func appendKey(enumeration: Int32) {
    beginKey()
    KeyEncoder.appendEnumeration(enumeration, to: &bytes)
  }

  public mutating func appendKey(bool: Bool) {
    beginKey()
    KeyEncoder.appendBool(bool, to: &bytes)
  }

  public mutating func appendKey(ipv4: IPv4Address) {
    beginKey()
    KeyEncoder.appendIPv4(ipv4, to: &bytes)
  }

  public mutating func appendKey(ipv6: IPv6Address) {
    beginKey()
    KeyEncoder.appendIPv6(ipv6, to: &bytes)
  }

  /// All keys of an entry at once, in the form that `entryKey` and `ListPosition.entryKey` have.
  public mutating func appendEntryKey(_ key: UnsafeRawBufferPointer) {
    beginKey()
    bytes.append(contentsOf: key)
  }

  public mutating func appendEntryKey(_ key: [UInt8]) {
    beginKey()
    bytes.append(contentsOf: key)
  }

  // MARK: Parts

  /// The keys of the entry the path ends in, in the store's form; nil when it does not end in one.
  public var entryKey: [UInt8]? { entryStart < 0 ? nil : Array(bytes[Int(entryStart)...]) }

  /// From an entry to its list; any other path is returned as it is.
  public var withoutEntryKey: TreePath {
    guard entryStart >= 0 else { return self }
    var list = self
    list.bytes.removeSubrange(Int(entryStart)...)
    list.entryStart = -1
    return list
  }

  /// The record of an attribute of this node (protocol part 02, section 8). Only for reading and writing that record.
  public func attributeKey(_ number: AttributeNumber) -> [UInt8] {
    var key = bytes
    key.append(KeyForm.attribute)
    KeyEncoder.append(number.rawValue, to: &key)
    return key
  }

  /// Everything at and below this place.
  public var subtree: KeyRange { bytes.isEmpty ? .all : .prefix(bytes) }

  /// `bytes` without the entry's key: that of the list.
  var listCount: Int { entryStart < 0 ? bytes.count : Int(entryStart) }

  init(bytes: [UInt8], node: NodeID?, entryStart: Int?, traits: NodeTraits) {
    self.bytes = bytes
    nodeNumber = node?.rawValue ?? -1
    self.entryStart = Int32(truncatingIfNeeded: entryStart ?? -1)
    self.traits = traits
  }
}
