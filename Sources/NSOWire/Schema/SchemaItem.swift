public import ExternalTerm
import NIOCore
public import NSOModel
import NSOTerms

/// One term of the stream by which a client loads the schema (protocol part 07): `( ns ( type | node )* end )* eof`.
public enum SchemaItem: Hashable, Sendable {
  case namespace(Namespace)
  case type(TypeDefinition)
  case node(Node)
  case endOfNamespace
  case endOfSchema
}

extension SchemaItem {
  /// 4.1: the head of a namespace.
  public struct Namespace: Hashable, Sendable {
    public var uri: String
    public var prefix: String
    public var hash: UInt32
    /// Date of the latest revision.
    public var revision: String?
    /// Nil: not a YANG module.
    public var module: String?

    public init(uri: String, prefix: String, hash: UInt32? = nil, revision: String? = nil, module: String? = nil) {
      self.uri = uri
      self.prefix = prefix
      self.hash = hash ?? NameHash.hash(uri)
      self.revision = revision
      self.module = module
    }
  }

  /// 4.3: a schema node.
  public struct Node: Hashable, Sendable {
    /// Root first here, leaf first on the wire; the top element is plain, the namespace is the one being sent.
    public var path: [Tag]
    /// Nil for nodes without value.
    public var type: TypeReference?
    /// Type number N of the value.
    public var primitive: Int?
    public var defaultValue: Value?
    public var minOccurs: Int
    /// Nil: unbounded.
    public var maxOccurs: Int?
    /// Data children in schema order.
    public var children: [Child]
    /// Key leafs of a list, in key order.
    public var keys: [String]
    public var flags: Flags
    public var actions: [Tag]
    public var order: ListOrder
    public var notifications: [Tag]
    public var metaData: [MetaData]
    /// For nodes below a mount point; the form is not known.
    public var mountID: EncodedTerm?

    public struct MetaData: Hashable, Sendable {
      public var key: String
      public var value: String?

      public init(_ key: String, _ value: String?) {
        self.key = key
        self.value = value
      }
    }

    public init(
      _ path: [Tag], type: TypeReference? = nil, primitive: Int? = nil, defaultValue: Value? = nil, minOccurs: Int = 0,
      maxOccurs: Int? = 1, children: [Child] = [], keys: [String] = [], flags: Flags = [], actions: [Tag] = [],
      order: ListOrder = .normal, notifications: [Tag] = [], metaData: [MetaData] = []
    ) {
      self.path = path
      self.type = type
      self.primitive = primitive
      self.defaultValue = defaultValue
      self.minOccurs = minOccurs
      self.maxOccurs = maxOccurs
      self.children = children
      self.keys = keys
      self.flags = flags
      self.actions = actions
      self.order = order
      self.notifications = notifications
      self.metaData = metaData
    }
  }

  /// 4.4: a child of a node; choices hold theirs.
  public indirect enum Child: Hashable, Sendable {
    case node(Tag)
    case choice(Choice)
  }

  public struct Choice: Hashable, Sendable {
    public struct Case: Hashable, Sendable {
      public var name: Tag
      public var children: [Child]

      public init(_ name: Tag, _ children: [Child]) {
        self.name = name
        self.children = children
      }
    }

    public var name: Tag
    public var cases: [Case]
    public var defaultCase: Tag?
    public var isMandatory: Bool

    public init(_ name: Tag, cases: [Case], defaultCase: Tag? = nil, isMandatory: Bool = false) {
      self.name = name
      self.cases = cases
      self.defaultCase = defaultCase
      self.isMandatory = isMandatory
    }
  }

  /// 5: flags of a node.
  public struct Flags: OptionSet, Hashable, Sendable {
    public var rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static var list: Self { Self(rawValue: 1) }
    public static var write: Self { Self(rawValue: 2) }
    public static var cdb: Self { Self(rawValue: 4) }
    public static var action: Self { Self(rawValue: 8) }
    public static var parameter: Self { Self(rawValue: 16) }
    public static var result: Self { Self(rawValue: 32) }
    public static var notification: Self { Self(rawValue: 64) }
    public static var inCase: Self { Self(rawValue: 128) }
    public static var container: Self { Self(rawValue: 256) }
    public static var hasWhen: Self { Self(rawValue: 512) }
    public static var hasDisplayWhen: Self { Self(rawValue: 1024) }
    public static var metaData: Self { Self(rawValue: 2048) }
    public static var writeAll: Self { Self(rawValue: 4096) }
    public static var leafList: Self { Self(rawValue: 8192) }
    public static var leafref: Self { Self(rawValue: 16384) }
    public static var hasMountPoint: Self { Self(rawValue: 32768) }
    public static var stringAsBinary: Self { Self(rawValue: 65536) }
  }

  /// 5: how the entries of a list are ordered.
  public enum ListOrder: Int, Hashable, Sendable {
    case normal = 0
    case snmpLexicographic = 1
    case snmpImplied = 2
    case user = 3
    case unsorted = 4
  }
}
