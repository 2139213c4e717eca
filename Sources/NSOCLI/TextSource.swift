import NIOCore
import NSOEngine
import NSOModel
import Synchronization

/// A text that is made piece by piece, so that its length costs no memory.
protocol TextSource: Sendable {
  func next() throws(NSOError) -> TextPiece
}

struct TextPiece: Sendable {
  var bytes: [UInt8]
  var isLast: Bool
}

/// Data in one of the forms of documents.
final class DocumentSource: TextSource {
  private let save: Mutex<ConfigurationSave>

  init(_ view: TreeView, _ options: SaveOptions) throws(NSOError) {
    save = Mutex(try ConfigurationSave(view, options))
  }

  func next() throws(NSOError) -> TextPiece {
    try save.withLock { save throws(NSOError) in
      var buffer = ByteBuffer()
      let isMore = try save.produce(into: &buffer, size: 16 << 10)
      return TextPiece(bytes: Array(buffer.readableBytesView), isLast: !isMore)
    }
  }
}

/// Operational data for people.
final class StatusSource: TextSource {
  private let printer: Mutex<StatusPrinter>

  init(_ printer: StatusPrinter) { self.printer = Mutex(printer) }

  func next() throws(NSOError) -> TextPiece {
    try printer.withLock { printer throws(NSOError) in
      let isMore = try printer.produce()
      return TextPiece(bytes: Array(printer.take().utf8), isLast: !isMore)
    }
  }
}
