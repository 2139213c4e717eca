import ExternalTerm
import NIOCore
import NSOModel
import NSOWire

extension Connection.Exchange {
  /// A lock-step iteration (protocol part 04, section 5.2; part 03, section 8.1): one item, one answer.
  /// - Parameters:
  ///   - frame: the request, its length included.
  ///   - body: nil for an item that does not belong there.
  /// - Returns: what the daemon or `body` refused; the conversation is in order then.
  /// - Throws: when the conversation itself breaks.
  nonisolated(nonsending) func iterate(
    _ frame: ByteBuffer, _ connection: Connection, _ body: (IterationItem) throws -> IterationAnswer?
  ) async throws -> Result<Void, any Error> {
    try await send(frame)
    while let answer = try await next() {
      let item = try IterationItem(answer)
      switch item {
      case .end: return .success(())
      case .notFound: return .failure(NSOError(.noExists, "no such transaction, point or node"))
      case .failure(let code, let reason): return .failure(NSOError(code ?? .internal, reason.messageText))
      case .badState(let reason): return .failure(NSOError(.badState, reason?.messageText ?? ""))
      case .change, .node: break
      }
      let reaction: Result<IterationAnswer, any Error> = Result {
        guard let reaction = try body(item) else { throw ReplyMismatch() }
        return reaction
      }
      let word = (try? reaction.get()) ?? .stop
      var response = ByteBuffer()
      response.writeFrame { word.write(into: &$0) }
      try await send(response)
      if case .failure(let error) = reaction { return .failure(error) }
      if word == .stop { return .success(()) }
    }
    throw connection.closedByDaemon
  }
}
