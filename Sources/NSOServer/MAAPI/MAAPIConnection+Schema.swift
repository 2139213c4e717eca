import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// Schema loading (protocol part 07): bare terms at once, no reply with an op word, no user session.
extension MAAPIConnection {
  func schema() -> FrameOutcome {
    let schema = engine.model.schema
    if let stream = services.schemas.streamIfMade(of: schema) { return .stream(SchemaFrames(stream.frames)) }
    let later = connection.later { (result: Result<SchemaStream, NSOError>, _) in
      switch result {
      case .success(let stream): return .stream(SchemaFrames(stream.frames))
      // An error cannot be told here: clients take every frame for a term.
      case .failure(let error): return .close(.notServed(error.message))
      }
    }
    let schemas = services.schemas
    services.offload(to: later) { () throws(NSOError) in schemas.stream(of: schema) }
    return .later
  }
}

/// Sends frames that were made before, as fast as the client reads them.
final class SchemaFrames: OutboundStream {
  private let frames: [ByteBuffer]
  private var next = 0

  /// - Parameter frames: payloads, without their lengths.
  init(_ frames: [ByteBuffer]) { self.frames = frames }

  func produce(into out: inout ByteBuffer) -> FrameOutcome? {
    guard next < frames.count else { return .done }
    out.writeFrame(frames[next])
    next += 1
    return nil
  }
}
