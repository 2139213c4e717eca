import NSOModel
import Synchronization

/// What whoever commits is told of its subscribers while it waits for them.
extension Engine {
  /// A text of a subscriber about the event that it works on (protocol part 03, section 8.6): noted in the progress of the commit.
  public func noteProgress(_ text: String, by subscriber: String, on notice: SubscriptionNotice) {
    let open: Transaction? = notice.origin.flatMap { origin in try? self.transaction(origin.transaction) }
    let span = open.flatMap { $0.state.withLock { $0.spans.last } }
    progress.note(
      text,
      Progress.Subject(
        session: open?.session, transaction: open, subsystem: subscriber, isCommit: notice.kind != .operational),
      in: span)
  }

  /// A subscriber was given up: whoever commits finds it in the progress of the commit, and on its terminal if it has one. The answer
  /// to a commit that went through has no room for it.
  func tellCommitter(_ notice: SubscriptionNotice, _ text: String) {
    noteProgress("warning: \(text)", by: subscriptionParticipant.name, on: notice)
    guard let origin = notice.origin, let open = try? self.transaction(origin.transaction),
      let terminal = try? terminals.terminal(of: open.session)
    else { return }
    terminal.post(.priority("Warning: \(text)\n"))
  }
}
