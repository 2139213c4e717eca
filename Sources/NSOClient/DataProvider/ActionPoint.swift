public import NSOModel
public import NSOWire

/// One invocation of an action or rpc.
public struct ActionCall: Sendable {
  public let name: Tag
  /// The node that holds the action; the root for an rpc.
  public let path: Keypath
  /// In schema order, defaults included.
  public let input: [TaggedValue]
  public let call: ProviderCall

  /// The first value with this name at the top of the input.
  public func value(_ name: String) -> Value? {
    var depth = 0
    for pair in input {
      switch pair.content {
      case .start, .startAt, .delete: depth += 1
      case .stop: depth -= 1
      case .value(let value) where depth == 0 && pair.tag.name == name: return value
      case .leaf where depth == 0 && pair.tag.name == name: return .empty
      default: break
      }
    }
    return nil
  }

  /// Asks the daemon to wait that long from now on.
  public func extendTimeLimit(_ seconds: Int) async throws { try await call.extendTimeLimit(seconds) }
}

/// What a type offers at an action point.
public protocol ActionPerformer: Sendable {
  /// Performs the action. When the daemon aborts it, because the user did or went away, the task is cancelled: end soon then.
  /// - Returns: the output; empty without.
  /// - Throws: ``CallbackError``; any other error travels as its words.
  func perform(_ action: ActionCall) async throws -> [TaggedValue]

  /// A command of the CLI with this action point: its name and words.
  func run(_ command: String, _ arguments: [String], _ call: ProviderCall) async throws -> [String]

  /// Completions for a parameter in the CLI; nil: this point completes nothing.
  func completions(_ request: CompletionCall, _ call: ProviderCall) async throws -> [Completion]

  /// Whether ``completions(_:_:)`` is to be called.
  var completes: Bool { get }
}

extension ActionPerformer {
  public func run(_ command: String, _ arguments: [String], _ call: ProviderCall) async throws -> [String] {
    throw CallbackError(.internal, "\(call.point) has no command \(command)")
  }

  public func completions(_ request: CompletionCall, _ call: ProviderCall) async throws -> [Completion] { [] }

  public var completes: Bool { false }
}

/// An action by a closure.
struct ActionClosure: ActionPerformer {
  let body: @Sendable (ActionCall) async throws -> [TaggedValue]

  func perform(_ action: ActionCall) async throws -> [TaggedValue] { try await body(action) }
}
