/// Unpacks a file of the program `compress` (name ends in `.Z`) piece by piece: LZW with codes of 9 to 16 bits, lowest bit
/// first. Codes come in groups of eight; where their width changes the rest of a group is filled up.
struct CompressReader {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private var header: [UInt8] = []
  private var maximumWidth = 16
  private var clears = true

  private var bits: UInt64 = 0
  private var bitCount = 0
  /// Bits of the group that is being read, and of its rest that are to be passed over.
  private var groupBits = 0
  private var skip = 0

  private var width = 9
  /// For each code from 256 on: the code it goes on from, and its last byte.
  private var prefixes: [UInt16] = []
  private var suffixes: [UInt8] = []
  private var last: Int?
  private var lastFirstByte: UInt8 = 0

  private var firstFree: Int { clears ? 257 : 256 }

  /// Unpacks more of the file.
  mutating func feed(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
    var output: [UInt8] = []
    for byte in bytes {
      if header.count < 3 {
        header.append(byte)
        if header.count == 3 { try readHeader() }
        continue
      }
      bits |= UInt64(byte) << UInt64(bitCount)
      bitCount += 8
      try drain(&output)
    }
    return output
  }

  /// - Throws: when the file is too short to be one.
  func finish() throws(Failure) {
    guard header.count == 3 else { throw Failure(description: "the compressed data ends in the middle") }
  }

  private mutating func readHeader() throws(Failure) {
    maximumWidth = Int(header[2] & 0x1F)
    clears = header[2] & 0x80 != 0
    guard header[0] == 0x1F, header[1] == 0x9D, (9...16).contains(maximumWidth) else {
      throw Failure(description: "this is no data of compress")
    }
    if clears { grow(0, 0) }
  }

  private mutating func grow(_ prefix: Int, _ suffix: UInt8) {
    prefixes.append(UInt16(truncatingIfNeeded: prefix))
    suffixes.append(suffix)
  }

  private mutating func drain(_ output: inout [UInt8]) throws(Failure) {
    while true {
      if skip > 0 {
        let passed = min(skip, bitCount)
        bits >>= UInt64(passed)
        bitCount -= passed
        skip -= passed
        if skip > 0 { return }
      }
      guard bitCount >= width else { return }
      let code = Int(bits & (1 << UInt64(width) - 1))
      bits >>= UInt64(width)
      bitCount -= width
      groupBits = (groupBits + width) % (width * 8)
      try take(code, &output)
    }
  }

  private mutating func change(width new: Int) {
    if groupBits > 0 { skip = width * 8 - groupBits }
    groupBits = 0
    width = new
  }

  private mutating func take(_ code: Int, _ output: inout [UInt8]) throws(Failure) {
    if clears, code == 256 {
      prefixes.removeAll(keepingCapacity: true)
      suffixes.removeAll(keepingCapacity: true)
      grow(0, 0)
      change(width: 9)
      last = nil
      return
    }
    let free = 256 + prefixes.count
    guard let last else {
      guard code < 256 else { throw Failure(description: "the compressed data is damaged") }
      output.append(UInt8(code))
      lastFirstByte = UInt8(code)
      self.last = code
      return
    }
    guard code < free || code == free else { throw Failure(description: "the compressed data is damaged") }
    var text: [UInt8] = []
    var current = code
    if code == free {
      text.append(lastFirstByte)
      current = last
    }
    while current >= 256 {
      text.append(suffixes[current - 256])
      current = Int(prefixes[current - 256])
    }
    text.append(UInt8(current))
    lastFirstByte = text[text.count - 1]
    output.append(contentsOf: text.reversed())
    if free < 1 << maximumWidth {
      grow(last, lastFirstByte)
      if 256 + prefixes.count == 1 << width, width < maximumWidth { change(width: width + 1) }
    }
    self.last = code
  }
}
