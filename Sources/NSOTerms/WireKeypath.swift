public import ExternalTerm
public import NIOCore
public import NSOModel

/// A path argument of a request, root first, still in its encoded form: a slice of the frame, its shape checked, its names
/// and keys not yet turned into anything. A daemon resolves it against its schema without allocating; tools turn it into
/// a `Keypath`.
///
/// Where a peer sent the path as text (protocol part 02, section 5.5), `text` has it and there are no elements.
public struct WireKeypath: Hashable, Sendable {
  /// The list term without version byte. Its atoms are UTF-8.
  @usableFromInline let bytes: ByteBuffer
  /// How many elements the path has; 0 for the root.
  public let count: Int
  /// The path as the peer wrote it, for example `/ex:top/server{web 80}`; nil for the usual form.
  public let text: String?

  public init(_ path: Keypath) {
    bytes = Self.encoded(path)
    count = path.elements.count
    text = nil
  }

  public init(text: String) {
    var buffer = ByteBuffer()
    buffer.writeTermBinary(text)
    bytes = buffer
    count = 0
    self.text = text
  }

  public static var root: WireKeypath { WireKeypath(.root) }

  public var isRoot: Bool { count == 0 && text == nil }

  /// The next term of `reader`, which reads the readable bytes of `buffer`.
  public init(from reader: inout TermReader, in buffer: ByteBuffer) throws(TermError) {
    let start = reader.offset
    var count = 0
    var text: String?
    var isPlain = true
    switch try reader.peekKind() {
    case .binary: text = try TextCoding.read(&reader)
    case .list:
      var ahead = reader
      let header = try ahead.readListHeader()
      if !header.isEmpty, try ahead.peekKind() == .integer {
        text = try TextCoding.read(&reader)
      } else {
        reader = ahead
        count = header.count
        for _ in 0..<count { isPlain = try Self.check(&reader) && isPlain }
        try reader.readListEnd(header)
      }
    default: throw reader.error(.expected("a path"))
    }
    guard let slice = buffer.getSlice(at: buffer.readerIndex + start, length: reader.offset - start) else {
      throw TermError(.endOfBytes, at: start)
    }
    self.count = count
    self.text = text
    if isPlain {
      bytes = slice
    } else {
      // Names in Latin-1, which nobody sends: once through the model makes them UTF-8.
      let path = try slice.withTermReader { (reader) throws(TermError) in
        try KeypathCoding.read(&reader, order: .rootFirst)
      }
      bytes = Self.encoded(path)
    }
  }

  /// Goes past one element; false when a name in it is not UTF-8 as it stands.
  private static func check(_ reader: inout TermReader) throws(TermError) -> Bool {
    switch try reader.peekKind() {
    case .atom: return try reader.readAtomBytes().isPlain
    case .binary:
      _ = try reader.readBinaryBytes()
      return true
    case .tuple:
      try reader.skip()
      return true
    case .list:
      let header = try reader.readListHeader()
      guard header.count == 1 else { throw reader.error(.expected("a path element")) }
      if try reader.peekKind() == .integer {
        _ = try reader.readInteger(as: UInt32.self)
        try reader.readListEnd(header)
        return true
      }
      let first = try check(name: &reader)
      return try check(name: &reader) && first
    default: throw reader.error(.expected("a path element"))
    }
  }

  private static func check(name reader: inout TermReader) throws(TermError) -> Bool {
    if try reader.peekKind() == .binary {
      _ = try reader.readBinaryBytes()
      return true
    }
    return try reader.readAtomBytes().isPlain
  }

