import ExternalTerm
import NIOCore
import NSOModel
import NSOTerms

extension SchemaItem.TypeReference {
  init(_ reader: inout ArgumentReader) throws(TermError) {
    guard try reader.terms.peekKind() == .tuple else {
      self = .local(try reader.name())
      return
    }
    try reader.tuple(2)
    let namespace = try reader.name()
    let name = try reader.name()
    self = namespace.isEmpty ? .builtIn(name) : .inNamespace(namespace, name)
  }

  /// Nil for `'undefined'`.
  init?(optional reader: inout ArgumentReader) throws(TermError) {
    guard let reference = try reader.optional({ (reader) throws(TermError) in try SchemaItem.TypeReference(&reader) }) else {
      return nil
    }
    self = reference
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .local(let name): buffer.writeTermAtom(name)
    case .inNamespace(let namespace, let name): write(namespace, name, into: &buffer)
    case .builtIn(let name): write("", name, into: &buffer)
    }
  }

  private func write(_ namespace: String, _ name: String, into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermAtom(namespace)
    buffer.writeTermAtom(name)
  }
}

extension SchemaItem.TypeDefinition {
  /// After the tuple's head and tag.
  init(_ reader: inout ArgumentReader) throws(TermError) {
    name = try reader.name()
    kind = try Kind(&reader)
    derivation = try Derivation(&reader)
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 4)
    buffer.writeTermAtom("type" as StaticString)
    buffer.writeTermAtom(name)
    kind.write(into: &buffer)
    derivation.write(into: &buffer)
  }
}

extension SchemaItem.TypeDefinition.Kind {
  fileprivate init(_ reader: inout ArgumentReader) throws(TermError) {
    if try reader.terms.peekKind() == .tuple {
      try reader.tuple(2)
      try reader.marker("user_defined")
      self = .userDefined(point: try reader.name())
      return
    }
    let place = reader.terms.offset
    let atom = try reader.terms.readAtomBytes()
    if atom.equals("derived") {
      self = .derived
    } else if atom.equals("primitive") {
      self = .primitive
    } else {
      throw TermError(.expected("a kind of type"), at: place)
    }
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    switch self {
    case .derived: buffer.writeTermAtom("derived" as StaticString)
    case .primitive: buffer.writeTermAtom("primitive" as StaticString)
    case .userDefined(let point):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("user_defined" as StaticString)
      buffer.writeTermAtom(point)
    }
  }
}

extension SchemaItem.TypeDefinition.Derivation {
  fileprivate init(_ reader: inout ArgumentReader) throws(TermError) {
    if try reader.terms.peekKind() == .atom {
      try reader.marker("undefined")
      self = .undefined
      return
    }
    let place = reader.terms.offset
    let arity = try reader.terms.readTupleHeader()
    let atom = try reader.terms.readAtomBytes()
    switch arity {
    case 3 where atom.equals("restriction"):
      let base = try SchemaItem.TypeReference(&reader)
      self = .restriction(base, try reader.list { (reader) throws(TermError) in try SchemaItem.Facet(&reader) })
    case 2 where atom.equals("list"): self = .list(try SchemaItem.TypeReference(&reader))
    case 2 where atom.equals("union"):
      self = .union(try reader.list { (reader) throws(TermError) in try SchemaItem.TypeReference(&reader) })
    case 3 where atom.equals("bits"):
      let bits = try reader.list { (reader) throws(TermError) in
        try reader.tuple(2)
        let position = Int(try reader.integer(UInt32.self))
        return SchemaItem.TypeDefinition.Bit(position, label: try reader.wireText())
      }
      self = .bits(bits, size: Int(try reader.integer(UInt32.self)))
    default: throw TermError(.expected("a derivation"), at: place)
    }
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    switch self {
    case .undefined: buffer.writeTermUndefined()
    case .restriction(let base, let facets):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermAtom("restriction" as StaticString)
      base.write(into: &buffer)
      buffer.writeTermList(facets) { $1.write(into: &$0) }
    case .list(let item):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("list" as StaticString)
      item.write(into: &buffer)
    case .union(let members):
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom("union" as StaticString)
      buffer.writeTermList(members) { $1.write(into: &$0) }
    case .bits(let bits, let size):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermAtom("bits" as StaticString)
      buffer.writeTermList(bits) { buffer, bit in
        buffer.writeTermTuple(arity: 2)
        buffer.writeTermInteger(bit.position)
        buffer.writeTerm(bit.label)
      }
      buffer.writeTermInteger(size)
    }
  }
}

