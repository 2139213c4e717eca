import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Saving and loading configuration (protocol part 04, section 6).
extension MAAPIConnection {
  func documents(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome {
    switch call.request {
    case .saveConfig(let flags, let path):
      let use = try use(call)
      let view = try use.view()
      let options = try flags.saveOptions(path, use.model.schema)
      guard options.filter != nil else {
        offer(.save(try SaveJob(view, options)), op, &out)
        break
      }
      // The filter may look at everything.
      let later = connection.later { (result: Result<SaveJob, NSOError>, out) in
        switch result {
        case .success(let job): self.offer(.save(job), op, &out)
        case .failure(let error): out.writeFailure(op: op, error)
        }
        return .done
      }
      services.offload(to: later) { () throws(NSOError) in try SaveJob(view, options) }
      return .later
    case .loadConfig(let flags):
      let use = try use(call)
      let load = try ConfigurationLoad(
        use.transaction, try flags.loadOptions(use.transaction.database), as: use.writer)
      offer(.load(LoadJob(load, services.engine.model.hasProviders ? ProviderWait.threads : services.pool)), op, &out)
    case .saveConfigResult(let id), .loadConfigResult(let id): return try streamResult(id, op)
    case .getStreamProgress(let id): return try progress(id, op)
    case .loadConfigFile(let flags, let file):
      try requireTrust("make the daemon read a file")
      let use = try use(call)
      let load = try ConfigurationLoad(
        use.transaction, try flags.loadOptions(use.transaction.database), as: use.writer)
      return loading(load, op) { () throws(NSOError) in try load.feed(file: file) }
    case .loadConfigCmds(let flags, let text, let path):
      let use = try use(call)
      let place = try use.locate(path, call.isRelative)
      let load = try ConfigurationLoad(
        use.transaction, try flags.loadOptions(use.transaction.database), below: place, as: use.writer)
      return loading(load, op) { () throws(NSOError) in try load.feed(Array(text.utf8)) }
    default: throw NSOError(.internal, "operation \(op) is no save or load")
    }
    return .done
  }

  /// Loads what `feed` gives, all of it.
  private func loading(
    _ load: ConfigurationLoad, _ op: UInt32, _ feed: @escaping @Sendable () throws(NSOError) -> Void
  ) -> FrameOutcome {
    guard load.asksHooks else {
      return connection.elsewhere(op, services) { (_) throws(NSOError) in
        try feed()
        try load.finish()
      }
    }
    return waitingForHooks(op) { () async throws(NSOError) in
      try await ProviderWait.run(feed)
      try await load.finishThroughHooks()
    }
  }

  func offer(_ work: StreamRegistry.Work, _ op: UInt32, _ out: inout ByteBuffer) {
    let streams = services.streams
    let id = streams.offer(work, owner: connection.id)
    connection.eventLoop.scheduleTask(in: services.streamTimeLimit) { streams.expire(id) }
    out.writeReply(.integer(Int64(id)), to: op)
  }

  func streamResult(_ id: Int32, _ op: UInt32) throws(NSOError) -> FrameOutcome {
    let later = connection.later { (result: Result<Void, NSOError>, out) in
      out.writeAnswer(to: op) { (_) throws(NSOError) in try result.get() }
      return .done
    }
    try services.streams.whenEnded(id, owner: connection.id) { later.deliver($0) }
    return .later
  }

  private func progress(_ id: Int32, _ op: UInt32) throws(NSOError) -> FrameOutcome {
    let later = connection.later { (result: Result<UInt64, NSOError>, out) in
      out.writeAnswer(to: op) { (out) throws(NSOError) in out.writeAnswer(try result.get()) }
      return .done
    }
    try services.streams.whenAdvanced(id, owner: connection.id) { later.deliver($0) }
    return .later
  }
}

extension ConfigurationLoad {
  /// Loads a file of the daemon's host; relative names begin at the daemon's folder.
  fileprivate func feed(file: String) throws(NSOError) {
    // A pipe that nobody writes to must not hold this thread; what is no file ends, or does not, as somebody else likes.
    let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code = errno
      abandon()
      let hint = code == ENOENT ? "; the daemon opens the file, so it must be one of its host" : ""
      throw NSOError(code == ENOENT ? .noExists : .operatingSystem, "\(file): \(errorText(code))\(hint)")
    }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      abandon()
      throw NSOError(
        .operatingSystem,
        "\(file): not a regular file; the daemon reads no pipes, devices or folders: send the document over the connection instead (ncs_load -l < \(file))"
      )
    }
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    var unpacker = try FileUnpacker(file)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count == 0 { break }
      guard count > 0 else {
        let code = errno
        if code == EINTR { continue }
        abandon()
        throw NSOError(.operatingSystem, "\(file): \(errorText(code))")
      }
      do throws(NSOError) {
        try unpacker.feed(Array(piece.prefix(count))) { (bytes) throws(NSOError) in try feed(bytes) }
      } catch {
        abandon()
        throw NSOError(error.code, "\(file): \(error.message)", appTag: error.appTag)
      }
    }
    do throws(NSOError) {
      try unpacker.finish()
    } catch {
      abandon()
      throw NSOError(error.code, "\(file): \(error.message)", appTag: error.appTag)
    }
  }
}
