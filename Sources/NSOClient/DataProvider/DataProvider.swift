public import NSOModel
public import NSOWire

/// What a program serves for the daemon: data, validation, actions, authentication, notification streams (protocol part 05).
/// A value; it is put to work by ``NSOClient/serve(_:reconnecting:onEvent:)``.
///
/// ```swift
/// var provider = DataProvider(name: "weather")
/// provider.data("weather-cp", DataClosures { path, _ in try station.value(at: path) })
/// provider.action("reset-cp") { action in
///   try await station.reset(after: action.value("delay"))
///   return [TaggedValue("result", .string("done"))]
/// }
/// try await client.serve(provider)
/// ```
public struct DataProvider: Sendable {
  /// What stands behind one registration.
  enum Handler: Sendable {
    case data(any DataCallbackHandler)
    case validation(any ConfigurationValidator)
    case action(any ActionPerformer, hasOwnWorker: Bool)
    case authentication(@Sendable (AuthenticationQuery) async throws -> AuthenticationAnswer)
    case stream(NotificationStream)
  }

  struct Registration: Sendable {
    var kind: RegistrationKind
    var name: String
    var mask: UInt32
    /// Nil: for everything at the point.
    var range: KeyRange?
    var handler: Handler
  }

  /// How the daemon names this program in its status and logs.
  public var name: String
  /// ``InstanceFlags/sendsPaths`` is always set.
  public var flags: InstanceFlags = .sendsPaths
  /// How many connections carry requests; the daemon has one request at a time under way on each.
  public var workers = 2
  /// What is done in the phases of transactions; operational data needs nothing.
  public var transactions: (any TransactionHandler)?
  /// What is asked about the configuration as a whole: locks, startup.
  public var database: (any DatabaseHandler)?
  private(set) var registrations: [Registration] = []

  public init(name: String) { self.name = name }

  /// Serves the data of a callpoint.
  /// - Parameter range: only the entries with these keys; others may be served by another program, or by another handler.
  public mutating func data(_ callpoint: String, in range: KeyRange? = nil, _ handler: any DataCallbackHandler) {
    add(.data, callpoint, handler.callbacks.rawValue, range, .data(handler))
  }

  /// Checks configuration at a validation point.
  public mutating func validation(_ point: String, in range: KeyRange? = nil, _ validator: any ConfigurationValidator) {
    add(.validation, point, 0, range, .validation(validator))
  }

  public mutating func validation(
    _ point: String, in range: KeyRange? = nil,
    _ body: @escaping @Sendable (ValidationCall) async throws -> ValidationAnswer
  ) {
    validation(point, in: range, ValidationClosure(body: body))
  }

  /// Performs the actions of an action point.
  /// - Parameters:
  ///   - range: only those of the entries with these keys.
  ///   - ownWorker: each action has a connection of its own while it runs, so that it does not keep others waiting.
  public mutating func action(
    _ point: String, in range: KeyRange? = nil, ownWorker: Bool = true, _ performer: any ActionPerformer
  ) {
    var mask: ActionCallbacks = [.initialize, .abort, .action, .command]
    if performer.completes { mask.insert(.completion) }
    add(.action, point, mask.rawValue, range, .action(performer, hasOwnWorker: ownWorker))
  }

  public mutating func action(
    _ point: String, in range: KeyRange? = nil, ownWorker: Bool = true,
    _ body: @escaping @Sendable (ActionCall) async throws -> [TaggedValue]
  ) {
    action(point, in: range, ownWorker: ownWorker, ActionClosure(body: body))
  }

  /// Has a say in logins, after the daemon's own authentication (protocol part 05, section 11.1).
  public mutating func authentication(
    _ body: @escaping @Sendable (AuthenticationQuery) async throws -> AuthenticationAnswer
  ) {
    add(.authentication, "auth", 0, nil, .authentication(body))
  }

  /// Feeds a notification stream.
  public mutating func stream(_ stream: NotificationStream) {
    let mask: StreamCallbacks = stream.log == nil ? [] : [.logTimes, .replay]
    add(.stream, stream.name, mask.rawValue, nil, .stream(stream))
  }

  /// What was said of the same point before is replaced; ranges of one list stand side by side.
  private mutating func add(
    _ kind: RegistrationKind, _ name: String, _ mask: UInt32, _ range: KeyRange?, _ handler: Handler
  ) {
    registrations.removeAll {
      $0.kind == kind && $0.name == name && ($0.range == range || $0.range?.list != range?.list)
    }
    registrations.append(Registration(kind: kind, name: name, mask: mask, range: range, handler: handler))
  }

  /// Whether transactions have to be announced: for data callbacks they must (protocol part 05, section 4.4).
  var transactionHandler: (any TransactionHandler)? {
    if let transactions { return transactions }
    let hasData = registrations.contains { if case .data = $0.handler { true } else { false } }
    return hasData ? ReadOnlyTransactions() : nil
  }
}

/// What happens to a provider while it is served.
public enum ProviderEvent: Sendable {
  /// The daemon knows the provider from now on; the number is that of the client instance.
  case registered(instance: Int32)
  /// The connection is gone; with reconnecting it is made anew after the delay.
  case lost(any Error)
}

/// When a lost connection is made anew.
public struct Reconnection: Sendable {
  /// The first delay; doubled with each failure up to `longest`.
  public var first: Duration
  public var longest: Duration

  public init(first: Duration = .milliseconds(100), longest: Duration = .seconds(5)) {
    self.first = first
    self.longest = longest
  }
}
