public import NSOSchema
internal import Synchronization

/// The path of a leafref, and the same path asking only for nodes that have a given value: then an entry whose key is
/// referred to is looked up.
public struct LeafrefPath: Sendable {
  /// The path as written.
  public let path: XPath
  let lookup: XPath

  static let variable = "value"

  init(_ expression: XPathExpression) throws(XPathError) {
    path = try XPath(expression)
    lookup = path.narrowed(to: .variable(Self.variable, offset: 0))
  }

  init(path: XPath, lookup: XPath) {
    self.path = path
    self.lookup = lookup
  }
}

extension XPath {
  /// The expression with `[. = value]` at the end and, where the last step may be the key of a list, with the value as a
  /// key of the step before.
  fileprivate func narrowed(to value: Syntax) -> XPath {
    guard case .path(var path) = syntax else { return self }
    let here = Syntax.path(LocationPath(start: .context, steps: [], walk: WalkPlan()))
    let condition = Predicate(.comparison(.equal, here, value))
    guard var last = path.steps.popLast() else { return self }
    last.predicates.append(condition)
    if !last.predicates.contains(where: \.isPositional) { last.equalities.append(KeyEquality(child: nil, value: value)) }
    if var list = path.steps.popLast() {
      if last.axis == .child, last.predicates.count == 1, case .name(let test) = last.test, test.local != nil,
        !list.predicates.contains(where: \.isPositional)
      {
        list.equalities.append(KeyEquality(child: test, value: value))
      }
      path.steps.append(list)
    }
    path.steps.append(last)
    var result = XPath(source: source, namespaces: namespaces, limits: limits, syntax: .path(path), stepCount: stepCount)
    result.resolutions = resolutions
    return result
  }
}

/// Compiled leafref paths of one schema, made when they are first needed. Shared between threads.
public final class LeafrefPaths: Sendable {
  private struct Key: Hashable {
    var text: String
    var prefixes: ObjectIdentifier
  }

  private let known = Mutex<[Key: LeafrefPath]>([:])
  /// Is told of the evaluations over the schema.
  public let trace: XPathTrace

  public init(trace: XPathTrace = XPathTrace()) { self.trace = trace }

  /// The compiled form of a leafref's path.
  public func path(_ expression: XPathExpression) throws(XPathError) -> LeafrefPath {
    let key = Key(text: expression.text, prefixes: ObjectIdentifier(expression.prefixes))
    if let path = known.withLock({ $0[key] }) { return path }
    let path = try LeafrefPath(expression)
    known.withLock { $0[key] = path }
    return path
  }
}
