import Logging
public import NSOModel
public import NSOWire
import Synchronization

/// The part that one data provider has in one transaction: begun with NEW_TRANS when the first of its data is touched, ended
/// with CLOSE_TRANS (protocol part 05, section 6).
public final class ProviderTransaction: Sendable {
  private struct State {
    var opening: Task<Result<Int32, NSOError>, Never>?
    /// The worker that serves it, while it is open.
    var worker: Int32?
    var isClosed = false
    /// It has prepared a commit, and stays open until it was told how that ended, whatever becomes of the transaction.
    var isKept = false
    /// A phase was not answered.
    var isLost = false
    /// The callpoints that it is about, for texts.
    var points: Set<String> = []
  }

  public let instance: ProviderInstance
  public let handle: Int32
  public let session: UserSession
  public let database: DatabaseName
  public let mode: TransactionMode
  private let state = Mutex(State())

  init(_ instance: ProviderInstance, handle: Int32, session: UserSession, database: DatabaseName, mode: TransactionMode) {
    self.instance = instance
    self.handle = handle
    self.session = session
    self.database = database
    self.mode = mode
  }

  public var context: CallContext { CallContext(session: session.id) }

  /// The worker that serves this transaction; the client is told of session and transaction first, once.
  /// - Throws: what the client refused with; EXTERNAL when it is gone.
  public func worker() async throws(NSOError) -> Int32 {
    let opening: Task<Result<Int32, NSOError>, Never>? = state.withLock { state in
      if state.isClosed { return nil }
      if let opening = state.opening { return opening }
      let opening = Task { [self] () -> Result<Int32, NSOError> in
        do throws(NSOError) { return .success(try await open()) } catch { return .failure(error) }
      }
      state.opening = opening
      return opening
    }
    guard let opening else { throw NSOError(.noTransaction, "transaction \(handle) is finished") }
    return try await opening.value.get()
  }

  private func open() async throws(NSOError) -> Int32 {
    guard instance.transactionCallbacks.contains(.initialize) else {
      throw NSOError(
        .external, "\(instance.summary) registered no transaction callbacks, without which its data cannot be asked for")
    }
    try await instance.hold(session)
    do throws(NSOError) {
      let answer = try await instance.ask(
        .newTransaction(NewTransaction(database: database, session: session.id, mode: mode, handle: handle))
      ) { [self] in text("init") }
      guard case .opened(_, let worker) = answer else {
        throw NSOError(.external, "\(instance.summary) answered \(text("init")) with something else")
      }
      let isClosed = state.withLock { state in
        state.worker = worker
        return state.isClosed
      }
      // It was finished while the client was still asked.
      if isClosed { close() }
      return worker
    } catch {
      instance.release(session)
      throw error
    }
  }

  /// True from an accepted init to the end.
  public var isOpen: Bool { state.withLock { $0.worker != nil && !$0.isClosed } }

  /// One phase; none is sent that the client has no callback for.
  public func run(_ phase: TransactionPhase) async throws(NSOError) {
    guard instance.transactionCallbacks.contains(phase.callback) || phase == .close else { return }
    let worker = try await worker()
    let about: @Sendable () -> String = { [self] in text(phase.name) }
    let answer: ProviderReply.Content
    do throws(NSOError) {
      answer = try await instance.exchange(.phase(phase, handle: handle, context), worker: worker, about: about)
    } catch {
      state.withLock { $0.isLost = true }
      throw error
    }
    _ = try instance.checked(answer, about)
  }

  /// A phase was not answered: how far the client got is not known.
  var isLost: Bool { state.withLock { $0.isLost } }

  /// A callpoint whose data it is about.
  func note(point: String) { state.withLock { state in if !state.points.contains(point) { state.points.insert(point) } } }

  /// For texts: `prepare of transaction 7 (callpoint users)`.
  private func text(_ step: String) -> String {
    let points = state.withLock { $0.points.sorted() }
    let text = "\(step) of transaction \(handle)"
    return points.isEmpty ? text : "\(text) (callpoint \(points.joined(separator: ", ")))"
  }

  /// Asks for one callback at a point.
  /// - Parameter place: the path, for error texts.
  /// - Throws: what the client answered; EXTERNAL when the answer is none of this callback.
  public func call(
    _ served: ProviderRegistry.Served, _ point: PointName, _ call: CallbackCall, at place: @escaping @Sendable () -> String
  ) async throws(NSOError) -> CallbackResult {
    note(point: point.name)
    let worker = try await worker()
    let request = CallbackRequest(
      handle: handle, point: point, index: served.registration.index, context: context, call)
    return try await instance.result(of: request, worker: worker, at: place, kind: served.registration.kind)
  }

  /// A commit is being prepared: from here on only ``close(afterCommit:)`` of whoever carries it out is the end.
  /// - Throws: NOTRANS when the transaction is finished.
  func keep() throws(NSOError) {
    let isClosed = state.withLock { state in
      if !state.isClosed { state.isKept = true }
      return state.isClosed
    }
    if isClosed { throw NSOError(.noTransaction, "transaction \(handle) is finished") }
  }

