import NIOCore
import NSOModel
import NSOWire

/// A STREAM connection (protocol part 04, section 6): its first frame says which save or load it is for, then raw bytes flow.
final class StreamConnection: APIConnection {
  private unowned let connection: IPCConnection
  private let services: Services
  private var id: Int32?
  private var load: LoadJob?
  /// A save has begun; true until its last byte was made.
  private var isSaving = false
  private var timer: Scheduled<Void>?

  var clientName: String? { id.map { "stream \($0)" } }

  init(_ connection: IPCConnection, _ services: Services, timeLimit: TimeAmount) {
    self.connection = connection
    self.services = services
    timer = connection.eventLoop.assumeIsolated().scheduleTask(in: timeLimit) { [weak self] in
      guard let self, self.id == nil else { return }
      self.connection.closeNow(.firstFrameLate("the stream connection did not say in time which stream it is for"))
    }
  }

  func receive(_ frame: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    timer?.cancel()
    timer = nil
    let opening: StreamOpening
    do throws(DecodeError) { opening = try StreamOpening(frame) } catch { return .close(.badFrame("\(error)")) }
    let loop = NIOLoopBound(connection, eventLoop: connection.eventLoop)
    let work: StreamRegistry.Work
    do throws(NSOError) {
      work = try services.streams.claim(opening.id) { loop.eventLoop.execute { loop.value.closeNow() } }
    } catch {
      return .close(.notServed(error.message))
    }
    id = opening.id
    switch work {
    case .save(let job):
      isSaving = true
      return .stream(SaveStream(opening.id, job, connection, services))
    case .load(let job):
      load = job
      let streams = services.streams
      job.start(
        advanced: { streams.advance(opening.id, by: $0) },
        ended: { result in
          streams.end(opening.id, result)
          // After a failure the rest of the document is not wanted.
          if case .failure = result { loop.eventLoop.execute { loop.value.closeNow() } }
        })
      return .raw
    }
  }

  func receiveRaw(_ bytes: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    guard let load else { return .close(.badFrame("the client sends on a stream that the daemon sends on")) }
    guard !load.add(bytes) else { return .done }
    let later = connection.later { (_: Result<Void, NSOError>, _) in .done }
    load.whenDrained { later.succeed(()) }
    return .later
  }

  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer) {}

  /// The end of a load is the end of the connection; of a save that was not complete, a failure.
  func closed() {
    timer?.cancel()
    load?.complete()
    if isSaving, let id {
      services.streams.end(
        id, .failure(NSOError(.external, "the stream connection closed before everything was sent")))
    }
  }
}
