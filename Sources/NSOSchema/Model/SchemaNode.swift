public import NSOModel

/// A node of the schema tree: what is there, what it may hold, and how. Immutable. Choices, cases, `input` and `output`
/// are not nodes; see `members`, `caseReference` and the flags.
public final class SchemaNode: Sendable {
  public enum Kind: UInt8, Hashable, Sendable {
    case container, list, leaf, leafList, action, rpc, notification, anydata, anyxml
  }

  public struct Flags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Configuration (`config true`) and not below an action or notification.
    public static var config: Flags { Flags(rawValue: 1 << 0) }
    /// `mandatory true` of a leaf or anydata; a key.
    public static var mandatory: Flags { Flags(rawValue: 1 << 1) }
    /// A presence container.
    public static var presence: Flags { Flags(rawValue: 1 << 2) }
    /// `ordered-by user`.
    public static var orderedByUser: Flags { Flags(rawValue: 1 << 3) }
    /// A leaf that is a key of its list.
    public static var key: Flags { Flags(rawValue: 1 << 4) }
    /// At or below the input of an action or rpc.
    public static var input: Flags { Flags(rawValue: 1 << 5) }
    /// At or below the output of an action or rpc.
    public static var output: Flags { Flags(rawValue: 1 << 6) }
    /// Below a notification.
    public static var inNotification: Flags { Flags(rawValue: 1 << 7) }
    /// Directly in a case.
    public static var inCase: Flags { Flags(rawValue: 1 << 8) }
    /// Has `when` conditions, its own or taken from around it.
    public static var hasWhen: Flags { Flags(rawValue: 1 << 9) }
    /// A leaf or leaf-list whose type is a leafref.
    public static var leafref: Flags { Flags(rawValue: 1 << 10) }
    /// Operational data that the daemon stores itself (`tailf:cdb-oper`), here or at a node above.
    public static var storedOperational: Flags { Flags(rawValue: 1 << 11) }
    /// Something mandatory is inside, so a non-presence container with this flag must be looked into.
    public static var mandatoryInside: Flags { Flags(rawValue: 1 << 12) }
    /// A leaf of type empty, which has no value.
    public static var empty: Flags { Flags(rawValue: 1 << 13) }
    /// A configuration node that has defaults at or below it without a list, or presence container in between.
    public static var defaultsInside: Flags { Flags(rawValue: 1 << 14) }
    /// A node with `must` statements.
    public static var hasMust: Flags { Flags(rawValue: 1 << 15) }
  }

  /// A child in schema order with the choices in their places.
  public enum Member: Hashable, Sendable {
    case node(NodeID)
    case choice(ChoiceID)
  }

  public let id: NodeID
  public let kind: Kind
  public let flags: Flags
  public let status: SchemaStatus
  /// The module that defines the node (the augmenting one for augmented nodes).
  public let module: ModuleID
  /// The data parent; nil at the top. Choices, cases, `input` and `output` are skipped.
  public let parent: NodeID?
  /// One past the last node below this one: the nodes below are `id.index + 1 ..< subtreeEnd.index`.
  public let subtreeEnd: NodeID
  public let name: QName
  /// Data children in schema order, those of choices in their places; of an action or rpc: input, then output.
  public let children: [NodeID]
  /// The keys of a list in key order.
  public let keys: [NodeID]
  /// The type of a leaf or of the entries of a leaf-list.
  public let type: SchemaType?
  public let description: String?
  let rare: Rare?

  /// What few nodes have.
  final class Rare: Sendable {
    let members: [Member]
    let actions: [NodeID]
    let notifications: [NodeID]
    let defaults: [Value]
    let units: String?
    let presence: String?
    let minElements: UInt32
    let maxElements: UInt32?
    let musts: [Must]
    let inputMusts: [Must]
    let outputMusts: [Must]
    let whens: [When]
    let uniques: [[NodeID]]
    let caseReference: CaseReference?
    let extensions: [ExtensionStatement]

    init(
      members: [Member], actions: [NodeID], notifications: [NodeID], defaults: [Value], units: String?, presence: String?,
      minElements: UInt32, maxElements: UInt32?, musts: [Must], inputMusts: [Must], outputMusts: [Must], whens: [When],
      uniques: [[NodeID]], caseReference: CaseReference?, extensions: [ExtensionStatement]
    ) {
      self.members = members
      self.actions = actions
      self.notifications = notifications
      self.defaults = defaults
      self.units = units
      self.presence = presence
      self.minElements = minElements
      self.maxElements = maxElements
      self.musts = musts
      self.inputMusts = inputMusts
      self.outputMusts = outputMusts
      self.whens = whens
      self.uniques = uniques
      self.caseReference = caseReference
      self.extensions = extensions
    }

    /// Nothing in it: the node needs none.
    var isBare: Bool {
      members.isEmpty && actions.isEmpty && notifications.isEmpty && defaults.isEmpty && units == nil && presence == nil
        && minElements == 0 && maxElements == nil && musts.isEmpty && inputMusts.isEmpty && outputMusts.isEmpty
        && whens.isEmpty && uniques.isEmpty && caseReference == nil && extensions.isEmpty
    }
  }

  init(
    id: NodeID, kind: Kind, flags: Flags, status: SchemaStatus, module: ModuleID, parent: NodeID?, subtreeEnd: NodeID,
    name: QName, children: [NodeID], keys: [NodeID], type: SchemaType?, description: String?, rare: Rare?
  ) {
    self.id = id
    self.kind = kind
    self.flags = flags
    self.status = status
    self.module = module
    self.parent = parent
    self.subtreeEnd = subtreeEnd
    self.name = name
    self.children = children
    self.keys = keys
    self.type = type
    self.description = description
    self.rare = rare
  }
}

