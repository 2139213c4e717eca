import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

/// What administrators ask of what the daemon keeps and whom it serves (protocol part 04, appendix: operations 233, 405 and 408).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func administration(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .aaaReloadPath(let wait, let path):
      try requireTrust("reload the users' data")
      let place = try locate(path)
      if let node = place.node, engine.model[node].kind == .leaf || engine.model[node].kind == .leafList {
        throw NSOError(.badPath, "\(place.text(engine.model)) is a leaf: name a container or list entry that it is in")
      }
      // All of it is read at once: the part is in it.
      return try ask(op, waits: wait, &out) { (control) async throws(NSOError) in try await control.reloadAAA() }
    case .clearOperationalCache(let path):
      try requireTrust("clear what is remembered of data providers")
      _ = try path.map { (path) throws(NSOError) in try locate(path) }
      // It is little, and asked for again: the part is in it.
      engine.forgetProviderData()
      out.writeDone(op)
      return .done
    case .disconnectRemote(let text):
      try requireTrust("disconnect others")
      guard let address = IPAddress(text) else {
        throw NSOError(.badType, "\"\(text)\" is no IP address of connections to close")
      }
      return disconnect(address, op)
    case .unknown(MAAPIOperation.disconnectSockets.rawValue, _):
      throw NSOError(
        .notImplemented,
        "\(MAAPIOperation.disconnectSockets.title) is not supported: the numbers of the daemon's sockets are told to nobody; use DISCONNECT_REMOTE"
      )
    case .unknown(MAAPIOperation.rebindListener.rawValue, _):
      throw NSOError(
        .notImplemented,
        "\(MAAPIOperation.rebindListener.title) is not supported: what the daemon listens on changes with a restart only")
    default: return nil
    }
  }

  /// Where a path without transaction leads, in the schema in use.
  private func locate(_ path: WireKeypath) throws(NSOError) -> Location { try WirePathResolver(engine.model).locate(path) }

  /// Closes all connections from an address but this one, and those of HA.
  private func disconnect(_ address: IPAddress, _ op: UInt32) -> FrameOutcome {
    let others = connection.others
    let later = connection.later { (result: Result<Int, NSOError>, out) in
      out.writeAnswer(to: op) { (out) throws(NSOError) in out.writeAnswer(Int64(try result.get())) }
      return .done
    }
    let who = clientName ?? "\(connection.peer)"
    services.run(for: later) { () async throws(NSOError) in
      var count = 0
      for other in others {
        // One whose event loop has ended is gone anyway.
        let isClosed = try? await other.eventLoop.submit { other.value.close(from: address, asked: who) }.get()
        if isClosed == true { count += 1 }
      }
      return count
    }
    return .later
  }
}
