import NIOCore
import NSOModel

@testable import NSOServer

/// An API for tests: the first byte of a frame says what to do with it.
final class ScriptedAPI: APIConnection {
  unowned let connection: IPCConnection
  var later: [Later<[UInt8]>] = []
  var frames: [[UInt8]] = []
  var raw: [UInt8] = []
  var broken: [Refusal] = []
  var closedCount = 0
  var writableCount = 0
  var gone: [[UInt8]] = []
  var abandoned = 0
  var clientName: String? { "scripted" }

  init(_ connection: IPCConnection) { self.connection = connection }

  func receive(_ frame: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    let bytes = Array(frame.readableBytesView)
    frames.append(bytes)
    switch UInt8(ascii: "?") {
    case _ where bytes[0] == UInt8(ascii: "e"):
      reply(bytes, &out)
      return .done
    case _ where bytes[0] == UInt8(ascii: "l"):
      later.append(
        connection.later(gone: { self.gone.append($0) }) { result, out in
          switch result {
          case .success(let bytes): reply(bytes, &out)
          case .failure(let error): reply(Array(error.message.utf8), &out)
          }
          return .done
        })
      return .later
    case _ where bytes[0] == UInt8(ascii: "w"):
      later.append(connection.later { _, _ in .done })
      return .laterAtStop
    case _ where bytes[0] == UInt8(ascii: "s"):
      return .stream(Pieces(count: Int(bytes[1]), size: 10_000, api: self))
    case _ where bytes[0] == UInt8(ascii: "r"): return .raw
    case _ where bytes[0] == UInt8(ascii: "c"):
      reply(bytes, &out)
      return .close(.badFrame("scripted"))
    case _ where bytes[0] == UInt8(ascii: "b"):
      reply([UInt8](repeating: 1, count: 100_000), &out)
      return .done
    default: return .done
    }
  }

  func receiveRaw(_ bytes: inout ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    raw += Array(bytes.readableBytesView)
    return raw.contains(0) ? .close(nil) : .done
  }

  func frameBroken(_ refusal: Refusal, _ out: inout ByteBuffer) {
    broken.append(refusal)
    reply(Array("broken".utf8), &out)
  }

  func becameWritable() { writableCount += 1 }

  func closed() { closedCount += 1 }

  final class Pieces: OutboundStream {
    var left: Int
    let size: Int
    let api: ScriptedAPI

    init(count: Int, size: Int, api: ScriptedAPI) {
      left = count
      self.size = size
      self.api = api
    }

    func produce(into out: inout ByteBuffer) -> FrameOutcome? {
      guard left > 0 else {
        reply(Array("end".utf8), &out)
        return .done
      }
      left -= 1
      reply([UInt8](repeating: UInt8(left & 255), count: size), &out)
      return nil
    }

    func abandoned() { api.abandoned += 1 }
  }
}

func reply(_ bytes: [UInt8], _ out: inout ByteBuffer) {
  out.writeInteger(UInt32(bytes.count))
  out.writeBytes(bytes)
}

func frame(_ text: String) -> ByteBuffer {
  var buffer = ByteBuffer()
  reply(Array(text.utf8), &buffer)
  return buffer
}
