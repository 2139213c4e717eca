import ExternalTerm
public import NIOCore
import NSOModel
import NSOTerms

extension SchemaItem {
  /// The items of a frame, which holds one term or a list of them. An empty list is taken as none, and nodes may have more
  /// than 15 elements; both are more than the reference client takes (protocol part 07, section 9).
  public static func items(in frame: ByteBuffer) throws(DecodeError) -> [SchemaItem] {
    do throws(TermError) {
      return try ArgumentReader.read(frame) { (reader) throws(TermError) in
        guard try reader.terms.peekKind() == .list else { return [try SchemaItem(&reader)] }
        return try reader.list { (reader) throws(TermError) in try SchemaItem(&reader) }
      }
    } catch {
      throw DecodeError("schema stream", error, termOffset: 0, frame: frame)
    }
  }

  /// A frame's payload with several items; never an empty list, which the reference client cannot take.
  public static func write(_ items: [SchemaItem], into buffer: inout ByteBuffer) {
    guard let first = items.first else { return }
    guard items.count > 1 else { return first.write(into: &buffer) }
    buffer.writeTermVersion()
    buffer.writeTermList(items) { $1.writeTerm(into: &$0) }
  }

  /// A frame's payload with this item alone.
  public func write(into buffer: inout ByteBuffer) {
    buffer.writeTermVersion()
    writeTerm(into: &buffer)
  }

  private init(_ reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    if try reader.terms.peekKind() == .atom {
      let atom = try reader.terms.readAtomBytes()
      if atom.equals("end_of_ns") {
        self = .endOfNamespace
      } else if atom.equals("eof") {
        self = .endOfSchema
      } else {
        throw TermError(.expected("'end_of_ns' or 'eof'"), at: place)
      }
      return
    }
    let arity = try reader.terms.readTupleHeader()
    let atom = try reader.terms.readAtomBytes()
    if atom.equals("node"), arity >= 15 {
      self = .node(try SchemaItem.Node(&reader, arity: arity))
    } else if atom.equals("type"), arity == 4 {
      self = .type(try SchemaItem.TypeDefinition(&reader))
    } else if atom.equals("ns"), arity >= 4 {
      self = .namespace(try SchemaItem.Namespace(&reader, arity: arity))
    } else {
      throw TermError(.expected("a namespace, type or node"), at: place)
    }
  }

  private func writeTerm(into buffer: inout ByteBuffer) {
    switch self {
    case .namespace(let namespace): namespace.write(into: &buffer)
    case .type(let type): type.write(into: &buffer)
    case .node(let node): node.write(into: &buffer)
    case .endOfNamespace: buffer.writeTermAtom("end_of_ns" as StaticString)
    case .endOfSchema: buffer.writeTermAtom("eof" as StaticString)
    }
  }
}

extension SchemaItem.Namespace {
  fileprivate init(_ reader: inout ArgumentReader, arity: Int) throws(TermError) {
    uri = try reader.name()
    prefix = try reader.name()
    hash = try reader.integer()
    revision = arity > 4 ? try Self.textOrNone(&reader) : nil
    module = arity > 5 ? try Self.textOrNone(&reader) : nil
    // What newer daemons add.
    for _ in 6..<max(6, arity) { try reader.terms.skip() }
  }

  private static func textOrNone(_ reader: inout ArgumentReader) throws(TermError) -> String? {
    let text = try reader.text()
    return text.isEmpty ? nil : text
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 6)
    buffer.writeTermAtom("ns" as StaticString)
    buffer.writeTermAtom(uri)
    buffer.writeTermAtom(prefix)
    buffer.writeTermInteger(hash)
    for text in [revision, module] {
      if let text { buffer.writeTermBinary(text) } else { buffer.writeTermAtom("" as StaticString) }
    }
  }
}

// MARK: - Nodes

