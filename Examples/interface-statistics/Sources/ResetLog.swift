import NSOClient
import NSOModel
import Synchronization

/// The resets of the past, for subscribers that ask for them: the last thousand, in memory.
final class ResetLog: NotificationStream.Log {
  private struct State {
    var logged: [LoggedNotification] = []
    var aged: DateTime?
  }

  private let created: DateTime
  private let state = Mutex(State())
  private static let limit = 1000

  init(created: DateTime) { self.created = created }

  func add(_ notification: LoggedNotification) {
    state.withLock { state in
      state.logged.append(notification)
      if state.logged.count > Self.limit { state.aged = state.logged.removeFirst().time }
    }
  }

  func times() -> (created: DateTime, aged: DateTime?) { (created, state.withLock { $0.aged }) }

  func replay(
    after start: DateTime, until stop: DateTime?, _ send: (LoggedNotification) async throws -> Void
  ) async throws {
    let first = start.microsecondsSince1970
    let last = stop?.microsecondsSince1970 ?? .max
    for notification in state.withLock({ $0.logged }) {
      let time = notification.time.microsecondsSince1970
      if time > first, time <= last { try await send(notification) }
    }
  }
}