// MARK: - Facets

extension SchemaItem.Facet {
  fileprivate init(_ reader: inout ArgumentReader) throws(TermError) {
    var ahead = reader
    let arity = try ahead.terms.readTupleHeader()
    guard arity > 0 else { throw reader.terms.error(.expected("a facet")) }
    let name = try ahead.terms.readAtomBytes()
    if let facet = try Self.known(name, arity: arity, &ahead) {
      self = facet
      reader = ahead
    } else {
      self = .unknown(try Term.read(from: &reader.terms))
    }
  }

  private static func known(
    _ name: AtomBytes, arity: Int, _ reader: inout ArgumentReader
  ) throws(TermError) -> SchemaItem.Facet? {
    switch arity {
    case 1 where name.equals("unique_list"): return .uniqueList
    case 3 where name.equals("enumeration"): return try enumeration(&reader)
    case 2: break
    default: return nil
    }
    if name.equals("length") {
      return .length(try ranges(&reader) { (reader) throws(TermError) in try reader.integer() })
    }
    if name.equals("range_facet") {
      return .range(try ranges(&reader) { (reader) throws(TermError) in try reader.value() })
    }
    if name.equals("min_length") { return .minLength(try reader.integer()) }
    if name.equals("max_length") { return .maxLength(try reader.integer()) }
    if name.equals("min_inclusive") { return .minInclusive(try reader.value()) }
    if name.equals("max_inclusive") { return .maxInclusive(try reader.value()) }
    if name.equals("min_exclusive") { return .minExclusive(try reader.value()) }
    if name.equals("max_exclusive") { return .maxExclusive(try reader.value()) }
    if name.equals("fraction_digits") { return .fractionDigits(try reader.integer()) }
    if name.equals("total_digits") { return .totalDigits(try reader.integer()) }
    if name.equals("pattern") { return .pattern(try reader.text()) }
    if name.equals("display_hint") { return .displayHint(try reader.text()) }
    if name.equals("ignore_facet") { return .ignore(try Term.read(from: &reader.terms)) }
    if name.equals("white_space") {
      let place = reader.terms.offset
      guard let how = WhiteSpace(rawValue: try reader.name()) else {
        throw TermError(.expected("preserve, replace or collapse"), at: place)
      }
      return .whiteSpace(how)
    }
    if name.equals("identities") {
      return .identities(
        try reader.list { (reader) throws(TermError) in
          try reader.tuple(2)
          try reader.tuple(2)
          let prefix = try reader.text()
          let name = try reader.name()
          try reader.tuple(2)
          let namespace: UInt32 = try reader.integer()
          return Identity(prefix: prefix, name: name, hash: IdentityHash(namespace: namespace, name: try reader.integer()))
        })
    }
    return nil
  }

  /// `Label, int` or `Value, 'undefined'`.
  private static func enumeration(_ reader: inout ArgumentReader) throws(TermError) -> SchemaItem.Facet {
    var ahead = reader
    try ahead.terms.skip()
    if try ahead.terms.peekKind() == .atom {
      let value = try reader.value()
      try reader.marker("undefined")
      return .enumerationValue(value)
    }
    let label = try reader.wireText()
    return .enumeration(label, try reader.integer())
  }

