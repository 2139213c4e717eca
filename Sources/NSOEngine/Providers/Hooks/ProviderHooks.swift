import NSOModel
import NSOSchema
import NSOStore
import NSOWire
import Synchronization

/// Transaction hooks: callpoints that are called when a transaction that changes something at or below them is validated or applied, and
/// may change more (protocol part 05, section 7.5). The provider attaches to the transaction through MAAPI to do so. Set hooks were
/// called when it was written (``Transaction/writeThroughHooks(as:_:)``), and are not called again.
struct ProviderHooks: CommitParticipant {
  let name = "transaction hooks"
  let registry: ProviderRegistry

  func completeChanges(of transaction: Transaction) async throws(NSOError) {
    // What takes an unconfirmed commit back puts back what hooks had added, too.
    guard let points = transaction.model.atCommit, !transaction.state.withLock({ $0.isRevert }) else { return }
    let editor = transaction.state.withLock { $0.editor }
    guard !editor.configuration.isEmpty || editor.provider?.isEmpty == false else { return }
    let plan = try await HookRounds.plan(points, editor)
    guard !plan.isEmpty else { return }
    try await HookRounds(transaction, registry, points).run(plan)
  }
}
