import ExternalTerm
import NIOCore
import NSOModel
import NSOWire

/// Something that sends requests of one API: a MAAPI connection, a transaction on it, a CDB connection.
protocol Caller: Sendable {
  associatedtype Request

  /// - Throws: `NSOError` for a refusal, `ConnectionError`, `DecodeError`, `CancellationError`.
  func reply(to request: Request) async throws -> Reply
}

extension Caller {
  func done(_ request: Request) async throws {
    guard case .done = try await reply(to: request) else { throw ReplyMismatch() }
  }

  /// For operations whose result means nothing.
  func ignore(_ request: Request) async throws { _ = try await reply(to: request) }

  func bool(_ request: Request) async throws -> Bool {
    guard case .bool(let flag) = try await reply(to: request) else { throw ReplyMismatch() }
    return flag
  }

  func integer(_ request: Request) async throws -> Int64 {
    guard case .integer(let number) = try await reply(to: request) else { throw ReplyMismatch() }
    return number
  }

  func integers(_ request: Request) async throws -> [Int64] {
    guard case .integers(let numbers) = try await reply(to: request) else { throw ReplyMismatch() }
    return numbers
  }

  func text(_ request: Request) async throws -> String {
    guard case .text(let text) = try await reply(to: request) else { throw ReplyMismatch() }
    return text
  }

  func value(_ request: Request) async throws -> Value {
    guard case .value(let value) = try await reply(to: request) else { throw ReplyMismatch() }
    return value
  }

  func values(_ request: Request) async throws -> [Value] {
    guard case .values(let values) = try await reply(to: request) else { throw ReplyMismatch() }
    return values
  }

  func valueArrays(_ request: Request) async throws -> [[Value]] {
    guard case .valueArrays(let arrays) = try await reply(to: request) else { throw ReplyMismatch() }
    return arrays
  }

  func tagged(_ request: Request) async throws -> [TaggedValue] {
    switch try await reply(to: request) {
    case .tagged(let values): return values
    case .done: return []
    default: throw ReplyMismatch()
    }
  }

  func tag(_ request: Request) async throws -> Tag {
    guard case .tag(let tag) = try await reply(to: request) else { throw ReplyMismatch() }
    return tag
  }

  func attributes(_ request: Request) async throws -> [Attribute] {
    guard case .attributes(let attributes) = try await reply(to: request) else { throw ReplyMismatch() }
    return attributes
  }

  func entry(_ request: Request) async throws -> CursorEntry? {
    guard case .entry(let entry) = try await reply(to: request) else { throw ReplyMismatch() }
    return entry
  }

  func objects(_ request: Request) async throws -> CursorObjects {
    guard case .objects(let objects) = try await reply(to: request) else { throw ReplyMismatch() }
    return objects
  }

  /// Nil instead of `noExists`.
  func unlessMissing<Result>(_ read: () async throws -> Result) async throws -> Result? {
    do {
      return try await read()
    } catch let error as NSOError where error.code == .noExists {
      return nil
    }
  }

  /// A number that must fit its type; daemons do not send others.
  func narrow<Number: FixedWidthInteger>(_ number: Int64) throws -> Number {
    guard let narrow = Number(exactly: number) else { throw ReplyMismatch() }
    return narrow
  }
}

/// The table of operations and the client disagree about the form of a reply.
struct ReplyMismatch: Error, CustomStringConvertible {
  var description: String { "the daemon's reply does not have the form of this operation" }
}

extension Connection {
  /// Sends a request and decodes its reply.
  ///
  /// - Parameter write: writes the payload of the request.
  func call<API: Operation>(_ operation: API, _ write: (inout ByteBuffer) -> Void) async throws -> Reply {
    var frame = ByteBuffer()
    frame.writeFrame(write)
    return try reply(to: operation, try await request(frame))
  }

  /// Decodes the reply to a request. One that is not even a reply closes the connection.
  func reply<API: Operation>(to operation: API, _ answer: ByteBuffer) throws -> Reply {
    let reply: ReplyFrame
    do throws(DecodeError) {
      reply = try ReplyFrame(answer)
    } catch {
      // Not even a reply: whatever comes after it cannot be trusted (protocol part 01, section 7).
      abandon(
        ConnectionError(.protocolViolation, .conversation, endpoint, "the daemon answered \(operation.title) with \(error)"))
      throw error
    }
    switch reply {
    case .failure(_, let error):
      throw error
    case .success(let op, let term):
      guard op == operation.rawValue else {
        let error = ConnectionError(
          .protocolViolation, .conversation, endpoint, "the daemon answered operation \(op) to \(operation.title)")
        abandon(error)
        throw error
      }
      do throws(TermError) {
        return try Reply(operation.info.reply, term)
      } catch {
        throw DecodeError("reply to \(operation.title)", error, termOffset: 4, frame: answer)
      }
    }
  }
}