extension SchemaItem.Node {
  fileprivate init(_ reader: inout ArgumentReader, arity: Int) throws(TermError) {
    path = try reader.tags().reversed()
    type = try SchemaItem.TypeReference(optional: &reader)
    primitive = try reader.optional { (reader) throws(TermError) in try reader.integer() }
    defaultValue = try reader.optional { (reader) throws(TermError) in try reader.value() }
    minOccurs = try reader.integer()
    if try reader.terms.peekKind() == .atom {
      try reader.marker("unbounded")
      maxOccurs = nil
    } else {
      let most: Int = try reader.integer()
      maxOccurs = most < 0 ? nil : most
    }
    children = try reader.list { (reader) throws(TermError) in try SchemaItem.Child(&reader, depth: 1) }
    keys = try reader.tags().map(\.name)
    flags = SchemaItem.Flags(rawValue: try reader.integer())
    actions = try reader.tags()
    order = SchemaItem.ListOrder(rawValue: try reader.integer()) ?? .normal
    notifications = try reader.tags()
    metaData = try reader.list { (reader) throws(TermError) in
      try reader.tuple(2)
      let key = try reader.text()
      return MetaData(key, try reader.optionalText())
    }
    mountID = try reader.optional { (reader) throws(TermError) in try reader.term() }
    for _ in 15..<max(15, arity) { try reader.terms.skip() }
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 15)
    buffer.writeTermAtom("node" as StaticString)
    buffer.writeTermTags(path.reversed())
    if let type { type.write(into: &buffer) } else { buffer.writeTermUndefined() }
    if let primitive { buffer.writeTermInteger(primitive) } else { buffer.writeTermUndefined() }
    buffer.writeTermOptional(defaultValue)
    buffer.writeTermInteger(minOccurs)
    if let maxOccurs { buffer.writeTermInteger(maxOccurs) } else { buffer.writeTermAtom("unbounded" as StaticString) }
    buffer.writeTermList(children) { $1.write(into: &$0) }
    buffer.writeTermTags(keys.map { Tag($0) })
    buffer.writeTermInteger(flags.rawValue)
    buffer.writeTermTags(actions)
    buffer.writeTermInteger(order.rawValue)
    buffer.writeTermTags(notifications)
    buffer.writeTermList(metaData) { buffer, item in
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermBinary(item.key)
      buffer.writeTermOptional(item.value)
    }
    if let mountID { buffer.writeTerm(mountID) } else { buffer.writeTermUndefined() }
  }
}

extension SchemaItem.Child {
  fileprivate init(_ reader: inout ArgumentReader, depth: Int) throws(TermError) {
    guard depth <= TermReader.maximumDepth else { throw reader.terms.error(.tooDeep) }
    guard try reader.terms.peekKind() == .tuple else {
      self = .node(try TagCoding.read(&reader.terms))
      return
    }
    try reader.tuple(5)
    try reader.marker("confd_cs_choice")
    let name = try TagCoding.read(&reader.terms)
    let cases = try reader.list { (reader) throws(TermError) in
      try reader.tuple(3)
      try reader.marker("confd_cs_case")
      let name = try TagCoding.read(&reader.terms)
      let children = try reader.list { (reader) throws(TermError) in try SchemaItem.Child(&reader, depth: depth + 1) }
      return SchemaItem.Choice.Case(name, children)
    }
    let defaultCase = try TagCoding.read(&reader.terms)
    let isMandatory = try reader.integer(Int.self) > 0
    self = .choice(
      SchemaItem.Choice(name, cases: cases, defaultCase: defaultCase.name.isEmpty ? nil : defaultCase, isMandatory: isMandatory)
    )
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    switch self {
    case .node(let tag): TagCoding.write(tag, into: &buffer)
    case .choice(let choice):
      buffer.writeTermTuple(arity: 5)
      buffer.writeTermAtom("confd_cs_choice" as StaticString)
      TagCoding.write(choice.name, into: &buffer)
      buffer.writeTermList(choice.cases) { buffer, item in
        buffer.writeTermTuple(arity: 3)
        buffer.writeTermAtom("confd_cs_case" as StaticString)
        TagCoding.write(item.name, into: &buffer)
        buffer.writeTermList(item.children) { $1.write(into: &$0) }
      }
      TagCoding.write(choice.defaultCase ?? Tag(""), into: &buffer)
      buffer.writeTermInteger(choice.isMandatory ? 1 : 0)
    }
  }
}

extension ArgumentReader {
  fileprivate mutating func tags() throws(TermError) -> [Tag] {
    try list { (reader) throws(TermError) in try TagCoding.read(&reader.terms) }
  }
}

extension ByteBuffer {
  fileprivate mutating func writeTermTags(_ tags: some Collection<Tag>) {
    writeTermList(tags) { TagCoding.write($1, into: &$0) }
  }
}
