import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire

/// Cursors with an XPath filter or in the order of a secondary index (protocol part 04, section 5.1). What such a cursor has to know is in
/// the position that travels; entries are looked for on a thread of their own, since a filter may pass over many.
extension MAAPIConnection {
  /// Where a walk goes on.
  private enum Stand: Sendable {
    case position(ListPosition)
    /// In the order of an index: after this key of it, which only an index that we made has; in any case after the entry with these
    /// keys.
    case index(after: (key: [UInt8]?, entry: [Value])?)
    /// In the order of an index: at values of its leafs.
    case values([Value], inclusive: Bool)
  }

  private struct Walk: Sendable {
    var list: Location
    var filter: EntryFilter?
    var index: String
    var stand: Stand
    /// The order, if the cursor was here before.
    var order: IndexOrder?
  }

  /// An entry that was found, or that there is none, and what the cursor keeps.
  private struct Found: Sendable {
    var keys: [Value]?
    var position: ListPosition?
    var indexKey: [UInt8]?
    var order: IndexOrder?
  }

  /// GET_NEXT, where it is none of a plain cursor; else nil.
  func walkNext(_ request: GetNext, _ use: TransactionUse, _ isRelative: Bool, _ op: UInt32) throws(NSOError) -> FrameOutcome? {
    guard
      let walk = try walk(request.position, request.path, request.index, request.cursor, use, isRelative)
    else { return nil }
    return find(walk, request.cursor, use, op)
  }

  /// FIND_NEXT in the order of an index; else nil. A filter has no effect on it.
  func walkTo(_ request: FindNext, _ use: TransactionUse, _ isRelative: Bool, _ op: UInt32) throws(NSOError) -> FrameOutcome? {
    guard !request.index.isEmpty else { return nil }
    let list = try use.locateVisible(request.path, isRelative)
    let stand = Stand.values(request.keys, inclusive: request.includesSame)
    return find(Walk(list: list, filter: nil, index: request.index, stand: stand), request.cursor, use, op)
  }

  private func walk(
    _ position: CursorPosition, _ path: WireKeypath, _ index: String, _ cursor: Int64, _ use: TransactionUse,
    _ isRelative: Bool
  ) throws(NSOError) -> Walk? {
    let filter: String?
    let stand: Stand
    let known = use.cursors[cursor]
    switch position {
    case .first(let text):
      guard text != nil || !index.isEmpty else { return nil }
      filter = text
      stand = index.isEmpty ? .position(.start) : .index(after: nil)
    case .after(let entry):
      guard let walk = entry.walk else { return nil }
      filter = walk.filter
      if index.isEmpty {
        let list = try use.locateVisible(path, isRelative)
        if let known, known.list.path == list.path, known.keys == entry.keys {
          stand = .position(known.stand)
        } else {
          stand = .position(
            try use.read { (view) throws(NSOError) in try view.position(list, at: entry.keys, inclusive: false) })
        }
      } else {
        stand = .index(after: (walk.indexKey, entry.keys))
      }
    }
    let list = try use.locateVisible(path, isRelative)
    let parsed = try filter.map { (text) throws(NSOError) in
      if let filter = known?.filter, filter.text == text { return filter }
      return try EntryFilter(text, use.model)
    }
    let order = known?.list.path == list.path && known?.index == index ? known?.order : nil
    return Walk(list: list, filter: parsed, index: index, stand: stand, order: order)
  }

  private func find(_ walk: Walk, _ cursor: Int64, _ use: TransactionUse, _ op: UInt32) -> FrameOutcome {
    let later = connection.later { (result: Result<Found, NSOError>, out) in
      switch result {
      case .failure(let error): out.writeFailure(op: op, error)
      case .success(let found):
        out.writeReply(.entry(self.keep(found, walk, cursor, use)), to: op)
      }
      return .done
    }
    let (transaction, isUnchecked) = (use.transaction, use.isUnchecked)
    services.offload(to: later) { () throws(NSOError) in
      let view = try transaction.view(unchecked: isUnchecked)
      var steps = try Steps(view, walk)
      return try steps.next()?.found ?? Found()
    }
    return .later
  }

  /// Notes where the cursor stands, and gives the position that travels.
  private func keep(_ found: Found, _ walk: Walk, _ cursor: Int64, _ use: TransactionUse) -> CursorEntry? {
    guard let keys = found.keys else {
      use.cursors.remove(cursor)
      return nil
    }
    use.cursors.set(
      cursor,
      CursorTable.Cursor(
        list: walk.list, keys: keys, stand: found.position ?? .start, filter: walk.filter, index: walk.index, order: found.order
      ))
    return CursorEntry(walk: CursorEntry.Walk(filter: walk.filter?.text, indexKey: found.indexKey), keys: keys)
  }

