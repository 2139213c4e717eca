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

  static let defaultUser = "admin"
  /// Who begins with a header does so at once; others may wait for our hello.
  private static let patience = Duration.milliseconds(500)
  private static let limit = 4096

  private let transport: ChannelTransport
  private struct State {
    /// Bytes that are no header.
    var rest = ByteBuffer()
    /// The first read goes on when nobody waits for it any more.
    var first: Task<ByteBuffer?, Never>?
  }
  private let state = Mutex(State())

  init(_ transport: ChannelTransport) { self.transport = transport }

  /// The header; nil when the connection begins without.
  func header() async throws(Malformed) -> Header? {
    let transport = transport
    let first = Task { await transport.read() }
    state.withLock { $0.first = first }
    // At the end of the connection the first read says so again.
    guard var bytes = await Self.value(of: first, within: Self.patience) else { return nil }
    state.withLock { $0.first = nil }
    guard bytes.readableBytesView.first == UInt8(ascii: "[") else {
      state.withLock { [bytes] in $0.rest = bytes }
      return nil
    }
    while true {
      if let end = bytes.readableBytesView.firstIndex(of: 0x0A) {
        let count = end - bytes.readerIndex
        let line = bytes.readString(length: count) ?? ""
        bytes.moveReaderIndex(forwardBy: 1)
        state.withLock { [bytes] in $0.rest = bytes }
        return try Self.parse(line)
      }
      guard bytes.readableBytes <= Self.limit else { throw Malformed(reason: "the header has no end") }
      guard let more = await transport.read() else { throw Malformed(reason: "the connection ended in its header") }
      bytes.writeImmutableBuffer(more)
    }
  }

  /// Nil when it takes longer, or is nil.
  private static func value(of task: Task<ByteBuffer?, Never>, within limit: Duration) async -> ByteBuffer? {
    await withCheckedContinuation { continuation in
      let box = OnceBox(continuation)
      Task { box.resume(await task.value) }
      Task {
        try? await Task.sleep(for: limit)
        box.resume(nil)
      }
    }
  }

  private final class OnceBox: Sendable {
    private let continuation: Mutex<CheckedContinuation<ByteBuffer?, Never>?>

    init(_ continuation: CheckedContinuation<ByteBuffer?, Never>) { self.continuation = Mutex(continuation) }

    func resume(_ value: ByteBuffer?) { continuation.withLock { $0.take() }?.resume(returning: value) }
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
