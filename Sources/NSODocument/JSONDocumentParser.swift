/// Streaming JSON (RFC 8259) read as YANG data (RFC 7951): member names are split into module and name, members whose
/// name starts with `@` are metadata (RFC 7952), numbers keep their digits. The outermost value is an object.
///
/// A member that occurs twice in one object is refused (RFC 7493), as are arrays inside arrays, which YANG data never has.
public final class JSONDocumentParser: DocumentParser {
  private let structure: JSONStructure
  private var lexical = Lexical.between
  /// The bytes of the string, number or literal being read, escapes resolved.
  private var token: [UInt8] = []
  private var tokenStart = DocumentPosition(line: 1, column: 1)
  /// The first half of a surrogate pair, until its second half has come.
  private var highSurrogate: UInt32?
  private var line = 1
  private var column = 1
  private var byteOrderMark = 0
  private var isAtStart = true
  private let limits: DocumentLimits
  private var failure: (any Error)?

  private enum Lexical {
    case between, string, escape, number, literal
    case unicode(digits: Int, value: UInt32)
  }

  public init(limits: DocumentLimits = DocumentLimits()) {
    self.limits = limits
    structure = JSONStructure(limits: limits)
  }

  public var position: DocumentPosition { structure.eventPosition ?? here }

  private var here: DocumentPosition { DocumentPosition(line: line, column: column) }

  public func feed(_ bytes: UnsafeRawBufferPointer, _ handler: (DocumentEvent) throws -> Void) throws {
    if let failure { throw failure }
    do {
      var index = 0
      while index < bytes.count { try step(bytes, &index, handler) }
    } catch {
      failure = error
      throw error
    }
  }

  public func finish(_ handler: (DocumentEvent) throws -> Void) throws {
    if let failure { throw failure }
    do {
      switch lexical {
      case .between: break
      case .number, .literal: try endToken(handler)
      case .string, .escape, .unicode:
        throw DocumentError(.incomplete, "the document ends inside the string that begins at \(tokenStart)", at: here)
      }
      try structure.finish(at: here)
    } catch {
      failure = error
      throw error
    }
  }

  // MARK: Characters to tokens

  private func step(_ bytes: UnsafeRawBufferPointer, _ index: inout Int, _ handler: (DocumentEvent) throws -> Void) throws {
    let byte = bytes[index]
    switch lexical {
    case .between:
      if isAtStart, try skipByteOrderMark(byte) {
        index += 1
        return
      }
      try between(byte, handler)
      index += 1
      advance(byte)
    case .string:
      try string(bytes, &index, handler)
    case .escape:
      try escape(byte)
      index += 1
      advance(byte)
    case .unicode(let digits, let value):
      try unicode(byte, digits, value)
      index += 1
      advance(byte)
    case .number, .literal:
      if Self.isWordCharacter(byte) {
        guard token.count < 4096 else { throw tooLong("a number or word", 4096) }
        token.append(byte)
        index += 1
        advance(byte)
      } else {
        // The byte belongs to what follows: it is looked at again.
        try endToken(handler)
      }
    }
  }

  private func advance(_ byte: UInt8) {
    if byte == 0x0A {
      line &+= 1
      column = 1
    } else if byte & 0xC0 != 0x80 {
      column &+= 1
    }
  }

  private func skipByteOrderMark(_ byte: UInt8) throws(DocumentError) -> Bool {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    if byte == mark[byteOrderMark] {
      byteOrderMark += 1
      if byteOrderMark == mark.count { isAtStart = false }
      return true
    }
    guard byteOrderMark == 0 else { throw DocumentError(.malformed, "not JSON: half a byte order mark", at: here) }
    isAtStart = false
    return false
  }

