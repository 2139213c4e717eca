/// A node of one `Schema`: its place in the schema's array of nodes. Numbers are given in schema order, depth first, so
/// the nodes below a node follow it without a gap. They mean nothing in another `Schema`.
public struct NodeID: RawRepresentable, Hashable, Sendable, Comparable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }
  public var index: Int { Int(rawValue) }
  init(_ index: Int) { rawValue = Int32(truncatingIfNeeded: index) }
  public static func < (a: NodeID, b: NodeID) -> Bool { a.rawValue < b.rawValue }
}

/// A module of one `Schema`: its place in the schema's array of modules.
public struct ModuleID: RawRepresentable, Hashable, Sendable, Comparable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  public var index: Int { Int(rawValue) }
  init(_ index: Int) { rawValue = UInt16(truncatingIfNeeded: index) }
  public static func < (a: ModuleID, b: ModuleID) -> Bool { a.rawValue < b.rawValue }
}

/// A choice of one `Schema`. Choices and cases are not nodes: they have no place in keypaths.
public struct ChoiceID: RawRepresentable, Hashable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }
  public var index: Int { Int(rawValue) }
  init(_ index: Int) { rawValue = Int32(truncatingIfNeeded: index) }
}

/// A case of a choice.
public struct CaseReference: Hashable, Sendable {
  public let choice: ChoiceID
  /// The place of the case in `SchemaChoice.cases`.
  public let index: Int

  public init(choice: ChoiceID, index: Int) {
    self.choice = choice
    self.index = index
  }
}
