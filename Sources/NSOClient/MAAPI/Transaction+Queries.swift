public import NSOModel
import NSOTerms
public import NSOWire

/// A query that is answered in chunks (protocol part 04, operations 255 to 260). It ends with ``stop()``, or with its transaction.
/// Daemons other than ours may have other forms of these operations.
public struct Query: Sendable {
  let transaction: Transaction
  let id: Int64

  /// The next chunk of results: for each result one item for each selection. Empty at the end.
  public func next() async throws -> [[QueryChunk.Item]] {
    guard case .query(let chunk) = try await transaction.maapi.reply(to: .queryResult(query: id)) else { throw ReplyMismatch() }
    return chunk.results
  }

  /// How many results there are in all.
  public func count() async throws -> Int {
    try await transaction.narrow(transaction.maapi.integer(.queryResultCount(query: id)))
  }

  /// Goes on with the result of this number, counted from 1.
  public func reset(to offset: Int = 1) async throws {
    try await transaction.maapi.done(.queryReset(query: id, offset: Int64(offset)))
  }

  public func stop() async throws { try await transaction.maapi.done(.queryStop(query: id)) }
}

extension Transaction {
  /// Starts a query.
  ///
  /// - Parameters:
  ///   - expression: XPath that selects the results.
  ///   - context: where it begins.
  ///   - selections: XPath for what is told of each result, with the result as context node; none means the result itself.
  ///   - order: XPath by whose values the results are sorted.
  ///   - type: in which form results are told.
  ///   - chunkSize: results per chunk; 0 leaves it to the daemon.
  ///   - offset: the first result that is wanted, counted from 1.
  /// - Throws: `xpath` when an expression is wrong, `badPath`.
  public func query(
    _ expression: String, from context: some PathConvertible = Keypath.root, select selections: [String] = [],
    sortedBy order: [String] = [], as type: QueryResultType = .text, chunkSize: Int = 0, offset: Int = 1
  ) async throws -> Query {
    let request = QueryStart(
      expression, context: context.wirePath, chunkSize: Int64(chunkSize), offset: Int64(offset), resultType: type,
      selections: selections, order: order)
    return Query(transaction: self, id: try await integer(.queryStart(request)))
  }

  /// The nodes that a leafref or instance-identifier points to. Daemons other than ours may not know the operation (252).
  public func targets(of path: some PathConvertible) async throws -> [Keypath] {
    guard case .paths(let paths) = try await reply(to: .dereference(path.wirePath)) else { throw ReplyMismatch() }
    return paths
  }

  /// Whether a node is shown to users: its `when` and display conditions hold.
  public func isDisplayed(_ path: some PathConvertible) async throws -> Bool { try await bool(.doDisplay(path.wirePath)) }

  /// The entries of a list in the order of a secondary index.
  /// - Parameter values: begin at these values of the index leafs, which may be fewer than it has.
  public func entries(of list: some PathConvertible, by index: String, from values: [Value]? = nil) -> ListEntries {
    ListEntries(
      transaction: self, list: list.wirePath, start: .first(filter: nil),
      find: values.map { .init(keys: $0, includesSame: true) }, index: index)
  }
}

extension MAAPI {
  /// The keypath of an instance path in XPath form, all keys given. Daemons other than ours may not know the operation (228).
  public func keypath(ofXPath text: String) async throws -> Keypath {
    guard case .path(let path) = try await reply(to: .xpathToPath(text)) else { throw ReplyMismatch() }
    return path
  }
}
