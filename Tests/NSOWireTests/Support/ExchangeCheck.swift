import ExternalTerm
import NIOCore
import NSOModel
import NSOWire

/// Checks one exchange of MAAPI, CDB or schema vectors: every frame decodes to a typed message that says what the vector says
/// and encodes back to the same bytes.
struct ExchangeCheck {
  let vector: Vector
  /// What the last request was, for the reply to it.
  private var shape: ReplyShape?
  private var op: UInt32 = 0
  private var isXPath = false
  private var isSchema = false
  /// The last reply, for comparison with `client_result`.
  private(set) var last: ReplyFrame?
  private(set) var comparedTerms = 0

  init(_ vector: Vector) { self.vector = vector }

  mutating func run() throws {
    for (index, frame) in vector.frames.enumerated() {
      do {
        try check(frame)
      } catch {
        throw CheckFailure("frame \(index) (\(frame.dir) \(frame.hex.prefix(80))): \(error)")
      }
    }
    try checkResult()
  }

  private mutating func check(_ frame: Vector.Frame) throws {
    switch (frame.kind, frame.isFromClient) {
    case ("hello", true):
      var bytes = frame.bytes
      let hello = ClientHello(from: &bytes)
      try expect(hello != nil && bytes.readableBytes == 0, "no hello")
      try same(frame) { hello?.write(into: &$0) }
    case ("hello", false):
      var bytes = frame.bytes
      let reply = HelloReply(from: &bytes)
      try expect(reply != nil && bytes.readableBytes == 0, "no hello reply")
      try same(frame) { reply?.write(into: &$0) }
    case ("frame", true): try checkRequest(frame)
    case ("frame", false): try checkReply(frame)
    case ("close", _): break
    default: throw CheckFailure("a frame of kind \(frame.kind)")
    }
  }

  private func same(_ frame: Vector.Frame, _ write: (inout ByteBuffer) -> Void) throws {
    var written = ByteBuffer()
    write(&written)
    try expect(hexText(written) == frame.hex, "encoded again it is \(hexText(written))")
  }

  /// The term of the payload is what the vector's notation says.
  private mutating func compareTerm(_ frame: Vector.Frame, from offset: Int) throws {
    guard let text = frame.term, let wanted = TermNotation.parse(text), frame.hex.count > 2 * offset else { return }
    guard let payload = frame.bytes.getSlice(at: offset, length: frame.bytes.readableBytes - offset) else { return }
    let term = try Term(encoded: payload)
    try expect(term == wanted, "the term is \(term), not \(text)")
    comparedTerms += 1
  }

  private mutating func checkRequest(_ frame: Vector.Frame) throws {
    let bytes = frame.bytes
    if frame.op == nil {
      guard let answer = IterationAnswer(bytes) else { throw CheckFailure("neither request nor iteration answer") }
      return try same(frame) { answer.write(into: &$0) }
    }
    if vector.clientID == 7 {
      let call = try MAAPICall(bytes)
      try expect(call.request.op == UInt32(frame.op ?? 0), "op \(call.request.op)")
      try expect(call.handle?.rawValue == frame.th.map { Int32($0) }, "handle \(call.handle?.description ?? "none")")
      if case .unknown = call.request { throw CheckFailure("no message for it") }
      try same(frame) { call.write(into: &$0) }
      try compareTerm(frame, from: frame.th == nil ? 4 : 8)
      shape = call.request.operation?.info.reply
      op = call.request.op
      isXPath = call.request.operation == .xpathEval || call.request.operation == .xpathEvalExpr
      isSchema = call.request.operation == .loadAllNamespaces
    } else {
      let call = try CDBCall(bytes)
      try expect(call.request.op == UInt32(frame.op ?? 0), "op \(call.request.op)")
      if case .unknown = call.request { throw CheckFailure("no message for it") }
      try same(frame) { call.write(into: &$0) }
      try compareTerm(frame, from: 4)
      shape = call.request.operation?.info.reply
      op = call.request.op
      if shape == .noReply { shape = nil }
    }
  }

  private mutating func checkReply(_ frame: Vector.Frame) throws {
    let bytes = frame.bytes
    if frame.isBareTerm {
      try compareTerm(frame, from: 0)
      if isSchema {
        let items = try SchemaItem.items(in: bytes)
        var written = ByteBuffer()
        SchemaItem.write(items, into: &written)
        var hex = hexText(written)
        // Our daemon sends a single item alone; as a list it is the same with the list around it.
        if items.count == 1, frame.hex.hasPrefix("836c") { hex = "836c00000001" + hex.dropFirst(2) + "6a" }
        return try expect(hex == frame.hex, "encoded again it is \(hex)")
      }
      if isXPath {
        let item = try XPathItem(bytes)
        return try same(frame) { item.write(into: &$0) }
      }
      let item = try IterationItem(bytes)
      return try same(frame) { item.write(into: &$0) }
    }
    if vector.clientID == 5, frame.op == 33, shape == nil || op != 33 {
      let event = try SubscriptionEvent(bytes)
      try compareTerm(frame, from: 4)
      return try same(frame) { event.write(into: &$0) }
    }
    let reply = try ReplyFrame(bytes)
    last = reply
    switch reply {
    case .failure(let op, let error):
      // Like the reference client, ours does not look at the op number of an error.
      if let code = frame.error_code { try expect(error.code.rawValue == code, "code \(error.code)") }
      // An empty message is one NUL, or left out as we do; both mean the same.
      var canonical = frame
      if error.message.isEmpty, frame.hex.hasSuffix("836d0000000100") { canonical.hex = String(frame.hex.dropLast(14)) }
      try same(canonical) { $0.writeReply(op: op, error: error) }
    case .success(let op, let term):
      guard let shape else { throw CheckFailure("a reply without request") }
      try expect(op == self.op, "a reply to \(op)")
      if shape == .stream {
        try expect(term == nil && isXPath, "an op reply where a stream is due")
        return try same(frame) { $0.writeReply(op: op) }
      }
      let result = try Reply(shape, term)
      try compareTerm(frame, from: 4)
      try same(frame) { result.write(op: op, into: &$0) }
    }
  }

  // MARK: What the reference client made of it

  /// Where the reference client passes the reply through, or reports its error, ours must have the same.
  private func checkResult() throws {
    guard let text = vector.client_result, let result = TermNotation.parse(text), let last else { return }
    switch (last, result) {
    case (.failure(_, let error), .tuple(let parts)) where parts.first == .atom("error") && parts.count == 2:
      if case .tuple(let reason) = parts[1], reason.count == 2 {
        try expect(reason[0] == .integer(Int64(error.code.rawValue)), "code \(error.code), the client had \(reason[0])")
        try expect(reason[1] == .text(error.message), "message \(error.message), the client had \(reason[1])")
      }
    case (.success(_, let term?), .tuple(let parts)) where parts.first == .atom("ok") && parts.count == 2:
      guard [.value, .values, .valueArrays, .tagged, .attributes, .text, .tag, .integers].contains(shape) else { return }
      let term = try Term(encoded: term)
      try expect(term == parts[1], "the reply is \(term), the client had \(parts[1])")
    default: break
    }
  }
}
