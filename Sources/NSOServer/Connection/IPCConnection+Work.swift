import NIOCore
import NSOModel
import NSOWire

/// What the APIs with op codes have in common.
extension IPCConnection {
  /// A frame longer than this is decoded elsewhere, so that the event loop is not kept busy with it.
  static var longFrame: Int { 128 << 10 }

  /// Answers a request with what `work` writes after the op word; it runs on a thread of its own.
  func elsewhere(
    _ op: UInt32, _ services: Services, _ work: @escaping @Sendable (inout ByteBuffer) throws(NSOError) -> Void
  ) -> FrameOutcome {
    let limit = frameLimit
    let later = later { (result: Result<ByteBuffer, NSOError>, out) in
      switch result {
      case .success(let payload): out.writeAnswer(to: op) { (out) throws(NSOError) in out.writeImmutableBuffer(payload) }
      case .failure(let error): out.writeFailure(op: op, error)
      }
      return .done
    }
    services.offload(to: later) { () throws(NSOError) -> ByteBuffer in
      var payload = ByteBuffer()
      try work(&payload)
      guard payload.readableBytes < limit else {
        throw NSOError(
          .resourceDenied, "the reply has \(payload.readableBytes) bytes, the longest frame is \(limit): ask for less at a time"
        )
      }
      return payload
    }
    return .later
  }

  /// Answers a request without value when `work`, which waits, has ended.
  func waiting(
    _ op: UInt32, _ services: Services, _ work: @escaping @Sendable () async throws(NSOError) -> Void
  ) -> FrameOutcome {
    let later = later { (result: Result<Void, NSOError>, out) in
      out.writeAnswer(to: op) { (_) throws(NSOError) in try result.get() }
      return .done
    }
    services.run(for: later, work)
    return .later
  }

  /// Decodes a long request away from the event loop, then performs it.
  func decodingElsewhere<Call: Sendable>(
    _ op: UInt32, _ services: Services, decode: @escaping @Sendable () throws(DecodeError) -> Call,
    perform: @escaping (Call, inout ByteBuffer) -> FrameOutcome
  ) -> FrameOutcome {
    let later = later { (result: Result<Result<Call, DecodeError>, NSOError>, out) in
      switch result {
      case .success(.success(let call)): return perform(call, &out)
      case .success(.failure(let error)): return self.refuse(error, op: op, &out)
      case .failure(let error):
        out.writeFailure(op: op, error)
        return .done
      }
    }
    services.compute(to: later) { () throws(NSOError) in
      do throws(DecodeError) { return .success(try decode()) } catch { return .failure(error) }
    }
    return .later
  }

  /// What to do with a request that does not decode: the error as a reply, and the end where nothing after it can be trusted.
  func refuse(_ error: DecodeError, op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome {
    out.writeFailure(op: op, error.reply)
    return error.isFatal ? .close(.badFrame("\(error)")) : .done
  }
}

/// The op word of a request, for error replies: its number without the flag bit.
func operationNumber(_ frame: ByteBuffer) -> UInt32 {
  (frame.getInteger(at: frame.readerIndex, as: UInt32.self) ?? 0) & 0x7FFF_FFFF
}
