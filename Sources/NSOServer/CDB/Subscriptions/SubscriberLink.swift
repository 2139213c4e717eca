import NIOCore
import NSOEngine

/// The way from the engine to a subscriber's connection, on its event loop. Holds the connection until the engine has been told
/// that it is gone.
final class SubscriberLink: SubscriberPort {
  private let connection: NIOLoopBound<CDBConnection>

  /// On the connection's event loop.
  init(_ connection: CDBConnection, _ eventLoop: any EventLoop) {
    self.connection = NIOLoopBound(connection, eventLoop: eventLoop)
  }

  func deliver(_ notice: SubscriptionNotice) {
    connection.eventLoop.execute { self.connection.value.arrived(notice) }
  }

  func expel(_ reason: String) {
    connection.eventLoop.execute { self.connection.value.expelled(reason) }
  }
}
