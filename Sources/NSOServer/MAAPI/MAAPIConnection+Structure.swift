import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// Attributes, copies, new keys, writes of services (protocol part 04, sections 4.5 to 4.8).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func structure(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .getAttrs(let numbers, let path):
      let use = try use(call)
      let place = try use.locateVisible(path, call.isRelative)
      try Self.requireConfiguration(place, use.model)
      let found = try use.read { (view) throws(NSOError) in try view.attributes(numbers, of: place) }
      out.writeReply(.attributes(found), to: op)
    case .setAttr(let number, let value, let path):
      let use = try use(call)
      let place = try use.locate(path, call.isRelative)
      try Self.requireConfiguration(place, use.model)
      return try change(use, at: place, op, &out) { (editor) throws(NSOError) in
        try editor.setAttribute(number, to: value, of: place)
      }
    case .setDelayedWhen(let isOn):
      let transaction = try use(call).transaction
      return connection.elsewhere(op, services) { (out) throws(NSOError) in
        out.writeAnswer(try transaction.setDelayedWhen(isOn) ? 1 : 0)
      }
    case .copy(let target): return try copy(call, to: target, .root, op)
    case .copyPath(let target, let path):
      return try copy(call, to: target, try use(call).locate(path, call.isRelative), op)
    case .copyTree(let request):
      let use = try use(call)
      let source = try use.locate(request.from, call.isRelative)
      let destination = try use.locate(request.to, call.isRelative)
      return changeAtLength(use, at: destination, op) { (editor) throws(NSOError) in
        try editor.copyTree(from: source, to: destination)
      }
    case .insert(let path):
      let use = try use(call)
      let entry = try use.locate(path, call.isRelative)
      return changeAtLength(use, at: entry, op) { (editor) throws(NSOError) in try editor.insert(entry) }
    case .move(let path, let keys):
      let use = try use(call)
      let entry = try use.locate(path, call.isRelative)
      return changeAtLength(use, at: entry, op) { (editor) throws(NSOError) in try editor.rename(entry, to: keys) }
    default: return try shared(call, op, &out)
    }
    return .done
  }

  /// The writes of services. This daemon has no services, so there is nobody whose writes are counted or undone: they do what their
  /// plain counterparts do, except that creating what exists is no error. REFCOUNT, BACKPOINTER and ORIGINAL_VALUE stay as they are.
  private func shared(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .sharedCreate(_, let path):
      let use = try use(call)
      let place = try use.locate(path, call.isRelative)
      return try change(use, at: place, op, &out) { (editor) throws(NSOError) in try editor.ensure(place) }
    case .sharedSetElem(let term, let path):
      let use = try use(call)
      let place = try use.locate(path, call.isRelative)
      let value = try term.value(for: place, use.model)
      return try change(use, at: place, op, &out) { (editor) throws(NSOError) in try editor.set(place, value) }
    case .sharedSetElem2(let text, let path):
      let plain = MAAPICall(.setElem2(text, path), handle: call.handle, isRelative: call.isRelative)
      // Secrets are hashed elsewhere.
      if let outcome = try secrets(plain, op, &out) { return outcome }
      return try write(plain, op, &out)
    case .sharedSetValues(let pairs, _, let path):
      return try write(MAAPICall(.setValues(pairs, path), handle: call.handle, isRelative: call.isRelative), op, &out)
    default: return nil
    }
  }

  private static func requireConfiguration(_ place: Location, _ model: DataModel) throws(NSOError) {
    guard let node = place.node else { throw NSOError(.badPath, "the root has no attributes") }
    // Whether a provider keeps attributes of its configuration shows when it is asked.
    if model[node].placement == .configuration || (model[node].placement == .provider && model[node].isConfiguration) { return }
    throw NSOError(.unavailable, "\(place.text(model)) is operational data, which has no attributes here")
  }

  private func copy(
    _ call: MAAPICall, to target: TransactionHandle, _ place: Location, _ op: UInt32
  ) throws(NSOError) -> FrameOutcome {
    let source = try use(call).transaction
    let destination = try use(target)
    return changeAtLength(destination, at: place, op, try destination.transaction.takingOver(from: source, below: place))
  }
}
