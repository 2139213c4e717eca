import Glibc
import NIOCore
import NSOModel
import NSOTerms
import NSOWire

/// A conversation with the daemon over a blocking socket, with frames made beforehand.
struct Peer {
  let socket: BlockingSocket

  init(path: String, _ client: ClientID) throws {
    socket = try BlockingSocket(path: path)
    try greet(client)
  }

  private func greet(_ client: ClientID) throws {
    var hello = ByteBuffer()
    ClientHello(client: client).write(into: &hello)
    try socket.send(Array(hello.readableBytesView))
    let status = try socket.receive(9)[0]
    guard status == 0 else { throw BenchError("the daemon refused the hello: status \(status)") }
  }

  /// Sends a frame and checks that its reply is no error.
  @discardableResult
  func ask(_ frame: [UInt8]) throws -> [UInt8] {
    let reply = try socket.exchange(frame)
    guard let first = reply.first, first & 0x80 == 0 else {
      throw BenchError("the daemon refused a request: \(String(decoding: reply.dropFirst(8), as: UTF8.self))")
    }
    return reply
  }
}

/// A frame with its length.
func frame(_ body: (inout ByteBuffer) -> Void) -> [UInt8] {
  var buffer = ByteBuffer()
  buffer.writeFrame(body)
  return Array(buffer.readableBytesView)
}

func frame(_ call: CDBCall) -> [UInt8] { frame { call.write(into: &$0) } }
func frame(_ request: MAAPIRequest, _ handle: TransactionHandle? = nil) -> [UInt8] {
  frame { MAAPICall(request, handle: handle).write(into: &$0) }
}

/// The leafs that are read and written: /if:interfaces/interface{ge-N}/description.
enum Leaf {
  static let namespace = "urn:ietf:params:xml:ns:yang:ietf-interfaces"

  static func description(_ number: Int) -> WireKeypath {
    WireKeypath([
      .tag(Tag("interfaces", in: namespace)), .tag("interface"), .keys([.string("ge-\(number)")]), .tag("description"),
    ])
  }

  /// A document with `count` interfaces.
  static func document(_ range: Range<Int>) -> String {
    var text = "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><interfaces xmlns=\"\(namespace)\">"
    for number in range {
      text +=
        "<interface><name>ge-\(number)</name><type xmlns:ianaift=\"urn:ietf:params:xml:ns:yang:iana-if-type\">ianaift:ethernetCsmacd</type>"
      text += "<description>port \(number)</description></interface>"
    }
    return text + "</interfaces></config>"
  }
}

extension Peer {
  /// Starts a user session of context system on this MAAPI connection.
  func startSession() throws {
    try ask(frame(.startUserSession(StartUserSession(user: "bench"))))
  }

  /// Starts a transaction on running; its handle.
  func startTransaction(_ mode: TransactionMode) throws -> TransactionHandle {
    let reply = try ask(frame(.startTransaction(StartTransaction(.running, mode, identification: ClientIdentification()))))
    var buffer = ByteBuffer(bytes: reply.dropFirst(5))
    guard let tag: UInt8 = buffer.readInteger() else { throw BenchError("no handle in the reply") }
    let handle: Int32? = tag == 97 ? (buffer.readInteger() as UInt8?).map(Int32.init) : buffer.readInteger()
    guard let handle else { throw BenchError("no handle in the reply") }
    return TransactionHandle(handle)
  }
}
