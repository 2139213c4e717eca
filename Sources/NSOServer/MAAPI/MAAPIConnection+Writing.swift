import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// Writes (protocol part 04, section 4.7): each takes effect as a whole, in the transaction.
extension MAAPIConnection {
  /// Nil: another kind of request.
  func write(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .setElem(let term, let path):
      let use = try use(call)
      let place = try use.locate(path, call.isRelative)
      let value = try term.value(for: place, use.model)
      return try change(use, at: place, op, &out) { (editor) throws(NSOError) in try editor.set(place, value) }
    case .setElem2(let text, let path):
      return try edit(call, path, op, &out) { (editor, place) throws(NSOError) in try editor.set(place, text: text) }
    case .create(let path):
      return try edit(call, path, op, &out) { (editor, place) throws(NSOError) in try editor.create(place) }
    case .delete(let path):
      let use = try use(call)
      let place = try use.locate(path, call.isRelative)
      return try delete(use, place, op, &out) { (editor) throws(NSOError) in try editor.delete(place) }
    case .moveOrdered(let path, let place):
      return try edit(call, path, op, &out) { (editor, entry) throws(NSOError) in try editor.move(entry, to: MovePlace(place)) }
    case .setObject(let values, let path):
      return try editAll(call, path, op, size: values.count, &out) { (editor, place) throws(NSOError) in
        try editor.setObject(values, at: place)
      }
    case .setValues(let pairs, let path):
      return try editAll(call, path, op, size: pairs.count, &out) { (editor, place) throws(NSOError) in
        try editor.setValues(pairs, at: place)
      }
    case .deleteAll:
      // All three ways are the same where no data is protected or exported.
      return try delete(try use(call), .root, op, &out) { (editor) throws(NSOError) in try editor.remove(.root) }
    default: return nil
    }
  }

  /// What providers store inside of ours goes with it: all entries on the way to that are looked at, which takes time.
  private func delete(
    _ use: TransactionUse, _ place: Location, _ op: UInt32, _ out: inout ByteBuffer,
    _ body: @escaping @Sendable (inout TreeEditor) throws(NSOError) -> Void
  ) throws(NSOError) -> FrameOutcome {
    let isAround = place.node.map { use.model.providerReach($0) == .above } ?? use.model.hasProviders
    return isAround ? changeAtLength(use, at: place, op, body) : try change(use, at: place, op, &out, body)
  }

  private func edit(
    _ call: MAAPICall, _ path: WireKeypath, _ op: UInt32, _ out: inout ByteBuffer,
    _ body: @escaping @Sendable (inout TreeEditor, Location) throws(NSOError) -> Void
  ) throws(NSOError) -> FrameOutcome {
    let use = try use(call)
    let place = try use.locate(path, call.isRelative)
    return try change(use, at: place, op, &out) { (editor) throws(NSOError) in try body(&editor, place) }
  }

  /// Several values at once: all of them, or none. Many of them are written on a thread of its own.
  private func editAll(
    _ call: MAAPICall, _ path: WireKeypath, _ op: UInt32, size: Int, _ out: inout ByteBuffer,
    _ body: @escaping @Sendable (inout TreeEditor, Location) throws(NSOError) -> Void
  ) throws(NSOError) -> FrameOutcome {
    let use = try use(call)
    let place = try use.locate(path, call.isRelative)
    let write: @Sendable (inout TreeEditor) throws(NSOError) -> Void = { (editor) throws(NSOError) in try body(&editor, place) }
    if size > 512 { return changeAtLength(use, at: place, op, write) }
    let writer = use.writer
    if use.transaction.asksHooks(at: place, as: writer) { return changeThroughHooks(use, writer, op, write) }
    try use.transaction.write(as: writer, write)
    out.writeDone(op)
    return .done
  }

  // MARK: Ways of writing

  /// Whether a write has to be looked at: see ``change(_:at:_:_:_:)``.
  func mayAskHooks(_ call: MAAPICall) -> Bool {
    guard engine.model.asksAtOnce, let handle = call.handle else { return false }
    return uses[handle.rawValue]?.model.asksAtOnce ?? false
  }

  /// Carries out one simple change. Where set hooks or transforms have to be asked about it, the answer comes when they have answered.
  func change(
    _ use: TransactionUse, at place: Location, _ op: UInt32, _ out: inout ByteBuffer,
    _ body: @escaping @Sendable (inout TreeEditor) throws(NSOError) -> Void
  ) throws(NSOError) -> FrameOutcome {
    let writer = use.writer
    if use.transaction.asksHooks(at: place, as: writer) { return changeThroughHooks(use, writer, op, body) }
    try use.transaction.writeOne(as: writer, body)
    out.writeDone(op)
    return .done
  }

  /// As ``change(_:at:_:_:_:)`` for a write that takes time in proportion to the data it touches.
  func changeAtLength(
    _ use: TransactionUse, at place: Location, _ op: UInt32,
    _ body: @escaping @Sendable (inout TreeEditor) throws(NSOError) -> Void
  ) -> FrameOutcome {
    let (transaction, writer) = (use.transaction, use.writer)
    if transaction.asksHooks(at: place, as: writer) { return changeThroughHooks(use, writer, op, body) }
    return connection.elsewhere(op, services) { (_) throws(NSOError) in try transaction.writeAtLength(as: writer, body) }
  }

  private func changeThroughHooks(
    _ use: TransactionUse, _ writer: TransactionWriter, _ op: UInt32,
    _ body: @escaping @Sendable (inout TreeEditor) throws(NSOError) -> Void
  ) -> FrameOutcome {
    let transaction = use.transaction
    return waitingForHooks(op) { () async throws(NSOError) in try await transaction.writeThroughHooks(as: writer, body) }
  }

  /// Answers when hooks have answered. When the client goes, what was written is taken back at once.
  func waitingForHooks(_ op: UInt32, _ body: @escaping @Sendable () async throws(NSOError) -> Void) -> FrameOutcome {
    let later = connection.later { (result: Result<Void, NSOError>, out) in
      self.hookedWrite = nil
      out.writeAnswer(to: op) { (_) throws(NSOError) in try result.get() }
      return .done
    }
    hookedWrite = services.run(for: later, body)
    return .later
  }
}

extension MovePlace {
  init(_ place: MoveWhere) {
    switch place {
    case .first: self = .first
    case .last: self = .last
    case .before(let keys): self = .before(keys)
    case .after(let keys): self = .after(keys)
    }
  }
}
