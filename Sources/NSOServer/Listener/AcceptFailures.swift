import Logging
import NIOCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Tells the log when connections cannot be accepted, above all for want of file descriptors. The daemon keeps its clients and tries
/// again every second; a client that waits meanwhile sees nothing but the wait.
final class AcceptFailures: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private let place: String
  private let logger: Logger
  private var quietUntil = NIODeadline.uptimeNanoseconds(0)

  init(place: String, logger: Logger) {
    self.place = place
    self.logger = logger
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // It fails again and again while there is no room: one line a minute says enough.
    if NIODeadline.now() >= quietUntil {
      quietUntil = .now() + .minutes(1)
      logger.error("IPC: connections to \(place) cannot be accepted: \(Self.text(error))")
    }
    context.fireErrorCaught(error)
  }

  private static func text(_ error: any Error) -> String {
    guard let error = error as? IOError else { return "\(error)" }
    let reason = errorText(error.errnoCode)
    switch error.errnoCode {
    case EMFILE, ENFILE:
      return
        "\(reason); those that are connected are served, new ones wait until some close. Raise the limit of open files (ulimit -n, LimitNOFILE)"
    default: return reason
    }
  }
}
