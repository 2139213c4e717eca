import ExternalTerm
import NSOModel

/// What a file that the daemon loads is packed with, by the end of its name: gzip (`.gz`), compress (`.Z`), or nothing
/// (protocol part 08, section 5). Memory does not depend on the size of the file.
struct FileUnpacker {
  private enum Form {
    case plain
    case gzip(GzipReader)
    case compress(CompressReader)
  }

  private var form: Form

  init(_ name: String) throws(NSOError) {
    if name.hasSuffix(".gz") {
      do { form = .gzip(try GzipReader()) } catch { throw NSOError(.operatingSystem, "\(error)") }
    } else {
      form = name.hasSuffix(".Z") ? .compress(CompressReader()) : .plain
    }
  }

  /// - Parameter body: gets the plain bytes, in pieces.
  /// - Throws: BAD_CONFIG for data that is not what the name says; what `body` throws.
  mutating func feed(_ bytes: [UInt8], _ body: ([UInt8]) throws(NSOError) -> Void) throws(NSOError) {
    do {
      switch form {
      case .plain: try body(bytes)
      case .gzip(let reader): try reader.feed(bytes) { try body($0) }
      case .compress(var reader):
        // Held here only while it works, so that its tables are not copied.
        form = .plain
        defer { form = .compress(reader) }
        // A code of nine bits can stand for 64 KiB: some bytes at a time, so that memory stays bounded.
        var rest = bytes[...]
        while !rest.isEmpty {
          let plain = try reader.feed(Array(rest.prefix(64)))
          rest = rest.dropFirst(64)
          if !plain.isEmpty { try body(plain) }
        }
      }
    } catch let error as NSOError {
      throw error
    } catch {
      throw NSOError(.badConfig, "\(error)")
    }
  }

  /// - Throws: BAD_CONFIG when the file ends in the middle.
  func finish() throws(NSOError) {
    do {
      switch form {
      case .plain: break
      case .gzip(let reader): try reader.finish()
      case .compress(let reader): try reader.finish()
      }
    } catch {
      throw NSOError(.badConfig, "\(error)")
    }
  }
}
