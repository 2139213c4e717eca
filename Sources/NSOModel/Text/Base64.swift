/// RFC 4648 base64 with padding; blanks between the characters are ignored when reading.
public enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  public static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let left = min(3, bytes.count - start)
      var group = UInt32(bytes[start]) << 16
      if left > 1 { group |= UInt32(bytes[start + 1]) << 8 }
      if left > 2 { group |= UInt32(bytes[start + 2]) }
      for place in 0..<4 {
        text.append(place <= left ? alphabet[Int(group >> UInt32(18 - 6 * place) & 63)] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  public static func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var group: UInt32 = 0
    var count = 0
    var padding = 0
    for character in text.utf8 {
      let sextet: UInt32
      switch character {
      case 9, 10, 13, 32: continue
      case 65...90: sextet = UInt32(character - 65)
      case 97...122: sextet = UInt32(character - 71)
      case 48...57: sextet = UInt32(character + 4)
      case 43: sextet = 62
      case 47: sextet = 63
      case 61:
        padding += 1
        guard padding <= 2, count + padding <= 4, count >= 2 else { return nil }
        continue
      default: return nil
      }
      guard padding == 0 else { return nil }
      group = group << 6 | sextet
      count += 1
      if count == 4 {
        bytes += [UInt8(group >> 16 & 255), UInt8(group >> 8 & 255), UInt8(group & 255)]
        group = 0
        count = 0
      }
    }
    switch (count, padding) {
    case (0, 0): return bytes
    case (2, 2) where group & 15 == 0: return bytes + [UInt8(group >> 4 & 255)]
    case (3, 1) where group & 3 == 0: return bytes + [UInt8(group >> 10 & 255), UInt8(group >> 2 & 255)]
    default: return nil
    }
  }
}
