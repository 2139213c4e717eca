import Logging
import NIOCore
import NSOEngine
import NSOWire

/// What a data provider had sent on a stream worker and the daemon had not taken when the connection ended.
struct LeftMessages: Sendable {
  private let first: ByteBuffer?
  private let rest: LeftFrames?
  private let instance: ProviderInstance
  private let engine: Engine
  private let size: Int
  /// Too much waits already.
  private let isDropped: Bool

  /// - Parameters:
  ///   - first: a frame that had been taken, but not decoded.
  ///   - rest: those behind it.
  init(first: ByteBuffer?, rest: LeftFrames?, from instance: ProviderInstance, _ engine: Engine) {
    self.first = first
    self.rest = rest
    self.instance = instance
    self.engine = engine
    size = (first?.readableBytes ?? 0) + (rest?.bytes.readableBytes ?? 0)
    isDropped = !engine.streams.admit(left: size, of: instance)
  }

  /// Deals with one after the other, as long as they are well formed.
  func handOver() async {
    guard !isDropped else { return }
    defer { engine.streams.release(left: size) }
    if let first, await !take(first) { return }
    guard var rest else { return }
    while let frame = try? rest.next(), frame.readableBytes > 0 {
      guard await take(frame) else { return }
    }
  }

  /// False: nothing behind it can be trusted. Answers are to requests that failed with the connection.
  private func take(_ frame: ByteBuffer) async -> Bool {
    do throws(DecodeError) {
      if case .stream(let message) = try ProviderMessage(frame) { await engine.received(message, from: instance) }
      return true
    } catch {
      engine.log.warning("\(instance.summary) ended its stream worker with what is no message: \(error)")
      return false
    }
  }
}
