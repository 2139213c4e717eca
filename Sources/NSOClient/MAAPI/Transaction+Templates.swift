import ExternalTerm
public import NSOModel
import NSOTerms
public import NSOWire

// Configuration templates (protocol part 04, operations 366, 367 and 370).
extension Transaction {
  /// Applies a configuration template of the daemon in this transaction: all of it, or nothing when it fails.
  ///
  /// ```swift
  /// try await transaction.apply(template: "interface", [.init("NAME", "eth7"), .init("MTU", expression: "/r:defaults/mtu + 20")])
  /// ```
  ///
  /// - Parameters:
  ///   - name: as ``MAAPI/templates()`` gives it.
  ///   - path: the root of the template's expressions, which exists.
  ///   - variables: a value for each variable that the template uses.
  ///   - shared: as a service writes; only daemons with services make a difference.
  /// - Throws: `noExists` for an unknown template or root, `xpath` for a variable whose expression is wrong, `template` for what the
  ///   template does wrong, with file and line.
  public func apply(
    template name: String, at path: some PathConvertible = Keypath.root, _ variables: [TemplateVariable] = [],
    shared: Bool = false
  ) async throws {
    try await done(.applyTemplate(ApplyTemplate(name, root: path.wirePath, variables: variables, isShared: shared)))
  }

  /// The variables that a template uses, in the order of their first use.
  /// - Throws: `noExists` for an unknown template.
  public func variables(ofTemplate name: String) async throws -> [String] {
    try await names(.templateVariables(name))
  }
}

extension MAAPI {
  /// The names of the templates that can be applied.
  public func templates() async throws -> [String] { try await names(.templates) }

  /// As ``Transaction/variables(ofTemplate:)``, without a transaction.
  public func variables(ofTemplate name: String) async throws -> [String] { try await names(.templateVariables(name)) }
}

extension Caller {
  /// A list of names, in whatever form it comes.
  fileprivate func names(_ request: Request) async throws -> [String] {
    switch try await reply(to: request) {
    case .done: return []
    case .term(let term):
      guard case .list(let items) = try term.term() else { throw ReplyMismatch() }
      return items.map(\.messageText)
    default: throw ReplyMismatch()
    }
  }
}
