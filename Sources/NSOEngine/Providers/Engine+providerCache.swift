import Synchronization

extension Engine {
  /// What is remembered of data of providers is asked for again (protocol part 04, CLEAR_OPCACHE).
  public func forgetProviderData() {
    for transaction in transactions { transaction.state.withLock { $0.editor.providerTree }?.forget() }
  }
}
