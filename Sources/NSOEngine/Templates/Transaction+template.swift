public import NSOModel
import NSOSchema
import NSOStore
import NSOXPath
import Synchronization

/// A value for a template: what an expression gives at the node that the template is applied on.
public struct TemplateArgument: Sendable {
  public var name: String
  public var expression: String

  public init(name: String, expression: String) {
    self.name = name
    self.expression = expression
  }
}

extension Transaction {
  /// Applies a configuration template (protocol part 04, NCS_APPLY_TEMPLATE): all of it, or nothing when it fails. Takes time in
  /// proportion to what it reads and writes; meanwhile others read what was there before, and cannot write.
  /// - Parameters:
  ///   - root: the root and first context node of its expressions.
  ///   - arguments: its variables; others than it uses are no fault.
  /// - Throws: NOEXISTS for an unknown template or root, XPATH for an argument that cannot be evaluated, NCS_TEMPLATE for what is
  ///   wrong in the template or refuses its writes, with file and line; NOT_WRITABLE, BADSTATE, RESOURCE_DENIED; NOTRANS when the transaction
  ///   ends meanwhile.
  public func apply(
    _ name: String, of table: TemplateTable, at root: Location, _ arguments: [TemplateArgument],
    as writer: TransactionWriter = .owner
  ) throws(NSOError) {
    try writeAtLength(as: writer, try applying(name, of: table, at: root, arguments))
  }

  /// The write that applying a template is.
  public func applying(
    _ name: String, of table: TemplateTable, at root: Location, _ arguments: [TemplateArgument]
  ) throws(NSOError) -> @Sendable (inout TreeEditor) throws(NSOError) -> Void {
    guard database != .operational else {
      throw NSOError(.notWritable, "\(summary) takes operational data only: templates write configuration")
    }
    let template = try table.template(named: name, for: model)
    return { (editor) throws(NSOError) in
      try editor.settlingConditions(at: .root) { (editor) throws(NSOError) in
        let run = try TemplateRun(template, editor, at: root, arguments) { self.phase == .finished }
        try run.start(&editor)
      }
    }
  }
}
