import NSODocument
import NSOEngine
import NSOModel

extension NetconfSession {
  /// `get` and `get-config`.
  /// - Parameter database: operational: running and operational data.
  func data(of database: DatabaseName, _ operation: DocumentTree) async throws -> Outcome {
    var options = SaveOptions(
      format: .xml, content: database == .operational ? .all : .configuration, hidesHidden: true)
    options.isNetconfData = true
    if let element = operation.child("with-defaults", in: NetconfNames.withDefaults) {
      switch element.trimmedText {
      case "explicit": options.defaults = .explicit
      case "report-all": options.defaults = .all
      case "report-all-tagged": options.defaults = .allTagged
      case "trim": options.defaults = .trim
      case let other:
        throw RPCError.invalidValue(
          "with-defaults: \"\(other.prefix(100))\" is none of explicit, report-all, report-all-tagged, trim", "with-defaults")
      }
    }
    let transaction = try engine.startTransaction(session, on: database, .read)
    let model = transaction.model
    do {
      if let filter = operation.child("filter") { try set(filter, &options, model) }
      let view = try transaction.view()
      let (pieces, first) = try await look(model) { [options] () throws(NSOError) in
        let pieces = try DataPieces(view, options)
        return (pieces, try pieces.next())
      }
      return .data(DataReply(transaction: transaction, pieces: pieces, first: first))
    } catch {
      engine.finish(transaction)
      throw (error as? NSOError).map { RPCError($0, model) } ?? error
    }
  }

  /// - Throws: bad-attribute, missing-attribute.
  private func set(_ filter: DocumentTree, _ options: inout SaveOptions, _ model: DataModel) throws(RPCError) {
    // Clients have the attributes with the namespace, too.
    func attribute(_ name: String) -> String? {
      filter.element.attributes.first {
        $0.name.local == name && ($0.name.space == .none || $0.name.space == .namespace(NetconfNames.base))
      }?.value.lexical
    }
    switch attribute("type") ?? "subtree" {
    case "subtree":
      guard filter.text.allSatisfy(\.isWhitespace) else {
        throw RPCError.badElement("filter", "a subtree filter holds elements, not text")
      }
      options.subtree = SubtreeFilter(filter.children, model)
    case "xpath":
      guard let select = attribute("select") else {
        throw RPCError(
          .protocol, "missing-attribute", "a filter of type xpath needs the attribute select",
          info: [("bad-attribute", "select"), ("bad-element", "filter")])
      }
      options.filter = select
      if case .prefixes(let scope) = filter.element.names { options.filterPrefixes = scope.prefixes.filter { !$0.key.isEmpty } }
    case let other:
      throw RPCError(
        .protocol, "bad-attribute", "a filter is of type subtree or xpath, not \(other.prefix(100))",
        info: [("bad-attribute", "type"), ("bad-element", "filter")])
    }
  }
}
