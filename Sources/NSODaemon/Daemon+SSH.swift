import Logging
import NSOModel
import NSOSSH
import Synchronization

/// The SSH server: off where `ncs.conf` does not name host keys.
extension Daemon {
  /// Opens what the configuration asks for; nothing is served before ``installSSH(_:_:)``.
  /// - Throws: `StartFailure` when an address is taken, or algorithms are not there.
  func prepareSSH(_ configuration: DaemonConfiguration) throws -> SSHServer.Prepared {
    do throws(SSHError) {
      return try ssh.prepare(configuration.ssh.settings)
    } catch {
      switch error.kind {
      case .address: throw StartFailure(.cannotBind, .bindError, "\(error)")
      case .algorithms: throw StartFailure(.badConfiguration, .badConfiguration, "\(error)")
      case .system: throw StartFailure(.failure, .internalError, "SSH: \(error)")
      }
    }
  }

  /// Puts it in force, and says so where that is news.
  func installSSH(_ prepared: SSHServer.Prepared, _ configuration: DaemonConfiguration, after old: DaemonConfiguration? = nil) {
    let before = ssh.listeners
    ssh.install(prepared)
    let now = ssh.listeners
    for listener in now where !before.contains(listener) {
      log.write(level: .info, text: "SSH: \(listener.service) is served on \(listener)")
    }
    for listener in before where !now.contains(listener) {
      log.write(level: .info, text: "SSH: \(listener.service) is not served on \(listener) any more")
    }
    for notice in configuration.ssh.notices where old?.ssh.notices.contains(notice) != true {
      log.write(level: .info, text: notice)
    }
    if configuration.ssh.lacksHostKey { log.record(.sshHostKeyUnavailable, "no host key can be used") }
  }
}
