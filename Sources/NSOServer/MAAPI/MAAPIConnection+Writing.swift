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
    case .setElem2(let text, let path):
      try edit(call, path) { (editor, place) throws(NSOError) in try editor.set(place, text: text) }
    case .create(let path):
      try edit(call, path) { (editor, place) throws(NSOError) in try editor.create(place) }
    case .delete(let path):
      try edit(call, path) { (editor, place) throws(NSOError) in try editor.delete(place) }
    case .moveOrdered(let path, let place):
      try edit(call, path) { (editor, entry) throws(NSOError) in try editor.move(entry, to: MovePlace(place)) }
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
      try use(call).transaction.writeOne { (editor) throws(NSOError) in try editor.remove(.root) }
    default: return nil
    }
    out.writeDone(op)
    return .done
  }

  private func edit(
    _ call: MAAPICall, _ path: WireKeypath, _ body: (inout TreeEditor, Location) throws(NSOError) -> Void
  ) throws(NSOError) {
    let use = try use(call)
    let place = try use.locate(path, call.isRelative)
    try use.transaction.writeOne { (editor) throws(NSOError) in try body(&editor, place) }
  }

  /// Several values at once: all of them, or none. Many of them are written on a thread of its own.
  private func editAll(
    _ call: MAAPICall, _ path: WireKeypath, _ op: UInt32, size: Int, _ out: inout ByteBuffer,
    _ body: @escaping @Sendable (inout TreeEditor, Location) throws(NSOError) -> Void
  ) throws(NSOError) -> FrameOutcome {
    let use = try use(call)
    let place = try use.locate(path, call.isRelative)
    let transaction = use.transaction
    if size > 512 {
      return connection.elsewhere(op, services) { (_) throws(NSOError) in
        try transaction.writeAtLength { (editor) throws(NSOError) in try body(&editor, place) }
      }
    }
    try transaction.write { (editor) throws(NSOError) in try body(&editor, place) }
    out.writeDone(op)
    return .done
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
