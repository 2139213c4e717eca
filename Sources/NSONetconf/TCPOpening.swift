import NIOCore
import NSOModel
import Synchronization

/// The beginning of a connection in clear text. A program that has asked somebody who he is, and passes the session on, may say so in a
/// line before the first message: `[USER;ADDRESS;...]`. Without it the user is ``defaultUser``.
final class TCPOpening: NetconfTransport {
  struct Header: Hashable {
    var user: String
    /// Where the user works, if it is said.
    var address: IPAddress?
  }

  struct Malformed: Error {
    var reason: String
  }

  enum Beginning: Hashable {
    case header(Header)
    /// A message, or nothing yet.
    case none
    /// The connection has ended without a word, as those of somebody who looks for open ports.
    case over
  }

  static let defaultUser = "admin"
  private static let limit = 4096

  private let transport: ChannelTransport
  /// Who begins with a header does so at once; others may wait for our hello.
  private let patience: Duration
  private struct State {
    /// Bytes that are no header.
    var rest = ByteBuffer()
    /// The first read goes on when nobody waits for it any more.
    var first: Task<ByteBuffer?, Never>?
  }
  private let state = Mutex(State())

  init(_ transport: ChannelTransport, patience: Duration) {
    self.transport = transport
    self.patience = patience
  }

  /// The header, if the connection begins with one.
  func header() async throws(Malformed) -> Beginning {
    let transport = transport
    let first = Task { await transport.read() }
    state.withLock { $0.first = first }
    var bytes: ByteBuffer
    switch await Self.value(of: first, within: patience) {
    case nil: return .none
    case .some(nil): return .over
    case .some(let some?): bytes = some
    }
    state.withLock { $0.first = nil }
    guard bytes.readableBytesView.first == UInt8(ascii: "[") else {
      state.withLock { [bytes] in $0.rest = bytes }
      return .none
    }
    while true {
      if let end = bytes.readableBytesView.firstIndex(of: 0x0A) {
        let count = end - bytes.readerIndex
        let line = bytes.readString(length: count) ?? ""
        bytes.moveReaderIndex(forwardBy: 1)
        state.withLock { [bytes] in $0.rest = bytes }
        return .header(try Self.parse(line))
      }
      guard bytes.readableBytes <= Self.limit else { throw Malformed(reason: "the header has no end") }
      guard let more = await transport.read() else { throw Malformed(reason: "the connection ended in its header") }
      bytes.writeImmutableBuffer(more)
    }
  }

  /// Nil when it takes longer.
  private static func value(of task: Task<ByteBuffer?, Never>, within limit: Duration) async -> ByteBuffer?? {
    await withCheckedContinuation { continuation in
      let box = OnceBox(continuation)
      Task { box.resume(.some(await task.value)) }
      Task {
        try? await Task.sleep(for: limit)
        box.resume(nil)
      }
    }
  }

  private final class OnceBox: Sendable {
    private let continuation: Mutex<CheckedContinuation<ByteBuffer??, Never>?>

    init(_ continuation: CheckedContinuation<ByteBuffer??, Never>) { self.continuation = Mutex(continuation) }

    func resume(_ value: ByteBuffer??) { continuation.withLock { $0.take() }?.resume(returning: value) }
  }

  static func parse(_ line: String) throws(Malformed) -> Header {
    var text = Substring(line)
    if text.last == "\r" { text.removeLast() }
    guard text.first == "[", text.last == "]" else { throw Malformed(reason: "the header is no list in brackets") }
    let fields = text.dropFirst().dropLast().split(separator: ";", omittingEmptySubsequences: false)
    guard let user = fields.first, !user.isEmpty, user.utf8.count <= 256, user.allSatisfy({ !$0.isWhitespace }) else {
      throw Malformed(reason: "the header names no user")
    }
    let address = fields.dropFirst().first.flatMap { IPAddress($0) }
    return Header(user: String(user), address: address)
  }

  // MARK: The rest

  func read() async throws -> ByteBuffer? {
    let (bytes, first) = state.withLock { state -> (ByteBuffer?, Task<ByteBuffer?, Never>?) in
      defer {
        state.rest = ByteBuffer()
        state.first = nil
      }
      return (state.rest.readableBytes > 0 ? state.rest : nil, state.first)
    }
    if let bytes { return bytes }
    if let first { return await first.value }
    return await transport.read()
  }

  func write(_ bytes: ByteBuffer) async throws { try await transport.write(bytes) }

  func close() { transport.close() }
}
