import NSOModel
import Synchronization

extension Engine {
  /// Runs a participant's part in a step as a span; without one where it has no part.
  func traced<Result: Sendable>(
    _ step: CommitStep, _ participant: any CommitParticipant, _ transaction: Transaction,
    _ body: () async throws(NSOError) -> Result
  ) async throws(NSOError) -> Result {
    guard progress.isWanted(1), participant.isConcerned(by: transaction, in: step) else { return try await body() }
    let name = participant.name
    return try await traced("\(step.rawValue) \(name)", transaction, subsystem: name, verbosity: 1, body)
  }

  /// Runs a step of a transaction as a span inside of the step around it.
  /// - Parameter isRoot: the outermost: the whole of what the client asked for.
  func traced<Result: Sendable>(
    _ name: @autoclosure () -> String, _ transaction: Transaction, subsystem: String = "", verbosity: Int = 0,
    _ body: () async throws(NSOError) -> Result
  ) async throws(NSOError) -> Result {
    guard progress.isWanted(verbosity) else { return try await body() }
    let parent = transaction.state.withLock { $0.spans.last }
    let span = progress.begin(
      name(),
      Progress.Subject(
        session: transaction.session, transaction: transaction, subsystem: subsystem,
        isCommit: transaction.mode == .readWrite, verbosity: verbosity), verbosity: verbosity, in: parent)
    guard let span else { return try await body() }
    transaction.state.withLock { $0.spans.append(span) }
    do throws(NSOError) {
      let result = try await body()
      transaction.state.withLock { _ = $0.spans.popLast() }
      span.end()
      return result
    } catch {
      transaction.state.withLock { _ = $0.spans.popLast() }
      span.end("\(error)")
      throw error
    }
  }
}
