import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// Writes of operational data (protocol part 03, section 10): each takes effect as a whole, and is answered when it has.
extension CDBConnection {
  /// Nil: not a write.
  func write(_ request: CDBRequest, _ isRelative: Bool, _ op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome? {
    switch request {
    case .setElem(let term, let path):
      return change(op, path, isRelative, &out) { (place, model) throws(NSOError) in
        let value = try term.value(for: place, model)
        return { (editor) throws(NSOError) in try editor.set(place, value) }
      }
    case .setElem2(let text, let path):
      return change(op, path, isRelative, &out) { (place, _) throws(NSOError) in
        { (editor) throws(NSOError) in try editor.set(place, text: text) }
      }
    case .create(let path):
      return change(op, path, isRelative, &out) { (place, _) throws(NSOError) in
        { (editor) throws(NSOError) in try editor.create(place) }
      }
    case .delete(let path):
      return change(op, path, isRelative, &out) { (place, _) throws(NSOError) in
        { (editor) throws(NSOError) in try editor.delete(place) }
      }
    case .setObject(let values, let path):
      return change(op, path, isRelative, &out) { (place, _) throws(NSOError) in
        { (editor) throws(NSOError) in try editor.setObject(values, at: place) }
      }
    case .setValues(let pairs, let path):
      return change(op, path, isRelative, &out) { (place, _) throws(NSOError) in
        { (editor) throws(NSOError) in try editor.setValues(pairs, at: place) }
      }
    case .setAttr(let number, let value, let path):
      return change(op, path, isRelative, &out) { (place, _) throws(NSOError) in
        { (editor) throws(NSOError) in try editor.setAttribute(number, to: value, of: place) }
      }
    case .setCase(let choice, let selected, let path):
      return change(op, path, isRelative, &out) { (place, _) throws(NSOError) in
        { (editor) throws(NSOError) in try editor.selectCase(selected, of: choice, in: place) }
      }
    default: return nil
    }
  }

  private typealias Edit = @Sendable (inout TreeEditor) throws(NSOError) -> Void

  private func change(
    _ op: UInt32, _ path: WireKeypath, _ isRelative: Bool, _ out: inout ByteBuffer,
    _ make: (Location, DataModel) throws(NSOError) -> Edit
  ) -> FrameOutcome {
    let edit: Edit
    let events: Engine.EventfulWrite?
    do throws(NSOError) {
      let session = try requireSession()
      let view = try engine.currentView(session.model)
      var place = try resolver(view, isRelative).locate(path)
      guard session.database == .operational else {
        throw NSOError(
          .notWritable,
          "\(place.text(model)): a CDB session on \(session.database.name) cannot write; use MAAPI for configuration, a session on operational for operational data"
        )
      }
      let current = engine.model
      if current !== session.model { place = try moved(place, from: session.model, to: current) }
      let inner = try make(place, current)
      edit = { (editor) throws(NSOError) in
        // It may wait for the subscription lock, across an upgrade of the schema.
        guard editor.model === current else {
          throw NSOError(.staleInstance, "the schema was upgraded while this write waited: start a new session")
        }
        try inner(&editor)
      }
      events = session.options.contains(.lockRequest) ? eventful(session, place) : nil
    } catch {
      out.writeFailure(op: op, error)
      return .done
    }
    let later = connection.later { (result: Result<Void, NSOError>, out) in
      out.writeAnswer(to: op) { (_) throws(NSOError) in try result.get() }
      return .done
    }
    if let events {
      pendingWrite = engine.writeOperational(edit, events) { later.deliver($0) }
    } else {
      engine.writeOperational(edit) { later.deliver($0) }
    }
    return .later
  }

  /// A place of a session that began before an upgrade of the schema: what is written has to fit the schema of now.
  private func moved(_ place: Location, from old: DataModel, to new: DataModel) throws(NSOError) -> Location {
    do throws(NSOError) {
      return try new.locate(Keypath(place, old))
    } catch {
      throw NSOError(
        .staleInstance,
        "\(place.text(old)): the schema was upgraded since this session began, and the node is another one now (\(error.message)); start a new session"
      )
    }
  }

  /// Subscribers are told of what a session with LOCK_REQUEST writes (protocol part 03, section 6.2).
  private func eventful(_ session: Session, _ place: Location) -> Engine.EventfulWrite {
    Engine.EventfulWrite(
      caller: caller, waits: session.options.contains(.lockWait),
      place: session.options.contains(.lockPartial) ? place : .root)
  }
}

extension EncodedTerm {
  /// The value that a client sends for a place.
  /// - Throws: BADTYPE when the term is no value.
  func value(for place: Location, _ model: DataModel) throws(NSOError) -> Value {
    do throws(TermError) {
      return try value()
    } catch {
      throw NSOError(.badType, "\(place.text(model)): what was sent is no value: \(error)")
    }
  }
}
