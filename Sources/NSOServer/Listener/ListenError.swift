/// Why the daemon cannot wait for clients at one address. The text names the address, the cause and what to do.
public struct ListenError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Cause: Hashable, Sendable {
    /// Another process listens there; what is known of it, for example `process 4711 (ncs)`.
    case inUse(holder: String?)
    /// The address is not one of this machine.
    case addressNotAvailable
    /// What was refused, and for which path.
    case permissionDenied(String)
    /// The socket path has more bytes than the system can bind.
    case pathTooLong(bytes: Int, limit: Int)
    /// Something that is not a socket is in the way.
    case notASocket
    /// The folder of the socket path cannot be made or used.
    case folder(path: String, reason: String)
    /// Any other failure, in the system's words.
    case system(operation: String, reason: String)
  }

  public var address: ListenAddress
  public var cause: Cause

  public init(_ address: ListenAddress, _ cause: Cause) {
    self.address = address
    self.cause = cause
  }

  public var description: String {
    let place = "cannot listen on \(address): "
    switch cause {
    case .inUse(let holder):
      let who = holder ?? "another process"
      // Anybody may listen there; only a daemon like this one can be told to stop.
      let isDaemon = holder.map { $0.contains("instance ") || $0.contains("ncs ") || $0.hasSuffix("/ncs") } ?? false
      let remedy = isDaemon ? "stop it (ncs --stop) or choose" : "choose"
      return place + "\(who) listens there already; \(remedy) another \(isUnix ? "path" : "port")"
    case .addressNotAvailable:
      return place + "this machine has no such address; see ncs-ipc-address/ip and ncs-ipc-extra-listen-ip"
    case .permissionDenied(let what):
      return place + "permission denied (\(what)); run as a user who may, or choose another \(isUnix ? "path" : "port")"
    case .pathTooLong(let bytes, let limit):
      return place + "the path has \(bytes) bytes, the system allows \(limit); choose a shorter ncs-local-ipc/path"
    case .notASocket:
      return place + "a file that is not a socket is there; remove it or choose another ncs-local-ipc/path"
    case .folder(let path, let reason):
      return place + "folder \(path): \(reason)"
    case .system(let operation, let reason):
      return place + "\(operation): \(reason)"
    }
  }

  private var isUnix: Bool { if case .unix = address { true } else { false } }
}
