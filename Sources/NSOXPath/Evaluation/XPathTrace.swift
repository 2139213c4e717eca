internal import NSOModel
internal import NSOSchema
internal import Synchronization

/// Where evaluations are told in detail while somebody wants to know: the expression, its context node, what is read for it and the
/// kind of result. Values of data are not told. Shared between threads.
public final class XPathTrace: Sendable {
  /// Takes one line; must not wait.
  public typealias Sink = @Sendable (String) -> Void

  /// What is told of one evaluation at most.
  static let readLimit = 1000

  private let isOn = Atomic<Bool>(false)
  private let current = Mutex<Sink?>(nil)
  private let count = Atomic<UInt64>(0)

  public init() {}

  /// Nil: nothing is told, which costs nothing.
  public var sink: Sink? {
    get { isOn.load(ordering: .relaxed) ? current.withLock { $0 } : nil }
    set {
      current.withLock { $0 = newValue }
      isOn.store(newValue != nil, ordering: .releasing)
    }
  }

  /// Tells the lines of one evaluation from those of others at the same time.
  func nextNumber() -> UInt64 { count.add(1, ordering: .relaxed).newValue }
}

/// An evaluation that is told of.
struct TracedEvaluation {
  var number: UInt64
  var sink: XPathTrace.Sink
  var reads = 0

  func tell(_ text: String) { sink("\(number) \(text)") }
}

extension XPathEvaluator {
  /// Carries out an evaluation, and tells of it.
  func traced<R>(_ sink: @escaping XPathTrace.Sink, _ xpath: XPath, at node: Node, _ body: () throws -> R) throws -> R {
    let outer = tracing
    let evaluation = TracedEvaluation(number: references.trace.nextNumber(), sink: sink)
    evaluation.tell("evaluate \"\(xpath.source)\" at \(tree.path(of: node))")
    tracing = evaluation
    defer { tracing = outer }
    let left = stepsLeft
    do {
      let result = try body()
      let more = (tracing?.reads ?? 0) - XPathTrace.readLimit
      if more > 0 { evaluation.tell("and \(more) reads more") }
      evaluation.tell("\(Self.text(of: result)) after \(left - stepsLeft) steps")
      return result
    } catch {
      evaluation.tell("failed: \(error)")
      throw error
    }
  }

  func trace(_ read: XPathRead<Node>) {
    guard let evaluation = tracing else { return }
    tracing?.reads += 1
    guard evaluation.reads < XPathTrace.readLimit else { return }
    switch read {
    case .instances(let child, let parent, let keys):
      let place = tree.path(of: parent)
      evaluation.tell(
        "read \(place == "/" ? "" : place)/\(schema[child].name.name)"
          + (keys.isEmpty ? "" : "{\(keys.joined(separator: " "))}"))
    case .value(let node): evaluation.tell("read the value of \(tree.path(of: node))")
    }
  }

  private static func text<R>(of result: R) -> String {
    switch result {
    case let value as Value:
      switch value {
      case .nodeSet(let items): items.count == 1 ? "1 node" : "\(items.count) nodes"
      case .number: "a number"
      case .string: "a string"
      case .boolean(let flag): "\(flag)"
      }
    case let flag as Bool: "\(flag)"
    case is Double: "a number"
    case is String: "a string"
    default: "done"
    }
  }
}