  private static func ranges<Bound>(
    _ reader: inout ArgumentReader, _ bound: (inout ArgumentReader) throws(TermError) -> Bound
  ) throws(TermError) -> [SchemaItem.Range<Bound>] {
    try reader.list { (reader) throws(TermError) in
      try reader.tuple(2)
      if try reader.takeMarker("single") { return .single(try bound(&reader)) }
      let low = try reader.takeMarker("min") ? nil : try bound(&reader)
      return .between(low, try reader.takeMarker("max") ? nil : try bound(&reader))
    }
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    switch self {
    case .enumeration(let label, let number):
      writeHead("enumeration", arity: 3, into: &buffer)
      buffer.writeTerm(label)
      buffer.writeTermInteger(number)
    case .enumerationValue(let value):
      writeHead("enumeration", arity: 3, into: &buffer)
      ValueCoding.write(value, into: &buffer)
      buffer.writeTermUndefined()
    case .length(let ranges):
      writeHead("length", into: &buffer)
      buffer.writeTermList(ranges) { $1.write(into: &$0) { $0.writeTermInteger($1) } }
    case .range(let ranges):
      writeHead("range_facet", into: &buffer)
      buffer.writeTermList(ranges) { $1.write(into: &$0) { ValueCoding.write($1, into: &$0) } }
    case .minLength(let number): write("min_length", number, into: &buffer)
    case .maxLength(let number): write("max_length", number, into: &buffer)
    case .minInclusive(let value): write("min_inclusive", value, into: &buffer)
    case .maxInclusive(let value): write("max_inclusive", value, into: &buffer)
    case .minExclusive(let value): write("min_exclusive", value, into: &buffer)
    case .maxExclusive(let value): write("max_exclusive", value, into: &buffer)
    case .fractionDigits(let number): write("fraction_digits", number, into: &buffer)
    case .totalDigits(let number): write("total_digits", number, into: &buffer)
    case .pattern(let text): write("pattern", text, into: &buffer)
    case .displayHint(let text): write("display_hint", text, into: &buffer)
    case .whiteSpace(let how):
      writeHead("white_space", into: &buffer)
      buffer.writeTermAtom(how.rawValue)
    case .uniqueList: writeHead("unique_list", arity: 1, into: &buffer)
    case .identities(let identities):
      writeHead("identities", into: &buffer)
      buffer.writeTermList(identities) { buffer, identity in
        buffer.writeTermTuple(arity: 2)
        buffer.writeTermTuple(arity: 2)
        buffer.writeTermBinary(identity.prefix)
        buffer.writeTermAtom(identity.name)
        buffer.writeTermTuple(arity: 2)
        buffer.writeTermInteger(identity.hash.namespace)
        buffer.writeTermInteger(identity.hash.name)
      }
    case .ignore(let term):
      writeHead("ignore_facet", into: &buffer)
      buffer.writeTerm(term)
    case .unknown(let term): buffer.writeTerm(term)
    }
  }

  private func writeHead(_ name: StaticString, arity: Int = 2, into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: arity)
    buffer.writeTermAtom(name)
  }

  private func write(_ name: StaticString, _ number: some FixedWidthInteger, into buffer: inout ByteBuffer) {
    writeHead(name, into: &buffer)
    buffer.writeTermInteger(number)
  }

  private func write(_ name: StaticString, _ text: String, into buffer: inout ByteBuffer) {
    writeHead(name, into: &buffer)
    buffer.writeTermBinary(text)
  }

  private func write(_ name: StaticString, _ value: Value, into buffer: inout ByteBuffer) {
    writeHead(name, into: &buffer)
    ValueCoding.write(value, into: &buffer)
  }
}

extension SchemaItem.Range {
  fileprivate func write(into buffer: inout ByteBuffer, _ bound: (inout ByteBuffer, Bound) -> Void) {
    buffer.writeTermTuple(arity: 2)
    switch self {
    case .single(let value):
      buffer.writeTermAtom("single" as StaticString)
      bound(&buffer, value)
    case .between(let low, let high):
      if let low { bound(&buffer, low) } else { buffer.writeTermAtom("min" as StaticString) }
      if let high { bound(&buffer, high) } else { buffer.writeTermAtom("max" as StaticString) }
    }
  }
}

extension ArgumentReader {
  /// Goes past an atom of this name; false, and nothing read, when something else comes.
  fileprivate mutating func takeMarker(_ name: StaticString) throws(TermError) -> Bool {
    guard try terms.peekKind() == .atom else { return false }
    var ahead = terms
    guard try ahead.readAtomBytes().equals(name) else { return false }
    terms = ahead
    return true
  }
}
