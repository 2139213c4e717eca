public import NSOModel
public import NSOSchema

/// What is asked of the entries of a list, by the leafs below them: what can be told to whoever has the entries. A leaf is given as
/// the nodes that lead to it from the entry. A comparison with a node that does not exist does not hold.
public indirect enum EntryCondition: Hashable, Sendable {
  public enum Comparison: Hashable, Sendable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
  }

  case any([EntryCondition])
  case all([EntryCondition])
  case not(EntryCondition)
  /// With a value in canonical text form.
  case compares([NodeID], Comparison, String)
  case exists([NodeID])
  case startsWith([NodeID], String)
  /// With a regular expression of XML Schema.
  case matches([NodeID], String)
  case derives([NodeID], from: IdentityHash, orSelf: Bool)
}

/// A condition that all entries meet that somebody looks for.
public struct EntryHint: Hashable, Sendable {
  public var condition: EntryCondition
  /// Whoever meets it is one of those.
  public var isExact: Bool

  public init(_ condition: EntryCondition, isExact: Bool) {
    self.condition = condition
    self.isExact = isExact
  }
}

extension Comparison {
  var ofEntries: EntryCondition.Comparison {
    switch self {
    case .equal: .equal
    case .notEqual: .notEqual
    case .less: .less
    case .lessOrEqual: .lessOrEqual
    case .greater: .greater
    case .greaterOrEqual: .greaterOrEqual
    }
  }
}
