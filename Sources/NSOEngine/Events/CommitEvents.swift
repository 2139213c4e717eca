import NSOModel
import NSOSchema
import NSOStore
import Synchronization

/// Tells of commits: one record in the audit log for each, and what event subscribers want to know (protocol part 06, sections
/// 5.1, 5.3 and 5.4). The last participant: everybody else is done when it speaks.
struct CommitEvents: CommitParticipant {
  let journal: Journal

  var name: String { "events" }

  func commit(_ attempt: CommitAttempt, _ result: CommitResult) async {
    let transaction = attempt.transaction
    let events = journal.events
    if journal.wants(.audit) { await audit(attempt, result) }
    let flags = transaction.state.withLock { $0.commitFlags }
    events.emit(.commitSimple) {
      .commitSimple(
        CommitNotice(database: transaction.database, user: EventUser(transaction.session), hasDiff: true, flags: flags))
    }
    guard events.wants(.commitDiff) else { return }
    let notice = CommitDiffNotice(
      database: transaction.database, user: EventUser(transaction.session), transaction: transaction.handle,
      flags: flags, comment: transaction.comment, label: transaction.label)
    await withCheckedContinuation { continuation in
      let wait = events.emit(
        .commitDiff(notice), awaiting: .commitDiff(transaction: transaction.handle), from: .commitDiff
      ) { continuation.resume() }
      // Whoever committed is gone: there is nothing to look at any more.
      if let wait { transaction.onEnd { events.giveUp(wait) } }
    }
  }

  private func audit(_ attempt: CommitAttempt, _ result: CommitResult) async {
    let transaction = attempt.transaction
    let settings = journal.settings
    if settings.auditsChanges {
      do throws(NSOError) {
        for difference in try attempt.differences() {
          guard let what = Self.text(of: difference, defaults: settings.auditsDefaults) else { continue }
          journal.audit(
            .commitInfo, transaction.session, always: true, "\(attempt.model.schema.text(of: difference.path)) \(what)")
        }
      } catch {
        journal.record(
          .daemon, .internalError, "the changes of \(transaction.summary) cannot be listed for the audit log: \(error)")
      }
    }
    await journal.auditAndWait(
      .commit, transaction.session,
      "\(transaction.database) revision \(result.revision.rawValue) transaction \(transaction.handle) id \(result.id.text)\(Self.words(of: transaction))"
    )
  }

  func refused(_ transaction: Transaction, _ refusal: Refusal) {
    let error = refusal.error
    // What the schema, a provider or the database says has no more in it than the error; it was not noted yet.
    let reason = refusal.explanation?.text ?? error.message
    if refusal.explanation == nil, !refusal.isNoted {
      journal.developer(.developerCore, .info, "refused: \(transaction.summary): \(error)")
    }
    // Nothing was to be committed.
    guard !refusal.isTest else { return }
    journal.audit(
      .commitRefused, transaction.session, always: true,
      "\(transaction.database) transaction \(transaction.handle)\(Self.words(of: transaction)): \(error.code): \(reason)")
    journal.record(
      .transactionErrors, .commitRefused,
      "\(transaction.summary)\(Self.words(of: transaction)): \(error.code): \(reason)")
  }

  /// Who asked, and what was said about it; line ends and quotes cannot break a record.
  private static func words(of transaction: Transaction) -> String {
    var text = ""
    let request = transaction.session.request
    text += " from \(request.address) context \(request.context)"
    if let client = request.clientID { text += " client \(quoted(client))" }
    if !transaction.label.isEmpty { text += " label \(quoted(transaction.label))" }
    if !transaction.comment.isEmpty { text += " comment \(quoted(transaction.comment))" }
    return text
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
  }

  /// What happened to a node. Never its value: it may be a secret.
  private static func text(of difference: DataDifference, defaults: Bool) -> String? {
    switch difference.change {
    case .created: "created"
    case .deleted: "deleted"
    case .modified: nil
    case .valueSet(_, .defaultInEffect): defaults ? "set to its default" : nil
    case .valueSet: "set"
    case .movedAfter: "moved"
    case .attributeSet(let number, let value): "attribute \(number.rawValue) \(value == nil ? "removed" : "set")"
    }
  }
}
