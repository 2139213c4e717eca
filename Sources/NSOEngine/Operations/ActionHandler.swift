public import NSOModel
public import NSOSchema
import Synchronization

/// One invocation of an action or rpc, its input checked and complete with defaults.
public struct ActionInvocation: Sendable {
  public let model: DataModel
  public let instance: OperationInstance
  /// Who invokes it.
  public let session: UserSession
  /// The transaction that the action may look at; nil: none.
  public let transaction: Transaction?
  /// In schema order; tags with a namespace where it differs from the node above.
  public let input: [TaggedValue]

  public init(
    model: DataModel, instance: OperationInstance, session: UserSession, transaction: Transaction?, input: [TaggedValue]
  ) {
    self.model = model
    self.instance = instance
    self.session = session
    self.transaction = transaction
    self.input = input
  }

  public var node: SchemaNode { model.schema[instance.node] }

  /// The name that `tailf:actionpoint` gives; nil without one.
  public var actionPoint: String? { node.extensions.first("actionpoint")?.argument }

  /// The opaque text of the action point.
  public var opaque: String? {
    node.extensions.first("actionpoint")?.substatements.first { $0.name == "opaque" }?.argument
  }

  /// The path for people.
  public var text: String { instance.text(model) }
}

/// Performs actions. The task is cancelled when the client that asked goes away, or its session ends: give up then.
public protocol ActionHandler: Sendable {
  /// - Returns: the output; it is checked against the schema.
  /// - Throws: what the client is told. EXTERNAL with words of the action when it fails.
  func perform(_ invocation: ActionInvocation) async throws(NSOError) -> [TaggedValue]
}

/// Who performs which action.
public final class ActionTable: Sendable {
  private struct State {
    var byPath: [String: any ActionHandler] = [:]
    var points: (any ActionHandler)?
  }

  private let state = Mutex(State())

  init() {}

  /// Actions of the daemon itself.
  /// - Parameter path: the schema path, as `Schema.path(of:)` gives it.
  public func setHandler(_ handler: (any ActionHandler)?, at path: String) {
    state.withLock { $0.byPath[path] = handler }
  }

  /// Who performs actions with an action point: the data providers.
  public func setPointHandler(_ handler: (any ActionHandler)?) {
    state.withLock { $0.points = handler }
  }

  /// - Throws: EXTERNAL when nobody performs the action.
  func handler(for invocation: ActionInvocation) throws(NSOError) -> any ActionHandler {
    let path = invocation.model.schema.path(of: invocation.instance.node)
    let (own, points) = state.withLock { ($0.byPath[path], $0.points) }
    if let own { return own }
    guard let point = invocation.actionPoint else {
      throw NSOError(
        .external,
        "\(invocation.text): nobody performs it: the model names no action point (tailf:actionpoint), and it is no action of the daemon"
      )
    }
    guard let points else {
      throw NSOError(
        .external, "\(invocation.text): no program is registered for action point \(point); start the one that performs it")
    }
    return points
  }
}
