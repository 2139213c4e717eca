/// A member of a node-set: an instance, or the text inside a leaf that `text()` selects.
public struct XPathItem<Node: AnyObject & Hashable>: Hashable {
  public var node: Node
  public var isText: Bool

  public init(_ node: Node, isText: Bool = false) {
    self.node = node
    self.isText = isText
  }
}

/// A value of one of the four types of XPath 1.0. Node-sets are in document order without duplicates.
public enum XPathValue<Node: AnyObject & Hashable> {
  case nodeSet([XPathItem<Node>])
  case number(Double)
  case string(String)
  case boolean(Bool)
}
