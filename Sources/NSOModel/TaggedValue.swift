/// One pair of a tagged value list (protocol part 02, section 7.2).
public struct TaggedValue: Hashable, Sendable {
  public enum Content: Hashable, Sendable {
    /// A leaf or leaf-list. `.notFound` and `.defaultInEffect` included.
    case value(Value)
    /// Begin of a container or list entry; key leafs follow first.
    case start
    /// Begin of the n-th list entry, CDB reads only.
    case startAt(Int)
    /// End; the same tag as its begin.
    case stop
    /// A leaf of type empty that exists.
    case leaf
    /// Begin of a list entry to be, or that was, deleted: keys, then stop.
    case delete
    /// Modifications only, after the keys of an entry of a list ordered by user: it is the first one now.
    case movedFirst
    /// As that: it follows the entry whose keys follow now.
    case movedAfter
  }

  public var tag: Tag
  public var content: Content

  public init(_ tag: Tag, _ content: Content) {
    self.tag = tag
    self.content = content
  }

  public init(_ tag: Tag, _ value: Value) { self.init(tag, .value(value)) }
}

/// Number of a node attribute (protocol part 02, section 8).
public struct AttributeNumber: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var inactive: Self { Self(rawValue: 0) }
  public static var tags: Self { Self(rawValue: 0x8000_0000) }
  public static var annotation: Self { Self(rawValue: 0x8000_0001) }
  public static var refcount: Self { Self(rawValue: 0x8000_0002) }
  public static var backpointer: Self { Self(rawValue: 0x8000_0003) }
  public static var when: Self { Self(rawValue: 0x8000_0004) }
  public static var originalValue: Self { Self(rawValue: 0x8000_0005) }
  public static var origin: Self { Self(rawValue: 0x8000_0007) }
  public static var outOfBand: Self { Self(rawValue: 0x8000_0010) }
}

/// An attribute of a configuration node.
public struct Attribute: Hashable, Sendable {
  public var number: AttributeNumber
  public var value: Value

  public init(_ number: AttributeNumber, _ value: Value) {
    self.number = number
    self.value = value
  }
}
