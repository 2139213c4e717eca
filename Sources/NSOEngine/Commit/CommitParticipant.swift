public import NSOModel
public import NSOStore
import Synchronization

/// Whoever has a say in, or takes part in, commits to running: hooks, validation points, data providers, subscribers, the
/// history, event listeners. The engine asks its participants in the order of their ``CommitStage``, one after the other, and knows
/// nothing else of them. One commit is under way at a time, from ``validate(_:)`` to ``commit(_:_:)``.
///
/// What a commit does, and what is called:
///
/// | Step | Called | A failure |
/// |---|---|---|
/// | hooks | ``completeChanges(of:)`` | refuses the transaction; ``validationEnded(_:)`` |
/// | constraints of the schema, then | ``validate(_:)`` | refuses the transaction; ``validationEnded(_:)`` |
/// | conflict check, then | ``prepare(_:)`` | refuses it; who had prepared is told ``abort(_:_:)``, in reverse order, then ``validationEnded(_:)`` |
/// | the durable commit, in front of it | ``addRecords(of:to:)`` | as above |
/// | the durable commit | – | as above |
/// | after it | ``becameDurable(_:_:)`` of all, then ``commit(_:_:)`` | cannot fail |
///
/// A participant that is not concerned returns at once: every commit pays for that. It must bound how long it waits, and
/// end its wait when the transaction is finished (``Transaction/onEnd(_:)``): its client is gone then.
public protocol CommitParticipant: Sendable {
  /// For texts and progress: `CDB subscribers`.
  var name: String { get }

  /// May write into the transaction (``Transaction/write(_:)`` works meanwhile), before anything is checked.
  func completeChanges(of transaction: Transaction) async throws(NSOError)

  /// Checks what the transaction would make of the data. The schema's own constraints hold already.
  func validate(_ attempt: CommitAttempt) async throws(NSOError)

  /// The validation failed, or was a test only, or the first phase failed after it: the transaction can be read and changed again.
  func validationEnded(_ transaction: Transaction) async

  /// The first phase: after it this participant must be able to carry the changes out. Whoever throws has cleaned up itself.
  func prepare(_ attempt: CommitAttempt) async throws(NSOError)

  /// Adds records of its own (never of running) that become durable together with the changes.
  /// - Parameter id: the id that the commit will have.
  func addRecords(of attempt: CommitAttempt, _ id: TransactionID, to batch: inout WriteBatch) throws(NSOError)

  /// The changes are durable, and nobody may lock running yet, not even for reading: brings what is kept in memory in line with them.
  /// Must be quick.
  func becameDurable(_ attempt: CommitAttempt, _ result: CommitResult)

  /// The changes are durable. Who commits waits for this; readers do not.
  func commit(_ attempt: CommitAttempt, _ result: CommitResult) async

  /// The commit that was prepared does not take place.
  func abort(_ attempt: CommitAttempt, _ cause: NSOError) async

  /// Whether it has a part in a step of this transaction; only then the progress trace shows it there. Must be quick.
  func isConcerned(by transaction: Transaction, in step: CommitStep) -> Bool

  /// A transaction was refused, at any step, after everything was cleaned up.
  func refused(_ transaction: Transaction, _ refusal: Refusal)
}

extension CommitParticipant {
  public func completeChanges(of transaction: Transaction) async throws(NSOError) {}
  public func validate(_ attempt: CommitAttempt) async throws(NSOError) {}
  public func validationEnded(_ transaction: Transaction) async {}
  public func prepare(_ attempt: CommitAttempt) async throws(NSOError) {}
  public func addRecords(of attempt: CommitAttempt, _ id: TransactionID, to batch: inout WriteBatch) throws(NSOError) {}
  public func becameDurable(_ attempt: CommitAttempt, _ result: CommitResult) {}
  public func commit(_ attempt: CommitAttempt, _ result: CommitResult) async {}
  public func abort(_ attempt: CommitAttempt, _ cause: NSOError) async {}
  public func isConcerned(by transaction: Transaction, in step: CommitStep) -> Bool { true }
  public func refused(_ transaction: Transaction, _ refusal: Refusal) {}
}

/// Why a transaction was refused.
public struct Refusal: Sendable {
  /// What the client is told.
  public var error: NSOError
  /// More than that; it is in the developer log.
  var explanation: Explanation?
  /// The error is in the developer log already.
  var isNoted = false
  /// It was to be validated only, and not to be committed.
  public var isTest = false
}

/// The steps of a commit in which participants are asked, by what the progress trace calls them.
public enum CommitStep: String, Sendable {
  case hooks = "hooks of"
  case validation = "validation by"
  case prepare, commit
}

/// The order in which participants are asked. Aborts go the other way round.
public enum CommitStage: Int, Sendable, Comparable, CaseIterable {
  case hooks
  case validationPoints
  case providers
  case subscribers
  case history
  case events

  public static func < (a: CommitStage, b: CommitStage) -> Bool { a.rawValue < b.rawValue }
}

/// The participants of an engine. Commits under way keep the list that they began with.
final class CommitParticipants: Sendable {
  private struct Entry {
    var stage: CommitStage
    var participant: any CommitParticipant
  }

  private let entries = Mutex<[Entry]>([])

  /// At one stage they are asked in the order in which they were added.
  func add(_ participant: any CommitParticipant, at stage: CommitStage) {
    entries.withLock { entries in
      let place = entries.firstIndex { $0.stage > stage } ?? entries.endIndex
      entries.insert(Entry(stage: stage, participant: participant), at: place)
    }
  }

  var all: [any CommitParticipant] { entries.withLock { $0.map(\.participant) } }
}
