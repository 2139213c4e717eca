import Logging
import NSOModel
import NSOWire

extension NSOClient {
  /// Registers a provider with the daemon and serves its requests until the task is cancelled, or, without `reconnecting`,
  /// until the connection is lost. Callbacks run as child tasks: they end with it.
  ///
  /// - Parameters:
  ///   - reconnecting: connect and register again after a loss; also while the daemon is not there yet.
  ///   - onEvent: is told of registrations and losses.
  /// - Throws: `CancellationError`; without `reconnecting` also `ConnectionError`, and `NSOError` when the daemon refuses the
  ///   registration.
  public func serve(
    _ provider: DataProvider, reconnecting: Reconnection? = Reconnection(),
    onEvent: @escaping @Sendable (ProviderEvent) -> Void = { _ in }
  ) async throws {
    var delay = reconnecting?.first ?? .zero
    while true {
      try Task.checkCancellation()
      let before = delay
      do {
        try await ProviderSession.run(provider, self) { instance in
          onEvent(.registered(instance: instance))
        }
      } catch let loss as ProviderSession.Loss {
        guard let reconnecting, !Task.isCancelled else {
          try Task.checkCancellation()
          throw loss.cause
        }
        logger.debug("data provider lost its daemon", metadata: ["name": "\(provider.name)", "error": "\(loss.cause)"])
        onEvent(.lost(loss.cause))
        delay = loss.wasRegistered ? reconnecting.first : min(before * 2, reconnecting.longest)
        try await Task.sleep(for: loss.wasRegistered ? reconnecting.first : before)
      }
    }
  }
}
