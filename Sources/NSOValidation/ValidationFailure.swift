public import NSOModel

/// A rule of the schema that the data breaks.
public struct ValidationFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// The node at fault.
  public var path: Keypath
  /// Code, text and error-app-tag as they travel to clients (protocol part 04, section 7.5).
  public var error: NSOError

  public init(path: Keypath, error: NSOError) {
    self.path = path
    self.error = error
  }

  public var description: String { error.description }
}

/// What validation found and did.
public struct ValidationOutcome<Node> {
  /// In the order of the schema; at most as many as were asked for.
  public var failures: [ValidationFailure] = []
  /// What was removed from the storage because a `when` condition no longer holds, in the order of removal.
  public var removed: [Node] = []
  /// How many checks were made: a measure of the work.
  public var checks = 0
}
