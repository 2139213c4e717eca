import Foundation
import NIOCore
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// A blocking client that speaks in messages.
final class WireClient {
  let raw: RawClient

  init(_ address: ListenAddress, _ client: ClientID) throws {
    raw = try RawClient(address)
    raw.send([client.rawValue, 0, 82, 8, 2, 5, 0, 0, 0])
    #expect(raw.receive(9) == [0, 0, 82, 8, 2, 5, 0, 20, 9])
  }

  func sendFrame(_ payload: ByteBuffer) {
    var frame = ByteBuffer()
    frame.writeFrame(payload)
    raw.send(Array(frame.readableBytesView))
  }

  /// The payload of the next frame; nil at the end of the connection.
  func receiveFrame() -> ByteBuffer? {
    let head = raw.receive(4)
    guard head.count == 4 else { return nil }
    let length = head.reduce(0) { $0 << 8 | Int($1) }
    let payload = raw.receive(length)
    return payload.count == length ? ByteBuffer(bytes: payload) : nil
  }

  /// Nothing has arrived, and the connection is open. Says so at this moment: for what must not have come yet.
  var isSilent: Bool {
    var byte: UInt8 = 0
    return recv(raw.descriptor, &byte, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)) < 0
  }

  /// Something arrives, or the connection ends, within two minutes.
  var canReceive: Bool {
    var byte: UInt8 = 0
    return recv(raw.descriptor, &byte, 1, CInt(MSG_PEEK)) >= 0
  }

  // MARK: MAAPI

  func send(_ request: MAAPIRequest, _ handle: Int32? = nil, relative: Bool = false) {
    var payload = ByteBuffer()
    MAAPICall(request, handle: handle.map { TransactionHandle($0) }, isRelative: relative).write(into: &payload)
    sendFrame(payload)
  }

  func call(_ request: MAAPIRequest, _ handle: Int32? = nil, relative: Bool = false) throws -> Reply {
    send(request, handle, relative: relative)
    return try reply(request.op, request.operation?.info.reply ?? .term)
  }

  func reply(_ op: UInt32, _ shape: ReplyShape) throws -> Reply {
    let frame = try #require(receiveFrame(), "the connection closed")
    switch try ReplyFrame(frame) {
    case .success(let found, let term):
      #expect(found == op)
      return try Reply(shape, term)
    case .failure(let found, let error):
      #expect(found == op)
      throw error
    }
  }

  func done(_ request: MAAPIRequest, _ handle: Int32? = nil) throws { #expect(try call(request, handle) == .done) }

  func integer(_ request: MAAPIRequest, _ handle: Int32? = nil) throws -> Int64 {
    switch try call(request, handle) {
    case .integer(let number): number
    case .bool(let flag): flag ? 1 : 0
    case let other: throw NSOError(.internal, "\(other) is no number")
    }
  }

  func value(_ path: Keypath, _ handle: Int32) throws -> Value {
    guard case .value(let value) = try call(.getElem(WireKeypath(path)), handle) else { throw NSOError(.internal, "no value") }
    return value
  }

  /// Starts a transaction.
  func start(_ database: DatabaseName = .running, _ mode: TransactionMode = .readWrite) throws -> Int32 {
    Int32(truncatingIfNeeded: try integer(.startTransaction(StartTransaction(database, mode))))
  }

  /// Makes a change in a transaction of its own and commits it.
  func commit(_ database: DatabaseName = .running, _ body: (Int32) throws -> Void) throws {
    let handle = try start(database)
    try body(handle)
    try done(.applyTransaction(keepOpen: false, flags: 0), handle)
    try done(.stopTransaction, handle)
  }

  // MARK: CDB

  func call(_ request: CDBRequest, relative: Bool = false) throws -> Reply {
    var payload = ByteBuffer()
    CDBCall(request, isRelative: relative).write(into: &payload)
    sendFrame(payload)
    return try reply(request.op, request.operation?.info.reply ?? .term)
  }

  func done(_ request: CDBRequest) throws { #expect(try call(request) == .done) }
}

/// The code of the error that `body` throws.
func errorCode(_ body: () throws -> Void) -> ErrorCode? {
  do {
    try body()
    return nil
  } catch {
    return (error as? NSOError)?.code
  }
}

/// The text of the error that `body` throws.
func errorText(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return (error as? NSOError)?.message ?? "\(error)"
  }
}

extension Keypath {
  static func plant(_ elements: Element...) -> Keypath { Keypath([.tag(Tag("plant", in: "urn:ex:plant"))] + elements) }
  static func site(_ id: String, _ elements: Element...) -> Keypath {
    Keypath([.tag(Tag("plant", in: "urn:ex:plant")), .tag("site"), .keys([.string(id)])] + elements)
  }
  static func state(_ elements: Element...) -> Keypath { Keypath([.tag(Tag("plant-state", in: "urn:ex:plant"))] + elements) }
  static func kind(_ name: String) -> Keypath { [.tag(Tag("kinds", in: "urn:ex:kinds")), .tag(Tag(name))] }

  var wire: WireKeypath { WireKeypath(self) }
}
