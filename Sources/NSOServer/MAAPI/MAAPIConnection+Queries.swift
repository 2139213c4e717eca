import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

/// The queries of one connection. Each belongs to a transaction and ends with it.
struct QueryTable {
  struct Query {
    var transaction: Int32
    var query: DataQuery
    var resultType: QueryResultType
    var chunkSize: Int
    /// The next result, counted from 0; never beyond the last one, whatever the client asks for.
    private(set) var next: Int

    init(transaction: Int32, query: DataQuery, resultType: QueryResultType, chunkSize: Int, next: Int) {
      self.transaction = transaction
      self.query = query
      self.resultType = resultType
      self.chunkSize = chunkSize
      self.next = min(next, query.count)
    }

    mutating func go(to next: Int) { self.next = min(next, query.count) }

    /// Passes over a chunk that was sent.
    mutating func advance() { next += min(chunkSize, query.count - next) }
  }

  private var queries: [Int64: Query] = [:]
  private var last: Int64 = 0
  private static let limit = 64

  mutating func add(_ query: Query) throws(NSOError) -> Int64 {
    guard queries.count < Self.limit else {
      throw NSOError(.resourceDenied, "this connection has \(Self.limit) queries: stop some (QUERY_STOP)")
    }
    last = last < Int64(Int32.max) ? last + 1 : 1
    while queries[last] != nil { last += 1 }
    queries[last] = query
    return last
  }

  func query(_ id: Int64) throws(NSOError) -> Query {
    guard let query = queries[id] else {
      throw NSOError(.noExists, "there is no query \(id) on this connection; it may have ended with its transaction")
    }
    return query
  }

  mutating func set(_ id: Int64, next: Int) { queries[id]?.go(to: next) }

  mutating func advance(_ id: Int64) { queries[id]?.advance() }

  mutating func remove(_ id: Int64) throws(NSOError) {
    guard queries.removeValue(forKey: id) != nil else {
      throw NSOError(.noExists, "there is no query \(id) on this connection")
    }
  }

  mutating func removeAll(of transaction: Int32) { queries = queries.filter { $0.value.transaction != transaction } }
}

/// Queries in chunks, paths in other forms, references (protocol part 04, section 8.2).
extension MAAPIConnection {
  /// Where the client leaves it to the daemon.
  private static let chunkSize = 100

  /// Nil: another kind of request.
  func query(_ call: MAAPICall, _ op: UInt32, _ out: inout ByteBuffer) throws(NSOError) -> FrameOutcome? {
    switch call.request {
    case .queryStart(let request): return try start(call, request, op)
    case .queryResult(let id): return try results(id, op)
    case .queryReset(let id, let offset):
      _ = try queries.query(id)
      queries.set(id, next: try Self.start(offset))
      out.writeDone(op)
    case .queryStop(let id):
      try queries.remove(id)
      out.writeDone(op)
    case .queryResultCount(let id): out.writeReply(.integer(Int64(try queries.query(id).query.count)), to: op)
    case .xpathToPath(let text): out.writeReply(.path(try engine.model.keypath(ofXPath: text)), to: op)
    case .xpathToPathInTransaction(let text):
      out.writeReply(.path(try use(call).model.keypath(ofXPath: text)), to: op)
    case .hkeypathToIKeypath(let hashes): out.writeReply(.path(try engine.model.keypath(ofHashes: hashes)), to: op)
    case .dereference(let path):
      let use = try use(call)
      let leaf = try use.locateVisible(path, call.isRelative)
      let view = try use.view()
      let later = connection.later { (result: Result<[Keypath], NSOError>, out) in
        switch result {
        case .success(let paths): out.writeReply(.paths(paths), to: op)
        case .failure(let error): out.writeFailure(op: op, error)
        }
        return .done
      }
      services.offload(to: later) { () throws(NSOError) in try view.targets(of: leaf) }
      return .later
    case .doDisplay(let path):
      let use = try use(call)
      let place = try use.locate(path, call.isRelative)
      let view = try use.view()
      return connection.elsewhere(op, services) { (out) throws(NSOError) in
        out.writeAnswer(try view.isDisplayed(place) ? 1 : 0)
      }
    default: return nil
    }
    return .done
  }

  private static func start(_ offset: Int64) throws(NSOError) -> Int {
    guard let start = Int(exactly: offset), start >= 1 else {
      throw NSOError(.protocolUsage, "offset \(offset): results of a query are counted from 1")
    }
    return start - 1
  }

  private func start(_ call: MAAPICall, _ request: QueryStart, _ op: UInt32) throws(NSOError) -> FrameOutcome {
    let use = try use(call)
    let context = Keypath(try use.locate(request.context, call.isRelative), use.model)
    guard let chunk = Int(exactly: request.chunkSize), (0...1_000_000).contains(chunk) else {
      throw NSOError(.protocolUsage, "a chunk of \(request.chunkSize) results: ask for 1 to 1000000, or 0 for the default")
    }
    let first = try Self.start(request.offset)
    let view = try use.view()
    let handle = use.transaction.handle
    let later = connection.later { (result: Result<DataQuery, NSOError>, out) in
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        let query = QueryTable.Query(
          transaction: handle, query: try result.get(), resultType: request.resultType,
          chunkSize: chunk == 0 ? Self.chunkSize : chunk, next: first)
        out.writeAnswer(try self.queries.add(query))
      }
      return .done
    }
    services.offload(to: later) { () throws(NSOError) in
      try DataQuery(
        XPathQuery(request.expression, context: context), selections: request.selections, order: request.order,
        asText: request.resultType == .text, view)
    }
    return .later
  }

  private func results(_ id: Int64, _ op: UInt32) throws(NSOError) -> FrameOutcome {
    let query = try queries.query(id)
    let model = query.query.model
    let limit = connection.frameLimit
    let later = connection.later { (result: Result<ByteBuffer, NSOError>, out) in
      if case .success = result { self.queries.advance(id) }
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        // Without the op word, which is there already.
        var payload = try result.get()
        payload.moveReaderIndex(forwardBy: 4)
        out.writeImmutableBuffer(payload)
      }
      return .done
    }
    services.offload(to: later) { () throws(NSOError) in
      let found = try query.query.results(from: query.next, count: query.chunkSize, textBytes: limit)
      let chunk = QueryChunk(
        offset: Int64(query.next + 1), resultType: query.resultType,
        results: found.map { items in items.map { QueryChunk.Item($0, query.resultType, model) } })
      var payload = ByteBuffer()
      Reply.query(chunk).write(op: op, into: &payload)
      guard payload.readableBytes < limit else {
        throw NSOError(.resourceDenied, "the chunk is longer than \(limit) bytes; start the query with smaller chunks")
      }
      return payload
    }
    return .later
  }
}

extension QueryChunk.Item {
  init(_ item: DataQuery.Item, _ type: QueryResultType, _ model: DataModel) {
    switch item {
    case .nothing: self = .nothing
    case .text(let text): self = .text(text)
    case .node(let location, let value):
      switch type {
      case .text, .path: self = .path(Keypath(location, model))
      case .pathAndValue: self = .pathAndValue(Keypath(location, model), value)
      case .tagAndValue:
        guard let node = location.node else {
          self = .nothing
          return
        }
        self = .tagAndValue(Tag(model.schema[node].name), value)
      }
    }
  }
}
