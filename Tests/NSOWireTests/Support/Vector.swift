import Foundation
import NIOCore

/// One exchange of a vector file (protocol part 01, section 12).
struct Vector: Decodable, Sendable {
  struct Frame: Decodable, Sendable {
    var dir: String
    var kind: String
    var hex: String
    var op: Int?
    var th: Int?
    var term: String?
    var role: String?
    var prefix: String?
    var error_code: UInt32?

    enum CodingKeys: String, CodingKey { case dir, kind, hex, op, th, term, role, prefix, error_code }

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      dir = try values.decode(String.self, forKey: .dir)
      kind = try values.decode(String.self, forKey: .kind)
      hex = try values.decodeIfPresent(String.self, forKey: .hex) ?? ""
      op = try values.decodeIfPresent(Int.self, forKey: .op)
      th = try values.decodeIfPresent(Int.self, forKey: .th)
      term = try values.decodeIfPresent(String.self, forKey: .term)
      role = try values.decodeIfPresent(String.self, forKey: .role)
      prefix = try? values.decodeIfPresent(String.self, forKey: .prefix)
      error_code = try values.decodeIfPresent(UInt32.self, forKey: .error_code)
    }

    var isFromClient: Bool { dir == "c2s" }
    var bytes: ByteBuffer { ByteBuffer(bytes: hexBytes(hex)) }
    /// The payload starts with the version byte of a term.
    var isBareTerm: Bool { hex.hasPrefix("83") }
  }

  var id: String
  var call: String
  var frames: [Frame]
  var client_result: String?
  var expect: String?
  var secret_file_hex: String?
  var secret_hex: String?
  var challenge_hex: String?
  var md5_hex: String?

  var clientHello: Frame? { frames.first { $0.kind == "hello" && $0.isFromClient } }
  /// What kind of connection it is: the client id of the hello, or what the file and the operations say.
  var clientID: UInt8? {
    if let hello = clientHello { return hexBytes(hello.hex).first }
    guard let op = frames.first(where: { $0.kind == "frame" && $0.isFromClient })?.op else { return nil }
    return op >= 100 ? 7 : 5
  }

  static func load(_ name: String) throws -> [Vector] {
    guard let url = Bundle.module.url(forResource: name, withExtension: "jsonl", subdirectory: "Vectors") else {
      throw CheckFailure("no vector file \(name)")
    }
    let decoder = JSONDecoder()
    return try Data(contentsOf: url).split(separator: UInt8(ascii: "\n")).map { try decoder.decode(Vector.self, from: $0) }
  }
}

/// Why a vector does not pass.
struct CheckFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

func expect(_ condition: Bool, _ text: @autoclosure () -> String) throws {
  if !condition { throw CheckFailure(text()) }
}

func hexBytes(_ text: String) -> [UInt8] {
  let digits = Array(text.utf8)
  return stride(from: 0, to: digits.count - 1, by: 2).map { index in
    UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) ?? 0
  }
}

func hexText(_ buffer: ByteBuffer) -> String {
  buffer.readableBytesView.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
