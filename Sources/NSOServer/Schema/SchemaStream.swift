public import NIOCore
public import NSOSchema
internal import NSOWire
internal import Synchronization

/// The schema as clients load it (protocol part 07): the payloads of the reply frames, made once for a schema and sent to
/// every client.
public struct SchemaStream: Sendable {
  /// In the order to send them; each is what stands behind the length of a frame.
  public let frames: [ByteBuffer]

  /// Terms per frame at most. A frame also ends with its namespace.
  private static let batch = 500

  public init(_ schema: Schema) {
    var frames: [ByteBuffer] = []
    var batch: [SchemaItem] = []
    func send() {
      guard !batch.isEmpty else { return }
      var frame = ByteBuffer()
      SchemaItem.write(batch, into: &frame)
      frames.append(frame)
      batch.removeAll(keepingCapacity: true)
    }
    for module in schema.modules {
      for item in SchemaStreamBuilder.items(of: module, in: schema) {
        batch.append(item)
        if batch.count >= Self.batch { send() }
      }
      send()
    }
    batch.append(.endOfSchema)
    send()
    self.frames = frames
  }
}

/// Keeps the stream of the schema in use; another schema (after an upgrade) replaces it.
public final class SchemaStreamCache: Sendable {
  private let kept = Mutex<(schema: Schema, stream: SchemaStream)?>(nil)

  public init() {}

  /// Makes the stream when it is asked for first; the callers that come meanwhile wait. Blocking work for some tens of
  /// milliseconds, so not for an event loop the first time.
  public func stream(of schema: Schema) -> SchemaStream {
    kept.withLock { kept in
      if let kept, kept.schema === schema { return kept.stream }
      let stream = SchemaStream(schema)
      kept = (schema, stream)
      return stream
    }
  }

  /// The stream when it is there already; never blocks for long.
  public func streamIfMade(of schema: Schema) -> SchemaStream? {
    kept.withLockIfAvailable { kept in kept.flatMap { $0.schema === schema ? $0.stream : nil } } ?? nil
  }
}
