import Foundation

/// One exchange of the protocol's vector files (protocol part 01, section 12).
struct Vector: Decodable, CustomStringConvertible {
  struct Frame: Decodable {
    var dir: String
    var kind: String
    var hex: String
    var conn: Int?

    var bytes: [UInt8] { hexBytes(hex) }
  }

  var id: String
  var frames: [Frame]
  var expect: String?
  var secret_hex: String?

  var description: String { id }

  /// The vectors of one file, in its order. The files belong to the wire's tests and are found beside them.
  static func load(_ file: String) throws -> [Vector] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: tests.appending(path: "NSOWireTests/Vectors/\(file).jsonl"), encoding: .utf8)
    return try text.split(separator: "\n").map { try JSONDecoder().decode(Vector.self, from: Data($0.utf8)) }
  }
}

func hexBytes(_ text: String) -> [UInt8] {
  var bytes: [UInt8] = []
  var high: UInt8?
  for character in text {
    guard let digit = character.hexDigitValue.map(UInt8.init) else { continue }
    if let first = high {
      bytes.append(first << 4 | digit)
      high = nil
    } else {
      high = digit
    }
  }
  return bytes
}
