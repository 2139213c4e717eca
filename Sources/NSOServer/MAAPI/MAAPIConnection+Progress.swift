import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

/// Progress spans of clients (protocol part 04, section 4.11).
extension MAAPIConnection {
  /// - Parameter use: the transaction that the span belongs to.
  func progress(
    _ request: ProgressSpan, _ session: UserSession, _ use: TransactionUse?, _ isRelative: Bool, _ op: UInt32,
    _ out: inout ByteBuffer
  ) throws(NSOError) {
    switch request {
    case .start(let event):
      let span = engine.progress.beginSpan(
        event.message.text, try subject(event, session, use, isRelative), of: session)
      answer(span, op, &out)
    case .info(let event):
      engine.progress.note(event.message.text, try subject(event, session, use, isRelative), of: session)
      out.writeDone(op)
    case .end(let id, let annotation):
      // Nobody was interested when it began: there is nothing to end, and the reply says so.
      answer(engine.progress.endSpan(id, of: session, annotation.text), op, &out)
    }
  }

  private func subject(
    _ event: ProgressSpan.Event, _ session: UserSession, _ use: TransactionUse?, _ isRelative: Bool
  ) throws(NSOError) -> Progress.Subject {
    guard (0...3).contains(event.verbosity) else {
      throw NSOError(.badType, "verbosity \(event.verbosity): 0 normal, 1 verbose, 2 very verbose, 3 debug")
    }
    var subject = Progress.Subject(session: session, transaction: use?.transaction, verbosity: event.verbosity)
    subject.links = event.links.compactMap { link in
      guard let trace = link.trace, let span = link.span else { return nil }
      return ProgressRecord.Link(trace: trace, span: span)
    }
    for attribute in event.attributes {
      switch attribute.value {
      case .integer(let number): subject.attributes.append(.init(attribute.key, .number(number)))
      case .binary(let bytes):
        subject.attributes.append(.init(attribute.key, .text(String(decoding: bytes, as: UTF8.self))))
      case let other: throw NSOError(.badType, "attribute \(attribute.key): \(other) is neither a text nor a number")
      }
    }
    if !event.path.isRoot {
      do throws(TermError) {
        let path: String
        if let text = event.path.text { path = text } else { path = engine.model.schema.text(of: try event.path.keypath()) }
        subject.attributes.append(.init("path", .text(path)))
      } catch {
        throw NSOError(.badPath, "the path of the span cannot be read: \(error)")
      }
    }
    return subject
  }

  /// The ids of a span, or that there is none.
  private func answer(_ span: TraceSpan?, _ op: UInt32, _ out: inout ByteBuffer) {
    out.writeAnswer(to: op) { (out) throws(NSOError) in
      out.writeTermVersion()
      out.writeTermTuple(arity: 2)
      if let span {
        out.writeTermBinary(span.record.span)
        out.writeTermBinary(span.record.trace)
      } else {
        out.writeTermAtom("undefined" as StaticString)
        out.writeTermAtom("undefined" as StaticString)
      }
    }
  }
}
