import NIOCore
import NSOEngine
import NSOModel
import Synchronization

/// A save under way: makes the document piece by piece, on whichever thread asks for the next piece.
final class SaveJob: Sendable {
  private enum Source {
    case tree(ConfigurationSave)
    /// A document that is made at once, when it is first asked for.
    case whole(TreeView, @Sendable (TreeView) throws(NSOError) -> [UInt8])
  }

  private let source: Mutex<Source>

  init(_ view: TreeView, _ options: SaveOptions) throws(NSOError) {
    source = Mutex(.tree(try ConfigurationSave(view, options)))
  }

  /// For documents whose size is that of a transaction's changes.
  init(_ view: TreeView, _ make: @escaping @Sendable (TreeView) throws(NSOError) -> [UInt8]) {
    source = Mutex(.whole(view, make))
  }

  struct Piece: Sendable {
    var bytes: ByteBuffer
    var isLast: Bool
  }

  func next() throws(NSOError) -> Piece {
    try source.withLock { source throws(NSOError) in
      var bytes = ByteBuffer()
      switch source {
      case .tree(var save):
        let isMore = try save.produce(into: &bytes)
        source = .tree(save)
        return Piece(bytes: bytes, isLast: !isMore)
      case .whole(let view, let make):
        bytes.writeBytes(try make(view))
        return Piece(bytes: bytes, isLast: true)
      }
    }
  }
}

/// Sends a save over its stream connection as fast as the client reads; each piece is made on a thread of the pool.
final class SaveStream: OutboundStream {
  private let id: Int32
  private let job: SaveJob
  private unowned let connection: IPCConnection
  private let services: Services

  init(_ id: Int32, _ job: SaveJob, _ connection: IPCConnection, _ services: Services) {
    self.id = id
    self.job = job
    self.connection = connection
    self.services = services
  }

  func produce(into out: inout ByteBuffer) -> FrameOutcome? {
    let later = connection.later { (result: Result<SaveJob.Piece, NSOError>, out) in
      switch result {
      case .success(let piece):
        out.writeImmutableBuffer(piece.bytes)
        guard piece.isLast else { return .stream(self) }
        self.services.streams.end(self.id, .success(()))
        return .close(nil)
      case .failure(let error):
        self.services.streams.end(self.id, .failure(error))
        return .close(nil)
      }
    }
    let job = job
    services.offload(to: later) { () throws(NSOError) in try job.next() }
    return .later
  }
}