  private func between(_ byte: UInt8, _ handler: (DocumentEvent) throws -> Void) throws {
    switch byte {
    case 0x20, 0x09, 0x0A, 0x0D: break
    case UInt8(ascii: "{"): try structure.openObject(at: here, handler)
    case UInt8(ascii: "}"): try structure.closeObject(at: here, handler)
    case UInt8(ascii: "["): try structure.openArray(at: here, handler)
    case UInt8(ascii: "]"): try structure.closeArray(at: here, handler)
    case UInt8(ascii: ":"): try structure.colon(at: here)
    case UInt8(ascii: ","): try structure.comma(at: here)
    case UInt8(ascii: "\""): beginToken(.string)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): beginToken(.number, byte)
    case UInt8(ascii: "a")...UInt8(ascii: "z"): beginToken(.literal, byte)
    default: throw DocumentError(.malformed, "not JSON: \(Self.shown(byte)) where a value or a mark should be", at: here)
    }
  }

  private func beginToken(_ kind: Lexical, _ first: UInt8? = nil) {
    lexical = kind
    tokenStart = here
    // A single huge value must not pin its memory for the rest of the document.
    token.removeAll(keepingCapacity: token.capacity <= 65_536)
    if let first { token.append(first) }
  }

  /// Everything up to the next quote, escape or fault in one go.
  private func string(_ bytes: UnsafeRawBufferPointer, _ index: inout Int, _ handler: (DocumentEvent) throws -> Void) throws {
    let start = index
    scan: while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0..<0x20: break scan
      case let byte:
        if byte & 0xC0 != 0x80 { column &+= 1 }
        index += 1
      }
    }
    if index > start {
      guard highSurrogate == nil else { throw halfPair() }
      guard token.count + (index - start) <= limits.scalarSize else { throw tooLong("a string", limits.scalarSize) }
      token.append(contentsOf: bytes[start..<index])
    }
    guard index < bytes.count else { return }
    switch bytes[index] {
    case UInt8(ascii: "\""):
      guard highSurrogate == nil else { throw halfPair() }
      index += 1
      column &+= 1
      lexical = .between
      try structure.string(token, from: tokenStart, handler)
    case UInt8(ascii: "\\"):
      index += 1
      column &+= 1
      lexical = .escape
    default:
      throw DocumentError(
        .malformed, "not JSON: \(Self.shown(bytes[index])) inside a string must be written as an escape", at: here)
    }
  }

  private func escape(_ byte: UInt8) throws(DocumentError) {
    let plain: UInt8
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): plain = byte
    case UInt8(ascii: "b"): plain = 0x08
    case UInt8(ascii: "f"): plain = 0x0C
    case UInt8(ascii: "n"): plain = 0x0A
    case UInt8(ascii: "r"): plain = 0x0D
    case UInt8(ascii: "t"): plain = 0x09
    case UInt8(ascii: "u"):
      lexical = .unicode(digits: 0, value: 0)
      return
    default: throw DocumentError(.malformed, "not JSON: unknown escape \\ and \(Self.shown(byte))", at: here)
    }
    guard highSurrogate == nil else { throw halfPair() }
    guard token.count < limits.scalarSize else { throw tooLong("a string", limits.scalarSize) }
    token.append(plain)
    lexical = .string
  }

  private func unicode(_ byte: UInt8, _ digits: Int, _ value: UInt32) throws(DocumentError) {
    let digit: UInt32
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt32(byte &- UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt32(byte &- UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt32(byte &- UInt8(ascii: "A")) + 10
    default: throw DocumentError(.malformed, "not JSON: \\u must be followed by four hexadecimal digits", at: here)
    }
    let value = value << 4 | digit
    guard digits == 3 else {
      lexical = .unicode(digits: digits + 1, value: value)
      return
    }
    lexical = .string
    var code = value
    switch (highSurrogate, value) {
    case (nil, 0xD800..<0xDC00):
      highSurrogate = value
      return
    case (let high?, 0xDC00..<0xE000):
      highSurrogate = nil
      code = 0x10000 + (high - 0xD800) << 10 + (value - 0xDC00)
    case (nil, _): break
    case (_?, _): throw halfPair()
    }
    guard let scalar = Unicode.Scalar(code) else { throw halfPair() }
    guard token.count < limits.scalarSize else { throw tooLong("a string", limits.scalarSize) }
    token.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  private func endToken(_ handler: (DocumentEvent) throws -> Void) throws {
    let isNumber = if case .number = lexical { true } else { false }
    lexical = .between
    let word = String(decoding: token, as: UTF8.self)
    if isNumber {
      guard Self.isNumber(token) else { throw DocumentError(.malformed, "not JSON: \(word) is not a number", at: tokenStart) }
      return try structure.scalar(.number(word), from: tokenStart, handler)
    }
    switch word {
    case "true": try structure.scalar(.boolean(true), from: tokenStart, handler)
    case "false": try structure.scalar(.boolean(false), from: tokenStart, handler)
    case "null": try structure.scalar(.null, from: tokenStart, handler)
    default: throw DocumentError(.malformed, "not JSON: \(word) (a string must be in quotes)", at: tokenStart)
    }
  }

  // MARK: Helpers

  private func halfPair() -> DocumentError {
    DocumentError(.malformed, "not JSON: half of a surrogate pair in a string", at: here)
  }

  private func tooLong(_ what: String, _ limit: Int) -> DocumentError {
    DocumentError(.tooLarge, "\(what) is longer than \(limit) bytes, the most this parser takes", at: tokenStart)
  }

  private static func isWordCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// RFC 8259, section 6.
  private static func isNumber(_ token: [UInt8]) -> Bool {
    var rest = token[...]
    func digits() -> Int {
      let start = rest.count
      while let byte = rest.first, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { rest.removeFirst() }
      return start - rest.count
    }
    func skip(_ bytes: String) -> Bool {
      guard let byte = rest.first, bytes.utf8.contains(byte) else { return false }
      rest.removeFirst()
      return true
    }
    _ = skip("-")
    if !skip("0") { guard digits() > 0 else { return false } }
    if skip(".") { guard digits() > 0 else { return false } }
    if skip("eE") {
      _ = skip("+-")
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }

  private static func shown(_ byte: UInt8) -> String {
    byte > 0x20 && byte < 0x7F
      ? "'\(Character(Unicode.Scalar(byte)))'" : "the byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}
