import NSOModel
import Synchronization

extension Engine {
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
