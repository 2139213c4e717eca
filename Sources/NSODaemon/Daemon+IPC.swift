import Logging
import NIOCore
import NSOServer
import NSOWire

/// How the daemon lets clients in, and what the operator must know about that.
extension Daemon {
  func ipcConfiguration(_ configuration: DaemonConfiguration) -> IPCServerConfiguration {
    let ipc = configuration.ipc
    var listeners = (options.serviceManager?.sockets ?? []).map { ListenAddress.inherited(descriptor: $0) }
    if listeners.isEmpty {
      listeners = ipc.tcpAddresses.map { .tcp($0, port: ipc.tcpPort) }
      if let path = ipc.unixPath { listeners.append(.unix(path: path)) }
    }
    var result = IPCServerConfiguration(listeners: listeners)
    result.instanceName = name
    result.backlog = ipc.backlog
    result.unixSocketPermissions = ipc.unixMode
    result.unfinishedConnections = ipc.unfinishedConnections
    let users = LocalUsers(engine)
    result.localPeerCheck = { users.decide($0) }
    let rules = Self.admissionRules(ipc)
    result.accessSecret = rules.accessSecret
    result.accessCheckTimeLimit = rules.accessCheckTimeLimit
    result.helloTimeLimit = rules.helloTimeLimit
    return result
  }

  /// What can change at a reload, for connections that are made afterwards.
  static func admissionRules(_ ipc: DaemonConfiguration.IPC) -> IPCServer.AdmissionRules {
    let hello = TimeAmount(ipc.connectTimeLimit)
    return IPCServer.AdmissionRules(
      accessSecret: ipc.secret,
      // Part 01, section 3 recommends 10 seconds; a client that has the secret answers at once.
      accessCheckTimeLimit: min(.seconds(10), hello), helloTimeLimit: hello)
  }
}
