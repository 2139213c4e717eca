import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOStore
import NSOTerms
import NSOWire

/// Reads beyond single values (protocol part 03, section 9).
extension CDBConnection {
  /// Nil: not a read.
  func read(_ request: CDBRequest, _ isRelative: Bool, _ op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome? {
    switch request {
    case .getObject(let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let (view, place, options) = try locateObject(path, isRelative)
        out.writeTermVersion()
        try view.writeObject(place, options, into: &out)
      }
    case .getValues(let pairs, let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let (view, place, options) = try locateObject(path, isRelative)
        out.writeTermVersion()
        TaggedValueCoding.write(try view.values(pairs, at: place, options, positions: true), into: &out)
      }
    case .getCase(let choice, let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let (view, place, _) = try locateObject(path, isRelative)
        out.writeTermVersion()
        TagCoding.write(try view.caseInEffect(choice, in: place).name, into: &out)
      }
    case .isDefault(let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let (view, place) = try locate(path, isRelative)
        out.writeAnswer(try view.isDefault(place) ? 1 : 0)
      }
    case .getAttrs(let numbers, let path):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let (view, place) = try locate(path, isRelative)
        let found = try view.attributes(numbers, of: place)
        out.writeTermVersion()
        AttributeCoding.writeList(found, into: &out)
      }
    // What takes time in proportion to the data goes to a thread of its own.
    case .numInstances(let path):
      return bulk(op, path, isRelative, &out) { (view, list, out) throws(NSOError) in out.writeAnswer(try view.count(list)) }
    case .keyIndex(let path):
      return bulk(op, path, isRelative, &out) { (view, entry, out) throws(NSOError) in
        guard entry.isEntry else {
          throw NSOError(.badPath, "\(entry.text(view.model)): the path must end with the keys of a list entry")
        }
        guard let index = try view.index(of: entry) else {
          throw NSOError(.noExists, "\(entry.text(view.model)) does not exist")
        }
        out.writeAnswer(index)
      }
    case .getObjects(let path, let start, let count):
      guard let start = Int(exactly: start), start >= 0, let count = Int(exactly: count), count >= 0 else {
        out.writeFailure(op: op, NSOError(.protocolUsage, "\(path): start \(start) and count \(count) must not be negative"))
        return .done
      }
      let limit = connection.frameLimit
      return bulk(op, path, isRelative, &out) { (view, list, out) throws(NSOError) in
        try view.writeObjects(list, start: start, count: count, limit: limit, &out)
      }
    case .nextIndex(let path): return nextIndex(path, isRelative, op, &out)
    default: return nil
    }
    return .done
  }

  /// A container or list entry may hold data of both kinds; what does not belong to the session is left out of it.
  private func locateObject(
    _ path: WireKeypath, _ isRelative: Bool
  ) throws(NSOError) -> (view: TreeView, place: Location, options: ReadOptions) {
    let session = try requireSession()
    let view = try view(of: session)
    let place = try resolver(view, isRelative).locate(path)
    return (view, place, Self.options(session))
  }

  private static func options(_ session: Session) -> ReadOptions {
    session.database == .operational ? ReadOptions(operationalOnly: true) : ReadOptions(configurationOnly: true)
  }

  private func bulk(
    _ op: UInt32, _ path: WireKeypath, _ isRelative: Bool, _ out: inout ByteBuffer,
    _ work: @escaping @Sendable (TreeView, Location, inout ByteBuffer) throws(NSOError) -> Void
  ) -> FrameOutcome {
    do throws(NSOError) {
      let (view, place) = try locate(path, isRelative)
      return connection.elsewhere(op, services) { (out) throws(NSOError) in try work(view, place, &out) }
    } catch {
      out.writeFailure(op: op, error)
      return .done
    }
  }

  /// The position of the entry that follows a key, which need not exist (protocol part 03, section 9.5).
  private func nextIndex(
    _ path: WireKeypath, _ isRelative: Bool, _ op: UInt32, _ out: inout ByteBuffer
  ) -> FrameOutcome {
    do throws(NSOError) {
      let session = try requireSession()
      let view = try view(of: session)
      let (list, keys) = try resolver(view, isRelative).locate(listAndKeys: path)
      try requireKind(of: list, session.database)
      guard !list.path.isOrderedByUser else {
        throw NSOError(.unavailable, "\(list.text(view.model)) is ordered by user: no entry comes after a key there")
      }
      return connection.elsewhere(op, services) { (out) throws(NSOError) in
        var position = try view.position(list, at: keys, inclusive: false)
        guard let entry = try view.next(list, &position), let index = try view.index(of: entry.location) else {
          return out.writeAnswer(-1)
        }
        out.writeAnswer(index)
      }
    } catch {
      out.writeFailure(op: op, error)
      return .done
    }
  }
}

extension TreeView {
  /// Adds the value of a leaf that was reached the short way. False, and nothing is added: take the long way.
  func writeQuickly(_ leaf: Location, markDefaults: Bool = false, _ out: inout ByteBuffer) -> Bool {
    // A denial is told, and noted, once.
    guard !isRestricted else { return false }
    let start = out.writerIndex
    do throws(NSOError) {
      try writeLeaf(leaf, markDefaults: markDefaults, into: &out)
      return true
    } catch {
      out.moveWriterIndex(to: start)
      return false
    }
  }

  /// The n-th entry of a list, with its keys, which texts and paths show.
  func entry(withKeysIn list: Location, at index: Int) throws(NSOError) -> Location {
    let entry = try entry(list, at: index)
    guard let node = list.node, model.schema[node].kind == .list else { return entry }
    var keys: [Value] = []
    for key in model.schema[node].keys {
      guard let value = try value(entry.child(key, model)) else { return entry }
      keys.append(value)
    }
    guard !keys.isEmpty else { return entry }
    var builder = LocationBuilder(model, from: list)
    try builder.entry(keys)
    return builder.location
  }

  /// Whether a leaf reads as its default because nothing is set.
  /// - Throws: NOEXISTS when it has no value at all.
  func isDefault(_ leaf: Location) throws(NSOError) -> Bool {
    var buffer = ByteBuffer()
    try writeLeaf(leaf, markDefaults: true, into: &buffer)
    return buffer.withUnsafeReadableBytes { bytes in
      var reader = TermReader(bytes)
      return (try? reader.readAtomBytes().equals("default")) ?? false
    }
  }

  /// Exactly `count` value arrays from the entry at position `start` on.
  /// - Throws: NOEXISTS when there are fewer.
  func writeObjects(
    _ list: Location, start: Int, count: Int, limit: Int, _ out: inout ByteBuffer
  ) throws(NSOError) {
    out.writeTermVersion()
    out.writeTermListHeader(count: count)
    var position = ListPosition.start
    if count > 0, start > 0 { position = .atOrAfter(try entry(list, at: start).path.entryKey ?? []) }
    for offset in 0..<count {
      guard let entry = try next(list, &position) else {
        throw NSOError(.noExists, "\(list.text(model)) has no entry at position \(start + offset)")
      }
      try writeExistingObject(entry.location, ReadOptions(), into: &out)
      guard out.readableBytes < limit else {
        throw NSOError(.resourceDenied, "\(list.text(model)): the reply is longer than \(limit) bytes; ask for fewer entries")
      }
    }
    out.writeTermListEnd(count: count)
  }
}