  /// The end: CLOSE_TRANS, if the client knows the transaction. Does not wait.
  /// - Parameter afterCommit: the client knows how the commit ended that it had prepared.
  func close(afterCommit: Bool = false) {
    let worker: Int32? = state.withLock { state in
      guard afterCommit || !state.isKept else { return nil }
      state.isClosed = true
      defer { state.worker = nil }
      return state.worker
    }
    guard let worker else { return }
    let (instance, handle, context, session) = (instance, handle, context, session)
    Task {
      do throws(NSOError) {
        _ = try await instance.ask(.phase(.close, handle: handle, context), worker: worker) {
          "finish of transaction \(handle)"
        }
      } catch {
        instance.note(error, "finish of transaction \(handle)")
      }
      instance.release(session)
    }
  }
}

extension ProviderInstance {
  /// The answer of one callback.
  /// - Throws: what the client answered; EXTERNAL when the answer is none of this callback.
  public func result(
    of request: CallbackRequest, worker: Int32, within limit: Duration? = nil, at place: @escaping @Sendable () -> String,
    kind: RegistrationKind
  ) async throws(NSOError) -> CallbackResult {
    let name = request.call.type?.name ?? "callback \(request.call.number)"
    let point = "\(kind.pointName) \(request.point.name)"
    let about: @Sendable () -> String = { "\(name) of \(point) for \(place())" }
    let content = try await ask(.callback(request), worker: worker, within: limit, about: about)
    guard case .result(let term) = content, let type = request.call.type else { throw noAnswer(about()) }
    do { return try CallbackResult(term, for: type) } catch { throw noAnswer("\(about())", ": \(error)") }
  }

  private func noAnswer(_ about: String, _ reason: String = "") -> NSOError {
    let text = "\(summary) answered \(about) with something that is no answer to it\(reason)"
    report(text)
    return NSOError(.external, ProviderText.cut(text))
  }

  /// - Parameter about: what was asked.
  func note(_ error: NSOError, _ about: String) { log.info("\(summary): \(about): \(ProviderText.shown(error.message))") }
}

extension TransactionPhase {
  /// The bit that a client sets when it has a callback for the phase.
  public var callback: TransactionCallbacks {
    switch self {
    case .lock: .lock
    case .unlock: .unlock
    case .writeStart: .writeStart
    case .prepare: .prepare
    case .abort: .abort
    case .commit: .commit
    case .close: .finish
    }
  }
}

/// The parts of all data providers in one transaction.
public final class ProviderTransactions: Sendable {
  private struct State {
    var parts: [Int32: ProviderTransaction] = [:]
    var isClosed = false
    var endings: [UInt64: @Sendable () -> Void] = [:]
    var next: UInt64 = 0
  }

  private let handle: Int32
  private let session: UserSession
  private let database: DatabaseName
  private let mode: TransactionMode
  private let state = Mutex(State())

  init(handle: Int32, session: UserSession, database: DatabaseName, mode: TransactionMode) {
    self.handle = handle
    self.session = session
    self.database = database
    self.mode = mode
  }

  /// The part of one client; nothing is sent yet.
  /// - Throws: NOTRANS when the transaction is finished.
  public func part(of instance: ProviderInstance) throws(NSOError) -> ProviderTransaction {
    let part: ProviderTransaction? = state.withLock { state in
      if let part = state.parts[instance.id] { return part }
      guard !state.isClosed else { return nil }
      let part = ProviderTransaction(instance, handle: handle, session: session, database: database, mode: mode)
      state.parts[instance.id] = part
      return part
    }
    guard let part else { throw NSOError(.noTransaction, "transaction \(handle) is finished") }
    return part
  }

  /// Those that have begun, in the order of their instances.
  public var open: [ProviderTransaction] {
    state.withLock { $0.parts.values.filter(\.isOpen).sorted { $0.instance.id < $1.instance.id } }
  }

  /// The part is over; another one begins when the data is touched again.
  func end(_ part: ProviderTransaction) {
    state.withLock { state in
      if state.parts[part.instance.id] === part { state.parts[part.instance.id] = nil }
    }
    part.close(afterCommit: true)
  }

  func close() {
    let (parts, endings) = state.withLock { state in
      state.isClosed = true
      defer {
        state.parts = [:]
        state.endings = [:]
      }
      return (Array(state.parts.values), Array(state.endings.values))
    }
    for ending in endings { ending() }
    for part in parts { part.close() }
  }

  var isOpen: Bool { state.withLock { !$0.isClosed } }

  private var finished: NSOError { NSOError(.noTransaction, "transaction \(handle) is finished") }

  /// Waits for `body`, but no longer than the transaction is there, and the task is not cancelled; `body` is cancelled then.
  func whileOpen<T: Sendable>(_ body: @escaping @Sendable () async throws(NSOError) -> T) async throws(NSOError) -> T {
    let first = FirstAnswer<T>()
    let token: UInt64? = state.withLock { state in
      guard !state.isClosed else { return nil }
      state.next &+= 1
      let finished = finished
      state.endings[state.next] = { first.give(.failure(finished)) }
      return state.next
    }
    guard let token else { throw finished }
    let work = Task {
      do throws(NSOError) { first.give(.success(try await body())) } catch { first.give(.failure(error)) }
    }
    let answer = await withTaskCancellationHandler {
      await first.answer
    } onCancel: {
      first.give(.failure(ProviderWait.Patience.error))
    }
    state.withLock { _ = $0.endings.removeValue(forKey: token) }
    work.cancel()
    return try answer.get()
  }
}
