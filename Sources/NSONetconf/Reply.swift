import NIOCore
import NSODocument
import NSOEngine
import NSOModel
import Synchronization

/// The parts of replies.
enum Reply {
  static let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
  static let tail = "</rpc-reply>"

  /// The beginning of a reply, with the attributes of the request (RFC 6241, section 4.1).
  static func head(_ rpc: DocumentElement?) -> ByteBuffer {
    var text = declaration + "<rpc-reply xmlns=\"\(NetconfNames.base)\""
    if let rpc {
      var prefixes: [String: String] = [:]
      for attribute in rpc.attributes {
        var name = attribute.name.local
        if case .namespace(let uri) = attribute.name.space, uri != "http://www.w3.org/XML/1998/namespace" {
          let prefix = prefixes[uri] ?? prefix(of: uri, rpc.names) ?? "a\(prefixes.count)"
          if prefixes.updateValue(prefix, forKey: uri) == nil { text += " xmlns:\(prefix)=\"\(escaped(uri))\"" }
          name = "\(prefix):\(name)"
        } else if attribute.name.space != .none {
          name = "xml:\(name)"
        }
        text += " \(name)=\"\(escaped(attribute.value.lexical))\""
      }
    }
    return ByteBuffer(string: text + ">")
  }

  private static func prefix(of uri: String, _ names: NameContext) -> String? {
    guard case .prefixes(let scope) = names else { return nil }
    return scope.prefixes.filter { $0.value == uri && !$0.key.isEmpty }.keys.min()
  }

  static func errors(_ errors: [RPCError], to rpc: DocumentElement?, _ model: DataModel) -> ByteBuffer {
    var out = head(rpc)
    for error in errors {
      do {
        out.writeImmutableBuffer(try body { writer in try error.write(to: &writer, model) })
      } catch {
        // Names and texts are made printable before, so that this does not come.
        out.writeString(
          "<rpc-error><error-type>application</error-type><error-tag>operation-failed</error-tag><error-severity>error</error-severity></rpc-error>"
        )
      }
    }
    out.writeString(tail)
    return out
  }

  /// Elements of a reply.
  static func body(_ write: (inout XMLDocumentWriter) throws -> Void) throws -> ByteBuffer {
    let sink = BodySink()
    var writer = XMLDocumentWriter(inside: NetconfNames.base) { sink.bytes.writeBytes($0) }
    try write(&writer)
    try writer.finish()
    return sink.bytes
  }

  private final class BodySink {
    var bytes = ByteBuffer()
  }

  static func escaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "\t", "\n", "\r": out += "&#\(scalar.value);"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}

/// Data on its way into a reply.
struct DataReply: Sendable {
  /// Finished when the reply is.
  var transaction: Transaction
  var pieces: DataPieces
  var first: DataPieces.Piece
}

/// Data as `<data>`, piece by piece, so that its size costs no memory.
final class DataPieces: Sendable {
  struct Piece: Sendable {
    var bytes: ByteBuffer
    var isLast: Bool
  }

  private let save: Mutex<ConfigurationSave>

  init(_ view: TreeView, _ options: SaveOptions) throws(NSOError) {
    save = Mutex(try ConfigurationSave(view, options))
  }

  func next() throws(NSOError) -> Piece {
    try save.withLock { save throws(NSOError) in
      var bytes = ByteBuffer()
      let isMore = try save.produce(into: &bytes)
      return Piece(bytes: bytes, isLast: !isMore)
    }
  }
}
