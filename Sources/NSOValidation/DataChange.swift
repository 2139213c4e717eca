public import NSOXPath

/// What a transaction did to one node. Keys of list entries and what lies inside a new or deleted entry need no changes of
/// their own: the entry stands for them.
public struct DataChange<Place: Hashable> {
  /// The leaf, list entry, leaf-list entry, presence container or anydata. It may be gone.
  public var node: InstanceNode<Place>
  public var kinds: ChangeKinds

  public init(_ node: InstanceNode<Place>, _ kinds: ChangeKinds) {
    self.node = node
    self.kinds = kinds
  }
}
