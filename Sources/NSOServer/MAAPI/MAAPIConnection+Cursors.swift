import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire

/// Where a cursor goes on; the store's, which knows what followed an entry that has gone since.
typealias CursorStand = ListPosition

/// List traversal (protocol part 04, section 5.1).
extension MAAPIConnection {
  /// Up to so many entries are read on the event loop.
  private static let entriesAtOnce = 32

  func getNext(
    _ request: GetNext, _ use: TransactionUse, _ isRelative: Bool, _ op: UInt32, _ out: inout ByteBuffer
  ) throws(NSOError) -> FrameOutcome {
    if let outcome = try walkNext(request, use, isRelative, op) { return outcome }
    let list = try use.locateVisible(request.path, isRelative)
    let view = try use.view()
    var stand = try stand(request.position, list, request.cursor, use, view)
    try answer(try view.next(list, &stand), list, stand, request.cursor, use, view, op, &out)
    return .done
  }

  func findNext(
    _ request: FindNext, _ use: TransactionUse, _ isRelative: Bool, _ op: UInt32, _ out: inout ByteBuffer
  ) throws(NSOError) -> FrameOutcome {
    if let outcome = try walkTo(request, use, isRelative, op) { return outcome }
    let list = try use.locateVisible(request.path, isRelative)
    let view = try use.view()
    var stand = try view.position(list, at: request.keys, inclusive: request.includesSame)
    try answer(try view.next(list, &stand), list, stand, request.cursor, use, view, op, &out)
    return .done
  }

  /// Where to go on: as the cursor remembers it, if it is the same cursor at the same entry; else after the keys.
  private func stand(
    _ position: CursorPosition, _ list: Location, _ cursor: Int64, _ use: TransactionUse, _ view: TreeView
  ) throws(NSOError) -> CursorStand {
    switch position {
    case .first: return .start
    case .after(let entry):
      if let known = use.cursors[cursor], known.list.path == list.path, known.keys == entry.keys { return known.stand }
      return try view.position(list, at: entry.keys, inclusive: false)
    }
  }

  private func answer(
    _ entry: TreeView.Entry?, _ list: Location, _ stand: CursorStand, _ cursor: Int64, _ use: TransactionUse,
    _ view: TreeView, _ op: UInt32, _ out: inout ByteBuffer
  ) throws(NSOError) {
    guard let entry else {
      use.cursors.remove(cursor)
      return out.writeReply(.entry(nil), to: op)
    }
    let keys = try view.keys(of: entry, in: list)
    use.cursors.set(cursor, CursorTable.Cursor(list: list, keys: keys, stand: stand))
    out.writeReply(.entry(CursorEntry(keys: keys)), to: op)
  }

  func getObjects(
    _ request: GetObjects, _ use: TransactionUse, _ isRelative: Bool, _ op: UInt32, _ out: inout ByteBuffer
  ) throws(NSOError) -> FrameOutcome {
    guard let count = Int(exactly: request.maxEntries), count >= 1 else {
      throw NSOError(.protocolUsage, "\(request.path): \(request.maxEntries) entries cannot be asked for: ask for 1 or more")
    }
    if let outcome = try walkObjects(request, count: count, use, isRelative, op) { return outcome }
    let list = try use.locateVisible(request.path, isRelative)
    let view = try use.view()
    let stand = try stand(request.position, list, request.cursor, use, view)
    let limit = connection.frameLimit
    let options = use.options
    if count <= Self.entriesAtOnce {
      let page = try view.page(of: list, from: stand, count: count, options: options, limit: limit)
      reply(page, list, request.cursor, use, op, &out)
      return .done
    }
    let later = connection.later { (result: Result<ObjectPage, NSOError>, out) in
      switch result {
      case .success(let page): self.reply(page, list, request.cursor, use, op, &out)
      case .failure(let error): out.writeFailure(op: op, error)
      }
      return .done
    }
    services.offload(to: later) { () throws(NSOError) in
      try view.page(of: list, from: stand, count: count, options: options, limit: limit)
    }
    return .later
  }

  private func reply(
    _ page: ObjectPage, _ list: Location, _ cursor: Int64, _ use: TransactionUse, _ op: UInt32, _ out: inout ByteBuffer
  ) {
    if let keys = page.next {
      use.cursors.set(cursor, CursorTable.Cursor(list: list, keys: keys, stand: page.stand))
    } else {
      use.cursors.remove(cursor)
    }
    out.writeAnswer(to: op) { (out) throws(NSOError) in
      out.writeTermVersion()
      out.writeTermTuple(arity: 2)
      if let keys = page.next { out.writeTerm(CursorEntry(keys: keys).term) } else { out.writeTermBool(false) }
      out.writeTermListHeader(count: page.count)
      out.writeImmutableBuffer(page.objects)
      out.writeTermListEnd(count: page.count)
    }
  }
}

/// Some entries of a list, as value arrays.
struct ObjectPage: Sendable {
  /// The terms of the arrays, one after the other.
  var objects = ByteBuffer()
  var count = 0
  /// The keys of the last entry, from which to go on; nil at the end of the list.
  var next: [Value]?
  var stand: CursorStand
}

extension TreeView {
  /// The keys of an entry; of a leaf-list its value.
  func keys(of entry: Entry, in list: Location) throws(NSOError) -> [Value] {
    guard let node = list.node, model[node].kind == .leafList else { return try entry.keys() }
    do throws(TermError) {
      return [try entry.record.withTermReader { (reader) throws(TermError) in try ValueCoding.read(&reader) }]
    } catch {
      throw NSOError(.internal, "\(list.text(model)): an entry of the database is damaged: \(error)")
    }
  }

  func page(
    of list: Location, from stand: CursorStand, count: Int, options: ReadOptions, limit: Int
  ) throws(NSOError) -> ObjectPage {
    var page = ObjectPage(stand: stand)
    var last: Entry?
    while page.count < count {
      guard let entry = try next(list, &page.stand) else { return page }
      try writeExistingObject(entry.location, options, into: &page.objects)
      guard page.objects.readableBytes < limit else {
        throw NSOError(.resourceDenied, "\(list.text(model)): the reply is longer than \(limit) bytes; ask for fewer entries")
      }
      page.count += 1
      last = entry
    }
    page.next = try last.map { (entry) throws(NSOError) in try keys(of: entry, in: list) }
    return page
  }
}
