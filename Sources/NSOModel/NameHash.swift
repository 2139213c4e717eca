/// The 32-bit hash by which namespaces, nodes and identities are known to clients that number their names
/// (protocol part 02, section 9): Erlang's portable term hash of the UTF-8 bytes, modulo 2^31 - 1.
public enum NameHash {
  public static func hash(_ name: String) -> UInt32 {
    var name = name
    return name.withUTF8 { hash(bytes: $0) }
  }

  public static func hash(bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
    portableHash(bytes) % 0x7FFF_FFFF
  }

  private static func portableHash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
    guard !bytes.isEmpty else { return 0x08D1_2E65 }
    var state = State()
    var offset = 0
    while bytes.count - offset >= 12 {
      state.a &+= word(bytes, offset)
      state.b &+= word(bytes, offset + 4)
      state.c &+= word(bytes, offset + 8)
      state.mix()
      offset += 12
    }
    state.c &+= UInt32(truncatingIfNeeded: bytes.count)
    state.a &+= word(bytes, offset)
    state.b &+= word(bytes, offset + 4)
    state.c &+= word(bytes, offset + 8) << 8
    state.mix()
    return state.c
  }

  /// Four bytes, little-endian; bytes past the end count as zero.
  private static func word(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: Int) -> UInt32 {
    var word: UInt32 = 0
    for i in 0..<4 where offset + i < bytes.count {
      word |= UInt32(bytes[offset + i]) << UInt32(8 * i)
    }
    return word
  }

  private struct State {
    var a: UInt32 = 0x9E37_79B9
    var b: UInt32 = 0x9E37_79B9
    var c: UInt32 = 0x08D1_2E65

    mutating func mix() {
      a = (a &- b &- c) ^ (c >> 13)
      b = (b &- c &- a) ^ (a << 8)
      c = (c &- a &- b) ^ (b >> 13)
      a = (a &- b &- c) ^ (c >> 12)
      b = (b &- c &- a) ^ (a << 16)
      c = (c &- a &- b) ^ (b >> 5)
      a = (a &- b &- c) ^ (c >> 3)
      b = (b &- c &- a) ^ (a << 10)
      c = (c &- a &- b) ^ (b >> 15)
    }
  }
}
