public import NSOModel
public import NSOStore

/// What an upgrade of the schema means for the data, known before anything is changed. Names nodes and counts records; has no
/// values, which may be secret.
public struct UpgradeReport: Sendable, Hashable {
  /// Data that goes because the new schema has no place for it.
  public struct Loss: Sendable, Hashable {
    /// The node, by the old schema, without keys.
    public var path: String
    public var space: Space
    public var reason: String
    /// How many values, entries and presence containers.
    public var count: Int
  }

  /// In the order in which the data lies.
  public private(set) var losses: [Loss] = []
  /// What keeps the upgrade from being committed: values that do not fit, broken rules. The first ones.
  public private(set) var problems: [NSOError] = []
  /// Namespaces that are new, and those that are gone.
  public internal(set) var addedModules: [String] = []
  public internal(set) var removedModules: [String] = []
  /// Where initial data of the new ones was loaded from.
  public internal(set) var initialData: [String] = []

  private static let problemLimit = 20

  /// Nothing is lost, nothing is in the way.
  public var isClean: Bool { losses.isEmpty && problems.isEmpty }

  mutating func note(_ path: String, _ space: Space, _ reason: String) {
    // Records of one node come one after another, mixed only with those of its neighbours.
    if let index = losses.lastIndex(where: { $0.path == path && $0.space == space && $0.reason == reason }) {
      losses[index].count += 1
    } else {
      losses.append(Loss(path: path, space: space, reason: reason, count: 1))
    }
  }

  mutating func note(problem: NSOError) {
    guard problems.count < Self.problemLimit, !problems.contains(problem) else { return }
    problems.append(problem)
  }

  /// The report for people, one line a finding; empty when there is none. `ncs_cmd -c upgrade` shows it.
  public var text: String {
    var lines: [String] = []
    for module in addedModules { lines.append("new module: \(module)") }
    for module in removedModules { lines.append("module goes: \(module)") }
    for file in initialData { lines.append("loads initial data: \(file)") }
    for loss in losses {
      let place = loss.space == .running ? "" : " (\(loss.space))"
      lines.append("drops \(loss.path)\(place): \(loss.count) \(loss.count == 1 ? "record" : "records"), \(loss.reason)")
    }
    for problem in problems { lines.append("refused: \(problem)") }
    return lines.map { $0 + "\n" }.joined()
  }
}
