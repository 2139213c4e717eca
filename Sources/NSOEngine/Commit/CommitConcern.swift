import NSOModel
import NSOStore
import Synchronization

// Who of the engine's own participants has a part in which step.

extension ProviderHooks {
  func isConcerned(by transaction: Transaction, in step: CommitStep) -> Bool {
    step == .hooks && transaction.model.atCommit != nil
  }
}

extension ProviderValidation {
  func isConcerned(by transaction: Transaction, in step: CommitStep) -> Bool {
    step == .validation && hasPoints(transaction.model)
  }
}

extension ProviderCommit {
  func isConcerned(by transaction: Transaction, in step: CommitStep) -> Bool {
    step != .validation && transaction.state.withLock { $0.editor.provider?.isEmpty == false }
  }
}

extension SubscriptionParticipant {
  func isConcerned(by transaction: Transaction, in step: CommitStep) -> Bool {
    (step == .prepare || step == .commit) && isAnybodyConcerned
  }
}

extension Candidate {
  func isConcerned(by transaction: Transaction, in step: CommitStep) -> Bool {
    step == .commit && !changes.overlay.isEmpty
  }
}

extension History {
  public func isConcerned(by transaction: Transaction, in step: CommitStep) -> Bool { step == .commit }
}

extension CommitEvents {
  func isConcerned(by transaction: Transaction, in step: CommitStep) -> Bool { step == .commit }
}
