import NIOCore
import NSOEngine
import NSOModel
import NSOWire

/// Upgrades of the schema while the daemon runs (protocol part 04, section 4.12). An upgrade belongs to the connection that
/// began it: when that goes before the commit, all is as before.
extension MAAPIConnection {
  /// Nil: another kind of request.
  func upgrade(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .initUpgrade(let timeout, let flags):
      try requireTrust("upgrade the schema")
      guard timeout >= 0 else { throw NSOError(.protocolUsage, "the time limit of an upgrade is \(timeout) s: give 0 or more") }
      let upgrade = try engine.openUpgrade(by: binding?.session.summary ?? "\(connection.peer)")
      self.upgrade = upgrade
      let engine = engine
      return connection.waiting(op, services) { () async throws(NSOError) in
        try await engine.beginUpgrade(upgrade, timeout: timeout, kill: flags & UpgradeFlags.killOnTimeout.rawValue != 0)
      }
    case .performUpgrade(let directories):
      let upgrade = try openUpgrade("PERFORM_UPGRADE")
      let control = try control()
      let engine = engine
      return connection.elsewhere(op, services) { (_) throws(NSOError) in
        try engine.performUpgrade(upgrade) { () throws(NSOError) in
          upgrade.loadPath = directories
          return try control.loadSchema(directories)
        } initialData: { (transaction, namespaces) throws(NSOError) in
          try control.loadInitialData(transaction, of: namespaces, directories)
        }
      }
    case .upgradeReport:
      let upgrade = try openUpgrade("UPGRADE_REPORT")
      let report = try engine.report(of: upgrade)
      let control = try control()
      let later = connection.later { (result: Result<[String], NSOError>, out) in
        switch result {
        case .success(let notes):
          out.writeReply(.text(report.text + notes.map { "note: \($0)\n" }.joined()), to: op)
        case .failure(let error): out.writeFailure(op: op, error)
        }
        return .done
      }
      // The notes look at directories.
      services.offload(to: later) { () throws(NSOError) in control.upgradeNotes(upgrade.loadPath) }
      return .later
    case .commitUpgrade:
      let upgrade = try openUpgrade("COMMIT_UPGRADE")
      let engine = engine
      return connection.waiting(op, services) { () async throws(NSOError) in try await engine.commitUpgrade(upgrade) }
    case .abortUpgrade:
      engine.abortUpgrade(try openUpgrade("ABORT_UPGRADE"))
      upgrade = nil
      out.writeDone(op)
      return .done
    default: return nil
    }
  }

  private func openUpgrade(_ what: String) throws(NSOError) -> SchemaUpgrade {
    try requireTrust("upgrade the schema")
    if let upgrade, !upgrade.isOver { return upgrade }
    if let other = engine.upgrade {
      throw NSOError(.badState, "\(what): the upgrade under way belongs to \(other.owner), on another connection")
    }
    throw NSOError(.badState, "\(what): no upgrade is open on this connection; begin with INIT_UPGRADE")
  }
}
