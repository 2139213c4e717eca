/// A path into the data tree, **root first** in memory always; the codecs turn it round where the wire wants it leaf
/// first (protocol part 02, section 5).
public struct Keypath: Hashable, Sendable, ExpressibleByArrayLiteral {
  public enum Element: Hashable, Sendable {
    /// A node.
    case tag(Tag)
    /// The keys of one list entry in schema order, or the value of one leaf-list entry. Empty only in move operations.
    case keys([Value])
    /// The n-th entry of a list, counted from 0. CDB read sessions only.
    case position(Int)
  }

  public var elements: [Element]

  public init(_ elements: [Element] = []) { self.elements = elements }

  public init(arrayLiteral elements: Element...) { self.elements = elements }

  /// The root of the data tree.
  public static var root: Keypath { Keypath() }

  public var isRoot: Bool { elements.isEmpty }

  public func appending(_ element: Element) -> Keypath { Keypath(elements + [element]) }

  public func appending(_ tag: Tag) -> Keypath { appending(.tag(tag)) }
}

extension Keypath: CustomStringConvertible {
  /// The path for people, for example `/ex:top/server{web 80}/port`; namespaces are shown as they are known here.
  public var description: String {
    guard !elements.isEmpty else { return "/" }
    var text = ""
    for element in elements {
      switch element {
      case .tag(let tag): text += "/\(tag)"
      case .keys(let keys): text += "{" + keys.map(\.plainText).joined(separator: " ") + "}"
      case .position(let index): text += "[\(index)]"
      }
    }
    return text
  }
}