  /// GET_OBJECTS, where it is none of a plain cursor; else nil.
  func walkObjects(
    _ request: GetObjects, count: Int, _ use: TransactionUse, _ isRelative: Bool, _ op: UInt32
  ) throws(NSOError) -> FrameOutcome? {
    guard
      let walk = try walk(request.position, request.path, request.index, request.cursor, use, isRelative)
    else { return nil }
    let limit = connection.frameLimit
    let options = use.options
    let later = connection.later { (result: Result<Page, NSOError>, out) in
      switch result {
      case .failure(let error): out.writeFailure(op: op, error)
      case .success(let page):
        let next = self.keep(page.last, walk, request.cursor, use)
        out.writeAnswer(to: op) { (out) throws(NSOError) in
          out.writeTermVersion()
          out.writeTermTuple(arity: 2)
          if let next { out.writeTerm(next.term) } else { out.writeTermBool(false) }
          out.writeTermListHeader(count: page.count)
          out.writeImmutableBuffer(page.objects)
          out.writeTermListEnd(count: page.count)
        }
      }
      return .done
    }
    let (transaction, isUnchecked) = (use.transaction, use.isUnchecked)
    services.offload(to: later) { () throws(NSOError) in
      let view = try transaction.view(unchecked: isUnchecked)
      var steps = try Steps(view, walk)
      var page = Page()
      while page.count < count {
        guard let step = try steps.next() else {
          page.last = Found()
          return page
        }
        try view.writeExistingObject(step.entry.location, options, into: &page.objects)
        guard page.objects.readableBytes < limit else {
          throw NSOError(
            .resourceDenied, "\(walk.list.text(view.model)): the reply is longer than \(limit) bytes; ask for fewer entries")
        }
        page.count += 1
        page.last = step.found
      }
      return page
    }
    return .later
  }

  private struct Page: Sendable {
    var objects = ByteBuffer()
    var count = 0
    var last = Found()
  }

  /// Goes from entry to entry, on one thread.
  private struct Steps {
    private let view: TreeView
    private var walk: EntryWalk
    private var position = ListPosition.start
    private let plan: Walk
    private var indexKey: [UInt8]?
    private var order: IndexOrder?
    /// In the order that a data provider has.
    private var providerStand: EntryWalk.OrderStand?
    private var hasGiven = false

    init(_ view: TreeView, _ plan: Walk) throws(NSOError) {
      self.view = view
      self.plan = plan
      walk = try EntryWalk(view, plan.list, plan.filter)
      if case .position(let position) = plan.stand { self.position = position }
      guard !plan.index.isEmpty else { return }
      let stand: EntryWalk.OrderStand =
        switch plan.stand {
        case .position, .index(nil): .start
        case .index(let last?): .after(try Self.entryKey(last.entry, plan, view))
        case .values(let values, let inclusive): .values(values, inclusive: inclusive)
        }
      // One that was made is kept to.
      if plan.order == nil { providerStand = try walk.ordered(by: plan.index, from: stand) }
      if providerStand == nil { try sort() }
    }

    private static func entryKey(_ keys: [Value], _ plan: Walk, _ view: TreeView) throws(NSOError) -> [UInt8] {
      try view.position(plan.list, at: keys, inclusive: false).entryKey
    }

    /// Makes the order of the index, or takes the one that the cursor has.
    private mutating func sort() throws(NSOError) {
      providerStand = nil
      let made: IndexOrder
      if let known = plan.order, known.isCurrent(in: view) {
        made = known
      } else {
        made = try IndexOrder(plan.index, of: plan.list, view)
      }
      order = made
      switch plan.stand {
      case .position, .index(nil): break
      case .index(let last?):
        // Of a walk that a provider ordered until now the place in our order has to be found.
        var known = last.key
        if known == nil { known = made.key(ofEntry: try Self.entryKey(last.entry, plan, view)) }
        guard let key = known else {
          throw NSOError(
            .badState,
            "\(plan.list.text(view.model)): the entry after which the walk in the order of index \(plan.index) was to go on is gone: begin it anew"
          )
        }
        indexKey = key
      case .values(let values, let inclusive):
        indexKey = try made.stand(at: values, inclusive: inclusive, of: plan.list, view.model)
      }
    }

    mutating func next() throws(NSOError) -> (entry: TreeView.Entry, found: Found)? {
      if var stand = providerStand {
        do throws(NSOError) {
          guard let entry = try walk.next(index: plan.index, &stand) else { return nil }
          providerStand = stand
          hasGiven = true
          return (entry, Found(keys: try view.keys(of: entry, in: walk.list)))
        } catch {
          // It has no such order: we sort.
          guard error.code == .notImplemented, !hasGiven else { throw error }
          try sort()
        }
      }
      if let order {
        guard let entry = try walk.next(order, after: &indexKey) else { return nil }
        let keys = try view.keys(of: entry, in: walk.list)
        return (entry, Found(keys: keys, indexKey: indexKey, order: order))
      }
      guard let entry = try walk.next(&position) else { return nil }
      return (entry, Found(keys: try view.keys(of: entry, in: walk.list), position: position))
    }
  }
}