  /// The list with all its names in UTF-8, which for ASCII is the usual form.
  private static func encoded(_ path: Keypath) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeTermListHeader(count: path.elements.count)
    for element in path.elements {
      guard case .tag(let tag) = element, !(tag.name + (tag.namespace ?? "")).utf8.allSatisfy({ $0 < 0x80 }) else {
        KeypathCoding.write(element, into: &buffer)
        continue
      }
      if let namespace = tag.namespace {
        buffer.writeTermListHeader(count: 1)
        buffer.writeTermUTF8Atom(namespace)
      }
      buffer.writeTermUTF8Atom(tag.name)
    }
    buffer.writeTermListEnd(count: path.elements.count)
    return buffer
  }

  /// The path in memory of its own, for keeping beyond the request.
  public func detached() -> WireKeypath {
    WireKeypath(bytes: ByteBuffer(bytes: bytes.readableBytesView), count: count, text: text)
  }

  private init(bytes: ByteBuffer, count: Int, text: String?) {
    self.bytes = bytes
    self.count = count
    self.text = text
  }
}

// MARK: - What is in it

extension WireKeypath {
  /// One element, good only inside the closure of `withElements`.
  public enum Element {
    /// A node: UTF-8 bytes of the namespace URI, if given, and of the name.
    case tag(namespace: UnsafeRawBufferPointer?, name: UnsafeRawBufferPointer)
    /// A list entry: how many keys, and a reader that stands before the first of them (`ValueCoding.read` each).
    case keys(count: Int, TermReader)
    /// The n-th entry, counted from 0.
    case position(Int)
  }

  /// The elements of a path, root first.
  public struct Elements {
    var reader: TermReader
    public private(set) var remaining: Int

    @usableFromInline
    init(_ reader: TermReader, count: Int) {
      self.reader = reader
      remaining = count
    }

    /// The next element; nil after the last one. Errors are not expected, since the shape was checked when the path was read.
    public mutating func next() throws(TermError) -> Element? {
      guard remaining > 0 else { return nil }
      remaining -= 1
      switch try reader.peekKind() {
      case .tuple:
        let start = reader
        let count = try reader.readTupleHeader()
        let keys = reader
        reader = start
        try reader.skip()
        return .keys(count: count, keys)
      case .list:
        let header = try reader.readListHeader()
        if try reader.peekKind() == .integer {
          let position: UInt32 = try reader.readInteger()
          try reader.readListEnd(header)
          return .position(Int(position))
        }
        let namespace = try name()
        return .tag(namespace: namespace, name: try name())
      default: return .tag(namespace: nil, name: try name())
      }
    }

    private mutating func name() throws(TermError) -> UnsafeRawBufferPointer {
      if try reader.peekKind() == .binary { return try reader.readBinaryBytes() }
      return try reader.readAtomBytes().bytes
    }
  }

  /// Gives the elements to `body`; nothing that it gets from them may leave it. A path given as text has none: look at
  /// `text` first.
  @inlinable
  public func withElements<T, E: Error>(_ body: (inout Elements) throws(E) -> T) throws(E) -> T {
    try bytes.withUnsafeReadableBytes { (bytes) throws(E) -> T in
      // The head of a list with elements, which was checked when the path was read: a tag and four bytes of length.
      var elements = Elements(TermReader(bytes, offset: count > 0 ? 5 : 0), count: count)
      return try body(&elements)
    }
  }

  /// The path with Strings and Values.
  ///
  /// - Throws: `.expected` when a key is no value of this protocol, or when the path came as text, which only a schema can
  ///   turn into elements.
  public func keypath() throws(TermError) -> Keypath {
    guard text == nil else { throw TermError(.expected("a path as a list"), at: 0) }
    return try bytes.withTermReader { (reader) throws(TermError) in try KeypathCoding.read(&reader, order: .rootFirst) }
  }
}

extension WireKeypath: CustomStringConvertible {
  public var description: String { text ?? (try? keypath().description) ?? "a path with keys that are no values" }
}

extension ByteBuffer {
  public mutating func writeTerm(_ path: WireKeypath) { writeImmutableBuffer(path.bytes) }
}

extension EncodedTerm {
  public init(_ value: Value) { self.init { ValueCoding.write(value, into: &$0) } }

  /// The value that the term is.
  public func value() throws(TermError) -> Value {
    try withReader { (reader) throws(TermError) in try ValueCoding.read(&reader) }
  }
}
