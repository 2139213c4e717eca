import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The daemon's word to the service manager that started it.
extension Daemon {
  func tellServiceManager(_ event: ServiceManager.Event) {
    guard let failure = options.serviceManager?.tell(event) else { return }
    log.write(level: .warning, text: "the service manager cannot be told: \(failure)")
  }

  /// Signs of life, twice as often as they are wanted, and only while every event loop does its work: a daemon that hangs is
  /// started again by the service manager.
  func startWatchdog() {
    guard let limit = options.serviceManager?.watchdog else { return }
    let period = TimeAmount(limit / 2)
    let loop = group.any()
    @Sendable func beat() {
      EventLoopFuture.andAllSucceed(group.makeIterator().map { $0.submit {} }, on: loop).whenSuccess { [weak self] in
        guard let self, !self.state.withLock(\.isStopped) else { return }
        self.options.serviceManager?.tell(.alive)
        loop.scheduleTask(in: period) { beat() }
      }
    }
    beat()
  }
}
