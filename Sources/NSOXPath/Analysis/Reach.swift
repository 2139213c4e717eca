public import NSOSchema

/// What an expression at one schema node can read: found without data, from the schema alone, and so more than any
/// single evaluation reads.
public struct XPathReads: Sendable {
  /// A schema node that is read, and how its instances lie to the context node.
  public struct Read: Hashable, Sendable {
    /// The node whose existence or value is looked at.
    public var node: NodeID
    /// The lowest ancestor of the context node that every instance read is below of: instances elsewhere do not matter
    /// to the context node. The context node's own schema node when the node read is the context node or below it; nil:
    /// the root, the instance read may be anywhere.
    public var anchor: NodeID?
    /// What the place of the instance read has in common with the context node besides the anchor.
    public var correlations: [Correlation]
  }

  /// A leaf near the context node has the same value as a key of the list entry that is read, as in
  /// `/interface[name = current()/../ifname]`, or as the leaf that is read, as in a leafref.
  public struct Correlation: Hashable, Sendable {
    public enum Subject: Hashable, Sendable {
      /// The key at this place of the list entry, at or above the node read.
      case key(list: NodeID, place: Int)
      /// The node read itself.
      case value
    }

    public var subject: Subject
    /// The leaf near the context node.
    public var leaf: NodeID
    /// The ancestor of the context node (or itself) that holds the leaf, with only containers in between.
    public var holder: NodeID?
  }

  public var reads: Set<Read> = []
  /// Whether nodes may be read that the schema does not tell (through an instance-identifier).
  public var readsAnything = false
  /// Whether the value depends on the context node itself and not only on what lies below the anchors.
  public var dependsOnPosition = false
  /// Steps that no data can ever match: places in the expression. Usually a slip in the module.
  public var impossibleSteps: [Int] = []
}

/// A set of instances as the analysis knows them: those of a schema node below an anchor.
struct Reach: Hashable {
  /// nil: the root.
  var node: NodeID?
  /// An ancestor of the context node, or itself; nil: the root. When it is `node`, exactly that instance is meant.
  var anchor: NodeID?
  var correlations: [XPathReads.Correlation] = []

  /// Whether it is the context node or one of its ancestors, one instance.
  var isExact: Bool { node == anchor }
}