extension SchemaNode {
  /// Configuration data: writable in the running data store.
  public var isConfig: Bool { flags.contains(.config) }
  public var isKey: Bool { flags.contains(.key) }
  public var isPresence: Bool { flags.contains(.presence) }
  public var isMandatory: Bool { flags.contains(.mandatory) }
  public var isOrderedByUser: Bool { flags.contains(.orderedByUser) }
  /// A leaf of type empty: created and deleted, never given a value.
  public var isEmptyLeaf: Bool { flags.contains(.empty) }
  /// A list without keys (operational data): its entries are known by a pseudo key of type int64.
  public var isKeyless: Bool { kind == .list && keys.isEmpty }

  /// As `children`, with choices in their places.
  public var members: [Member] {
    if let members = rare?.members, !members.isEmpty { return members }
    return children.map { .node($0) }
  }
  public var actions: [NodeID] { rare?.actions ?? [] }
  public var notifications: [NodeID] { rare?.notifications ?? [] }
  /// The default of a leaf, its own or that of its type; nil without one.
  public var defaultValue: Value? { kind == .leaf ? rare?.defaults.first : nil }
  /// The defaults of a leaf-list; of a leaf at most one.
  public var defaults: [Value] { rare?.defaults ?? [] }
  public var units: String? { rare?.units }
  /// The argument of `presence`.
  public var presence: String? { rare?.presence }
  /// Of lists and leaf-lists.
  public var minElements: UInt32 { rare?.minElements ?? 0 }
  /// Of lists and leaf-lists; nil is unbounded.
  public var maxElements: UInt32? { rare?.maxElements }
  public var musts: [Must] { rare?.musts ?? [] }
  /// `must` statements of the input and of the output of an action or rpc.
  public var inputMusts: [Must] { rare?.inputMusts ?? [] }
  public var outputMusts: [Must] { rare?.outputMusts ?? [] }
  public var whens: [When] { rare?.whens ?? [] }
  /// `unique` statements of a list: the leafs of each.
  public var uniques: [[NodeID]] { rare?.uniques ?? [] }
  /// The innermost case that holds the node.
  public var caseReference: CaseReference? { rare?.caseReference }
  /// Extension statements at the node, in the order written.
  public var extensions: [ExtensionStatement] { rare?.extensions ?? [] }

  /// The type number N of the node's values in the schema stream and in the C API (protocol part 07, section 4.3):
  /// 31 for a leaf-list, 35 for a union; nil for nodes without value. A leaf of type empty is 2.
  public var typeNumber: Int? {
    switch kind {
    case .leaf: isEmptyLeaf ? 2 : type?.typeNumber
    case .leafList: 31
    default: nil
    }
  }
}
