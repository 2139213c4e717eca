import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// Configuration templates (protocol part 04, operations 366, 367 and 370).
extension MAAPIConnection {
  /// Nil: another kind of request.
  func templates(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .applyTemplate(let request): return try apply(request, call, op)
    case .templates:
      write(engine.templates.names, op, &out)
      return .done
    case .templateVariables(let name):
      if let handle = call.handle { _ = try use(handle) }
      guard !name.isEmpty else { throw NSOError(.protocolUsage, "NCS_TEMPLATE_VARIABLES needs the name of a template") }
      write(try engine.templates.variables(of: name), op, &out)
      return .done
    default: return nil
    }
  }

  /// There are no services, so what is shared is written like everything else.
  private func apply(_ request: ApplyTemplate, _ call: MAAPICall, _ op: UInt32) throws(NSOError) -> FrameOutcome {
    let use = try use(call)
    let root = try use.locate(request.root, call.isRelative)
    guard !request.hasDocuments else {
      throw NSOError(
        .notImplemented, "template \(request.template): documents for a template are not supported; send an empty list")
    }
    let arguments: [TemplateArgument]
    do throws(TermError) {
      arguments = try request.variableList().map { TemplateArgument(name: $0.name, expression: $0.expression) }
    } catch {
      throw NSOError(
        .protocolUsage,
        "template \(request.template): its variables have to be a list of {name, XPath expression}, two binaries each: \(error)"
      )
    }
    // Where it writes is known only when it has: hooks anywhere may be concerned.
    return changeAtLength(
      use, at: .root, op, try use.transaction.applying(request.template, of: engine.templates, at: root, arguments))
  }

  private func write(_ names: [String], _ op: UInt32, _ out: inout ByteBuffer) {
    out.writeAnswer(to: op) { (out) throws(NSOError) in
      out.writeTermVersion()
      out.writeTermList(names) { $0.writeTermBinary($1) }
    }
  }
}
