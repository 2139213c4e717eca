public import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A peer whose machine is gone says no goodbye. On TCP both sides ask the system to look: after two minutes of silence
/// the connection is closed, and what it held is free. While bytes are under way the system asks by sending them again, for some 15
/// minutes. (TCP_USER_TIMEOUT would shorten that, but also cut off living peers that only do not read for a while.)
public enum Keepalive {
  /// Options of a TCP connection.
  public static var options: [(option: ChannelOptions.Types.SocketOption, value: Int)] {
    var options = [(ChannelOptions.Types.SocketOption(level: .socket, name: .so_keepalive), 1)]
    #if os(Linux)
      // Seconds until the first question, between questions, and how many.
      for (name, value) in [(TCP_KEEPIDLE, 60), (TCP_KEEPINTVL, 15), (TCP_KEEPCNT, 4)] as [(CInt, Int)] {
        options.append((.init(level: .tcp, name: .init(rawValue: name)), value))
      }
    #endif
    return options
  }
}
