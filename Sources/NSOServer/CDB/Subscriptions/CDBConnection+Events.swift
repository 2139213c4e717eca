import ExternalTerm
import Logging
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

/// Events on their way to the client, and what it asks about them before it answers (protocol part 03, sections 7.3 and 8).
extension CDBConnection {
  func arrived(_ notice: SubscriptionNotice) {
    guard !isClosed, subscriber.id != nil else { return }
    subscriber.held = notice
    pushHeld()
  }

  func expelled(_ reason: String) {
    guard !isClosed else { return }
    connection.closeNow(.givenUp("\(clientName ?? "the client"): \(reason)"))
  }

  /// Sends the event that waits, unless the client would take it for the answer to a request.
  func pushHeld() {
    guard let notice = subscriber.held, iteration == nil else { return }
    let event = SubscriptionEvent(
      notice.kind.wire, flags: SubscriptionEventFlags(rawValue: notice.flags.rawValue), points: notice.points)
    guard connection.push({ out in out.writeFrame { event.write(into: &$0) } }) else { return }
    subscriber.held = nil
    subscriber.event = notice
  }

  // MARK: Questions

  /// Nil: another kind of request.
  func changes(_ request: CDBRequest, _ isRelative: Bool, _ op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome? {
    switch request {
    case .subscriptionIterate(let point, let flags): return iterate(point, flags, &out)
    case .getModifications(let point, let flags, let path): return modifications(point, flags, path, isRelative, op, &out)
    case .getCLI(let point, let flags):
      let work: (notice: SubscriptionNotice, pattern: SubscriptionPattern)
      do throws(NSOError) {
        work = try pattern(of: point)
      } catch {
        out.writeFailure(op: op, error)
        return .done
      }
      let options: SubscriptionChanges.Options = flags.contains(.reverse) ? .reverse : []
      return connection.elsewhere(op, services) { (out) throws(NSOError) in
        let text = try work.notice.changes.commands(of: work.pattern, options)
        out.writeTermVersion()
        out.writeTermBinary(text)
      }
    case .subscriptionProgress(let text):
      out.writeAnswer(to: op) { (_) throws(NSOError) in
        let event = try requireEvent()
        let text = String(text.prefix(1000))
        connection.logger.info("\(description) on the transaction at hand: \(text)")
        engine.noteProgress(text, by: clientName ?? "a CDB subscriber", on: event)
      }
    case .getUserSession:
      out.writeAnswer(to: op) { (out) throws(NSOError) in out.writeAnswer(try origin().session) }
    case .getTransactionHandle:
      out.writeAnswer(to: op) { (out) throws(NSOError) in out.writeAnswer(try origin().transaction) }
    default: return nil
    }
    return .done
  }

  private func requireEvent() throws(NSOError) -> SubscriptionNotice {
    guard let event = subscriber.event else {
      throw NSOError(.badState, "no event is outstanding on this connection: ask between an event and its answer")
    }
    return event
  }

  private func origin() throws(NSOError) -> SubscriptionNotice.Origin {
    let event = try requireEvent()
    guard iteration == nil else { throw NSOError(.badState, "not in the middle of an iteration: end it first") }
    guard event.kind != .operational else {
      throw NSOError(.badState, "the event is about operational data, which is written without a transaction")
    }
    guard let origin = event.origin else {
      throw NSOError(.noExists, "no transaction is behind this event: it was triggered")
    }
    return origin
  }

  private func pattern(of point: Int32) throws(NSOError) -> (SubscriptionNotice, SubscriptionPattern) {
    let event = try requireEvent()
    guard let pattern = event.patterns[point] else {
      throw NSOError(
        .noExists,
        "point \(point) is not one of the event at hand, which has \(event.points.map(String.init).joined(separator: ", "))")
    }
    return (event, pattern)
  }

  /// There is no reply with an op word here, not even for errors.
  private func iterate(_ point: UInt32, _ flags: IterationFlags, _ out: inout ByteBuffer) -> FrameOutcome {
    let work: (notice: SubscriptionNotice, pattern: SubscriptionPattern)
    do throws(NSOError) {
      work = try pattern(of: Int32(clamping: point))
    } catch {
      let item: IterationItem = error.code == .badState ? .badState(reason: .text(error.message)) : IterationItem(error)
      out.writeFrame { item.write(into: &$0) }
      return .done
    }
    var options: SubscriptionChanges.Options = []
    // Operational data has no old values.
    if flags.contains(.wantPrevious), work.notice.kind != .operational { options.insert(.previousValues) }
    if flags.contains(.wantAncestorDelete) { options.insert(.ancestorDelete) }
    if flags.contains(.wantReverse) { options.insert(.reverse) }
    if flags.contains(.wantSchemaOrder) { options.insert(.schemaOrder) }
    if flags.contains(.wantLeafFirstOrder) { options.insert(.leafsFirst) }
    if flags.contains(.wantLeafLastOrder) { options.insert(.leafsLast) }
    let changes = work.notice.changes
    let later = connection.later { (result: Result<[DataDifference], NSOError>, out) in
      self.begin(
        { () throws(NSOError) in
          let iteration = SubscriptionIteration(try result.get(), changes)
          self.subscriber.iteration = iteration
          return iteration
        }, &out)
    }
    services.offload(to: later) { [options] () throws(NSOError) in try changes.items(of: work.pattern, options) }
    return .later
  }

  func answerIteration(_ frame: ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    let outcome = continueIteration(frame, &out)
    if iteration == nil { subscriber.iteration = nil }
    return outcome
  }

  private func modifications(
    _ point: Int32, _ flags: ModificationFlags, _ path: WireKeypath, _ isRelative: Bool, _ op: UInt32, _ out: inout ByteBuffer
  ) -> FrameOutcome {
    var options: SubscriptionChanges.ModificationOptions = []
    if flags.contains(.includeLists) { options.insert(.lists) }
    if flags.contains(.suppressDefaults) { options.insert(.suppressesDefaults) }
    if flags.contains(.includeMoves) { options.insert(.moves) }
    if flags.contains(.wantAncestorDelete) { options.insert(.ancestorDelete) }
    if flags.contains(.reverse) { options.insert(.reverse) }
    let work: @Sendable () throws(NSOError) -> [TaggedValue]
    do throws(NSOError) {
      if point < 0 {
        // For the node that the iteration has just told; its direction is that of the iteration.
        guard let walk = subscriber.iteration, let last = walk.last else {
          throw NSOError(.badState, "no iteration is under way: without a point, modifications are those of its current node")
        }
        let (items, changes) = (walk.items, walk.changes)
        work = { [options] () throws(NSOError) in try changes.modifications(items, below: last, options) }
      } else {
        let (notice, pattern) = try pattern(of: point)
        let place: Location? =
          path.count == 0 && path.text == nil
          ? nil : try position.resolver(notice.changes.model, isRelative: isRelative).locate(path)
        let changes = notice.changes
        work = { [options] () throws(NSOError) in try changes.modifications(of: pattern, at: place, options) }
      }
    } catch {
      out.writeFailure(op: op, error)
      return .done
    }
    return connection.elsewhere(op, services) { (out) throws(NSOError) in
      let values = try work()
      out.writeTermVersion()
      TaggedValueCoding.write(values, into: &out)
    }
  }
}

extension SubscriptionNotice.Kind {
  fileprivate var wire: SubscriptionEvent.Kind {
    switch self {
    case .prepare: .prepare
    case .commit: .commit
    case .abort: .abort
    case .operational: .operational
    }
  }
}
