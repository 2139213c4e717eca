import ExternalTerm
import NIOCore
public import NSOModel

/// Who is behind a session or transaction, in the words of the application.
public struct ClientIdentification: Hashable, Sendable {
  public var vendor: WireText?
  public var product: WireText?
  public var version: WireText?
  public var clientID: WireText?

  public init(vendor: WireText? = nil, product: WireText? = nil, version: WireText? = nil, clientID: WireText? = nil) {
    self.vendor = vendor
    self.product = product
    self.version = version
    self.clientID = clientID
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(4)
    vendor = try reader.optionalWireText()
    product = try reader.optionalWireText()
    version = try reader.optionalWireText()
    clientID = try reader.optionalWireText()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 4)
    buffer.writeTerm(vendor)
    buffer.writeTerm(product)
    buffer.writeTerm(version)
    buffer.writeTerm(clientID)
  }
}

/// 100: a session for a user whom the caller has authenticated.
public struct StartUserSession: Hashable, Sendable {
  public var user: String
  public var address: IPAddress
  public var port: Int
  /// What access rules are matched against; `system` is free of them.
  public var context: String
  public var sessionProtocol: SessionProtocol
  public var groups: [String]
  /// Nil sends the older form, a list, which has no place for it.
  public var identification: ClientIdentification?

  public init(
    user: String, address: IPAddress = .loopback, port: Int = 0, context: String = "system",
    sessionProtocol: SessionProtocol = .tcp, groups: [String] = [], identification: ClientIdentification? = nil
  ) {
    self.user = user
    self.address = address
    self.port = port
    self.context = context
    self.sessionProtocol = sessionProtocol
    self.groups = groups
    self.identification = identification
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    let isTuple = try reader.terms.peekKind() == .tuple
    var header: TermReader.ListHeader?
    if isTuple {
      try reader.tuple(7)
    } else {
      header = try reader.terms.readListHeader()
    }
    if let header, header.count < 5 { throw reader.terms.error(.expected("at least 5 elements")) }
    user = try reader.text()
    try reader.tuple(2)
    address = try reader.address()
    port = try reader.integer()
    context = try reader.name()
    sessionProtocol = SessionProtocol(rawValue: try reader.integer()) ?? .unknown
    _ = try reader.bool()
    if let header {
      groups = []
      for _ in 5..<header.count { groups.append(try reader.text()) }
      try reader.terms.readListEnd(header)
      identification = nil
    } else {
      groups = try reader.texts()
      identification = try ClientIdentification(&reader)
    }
  }

  func write(into buffer: inout ByteBuffer) {
    if identification != nil {
      buffer.writeTermTuple(arity: 7)
    } else {
      buffer.writeTermListHeader(count: 5 + groups.count)
    }
    buffer.writeTermBinary(user)
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermAddress(address)
    buffer.writeTermInteger(port)
    buffer.writeTermAtom(context)
    buffer.writeTermInteger(sessionProtocol.rawValue)
    if let identification {
      buffer.writeTermBool(true)
      buffer.writeTermTexts(groups)
      identification.write(into: &buffer)
    } else {
      buffer.writeTermInteger(1)
      for group in groups { buffer.writeTermBinary(group) }
      buffer.writeTermListEnd(count: 5 + groups.count)
    }
  }
}

/// 222: name and password, with or without where the user comes from.
public struct Authenticate: Hashable, Sendable {
  public struct Origin: Hashable, Sendable {
    public var address: IPAddress
    public var port: Int
    public var context: String
    public var sessionProtocol: SessionProtocol

    public init(address: IPAddress, port: Int, context: String, sessionProtocol: SessionProtocol) {
      self.address = address
      self.port = port
      self.context = context
      self.sessionProtocol = sessionProtocol
    }
  }

  public var user: String
  public var password: String
  public var origin: Origin?

  public init(user: String, password: String, origin: Origin? = nil) {
    self.user = user
    self.password = password
    self.origin = origin
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    let arity = try reader.terms.readTupleHeader()
    guard arity == 2 || arity == 6 else { throw TermError(.expected("a tuple of 2 or 6"), at: place) }
    user = try reader.text()
    password = try reader.text()
    guard arity == 6 else { return }
    let address = try reader.address()
    let port: Int = try reader.integer()
    let context = try reader.text()
    origin = Origin(
      address: address, port: port, context: context,
      sessionProtocol: SessionProtocol(rawValue: try reader.integer()) ?? .unknown)
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: origin == nil ? 2 : 6)
    buffer.writeTermBinary(user)
    buffer.writeTermBinary(password)
    guard let origin else { return }
    buffer.writeTermAddress(origin.address)
    buffer.writeTermInteger(origin.port)
    buffer.writeTermBinary(origin.context)
    buffer.writeTermInteger(origin.sessionProtocol.rawValue)
  }
}

extension Authenticate: CustomStringConvertible {
  /// Without the password.
  public var description: String { "Authenticate(user: \(user), password: …)" }
}

/// A namespace as an argument: none, its URI, or its hash.
public enum NamespaceArgument: Hashable, Sendable {
  case none
  case uri(String)
  case hash(UInt32)

  init(_ reader: inout ArgumentReader) throws(TermError) {
    if try reader.terms.peekKind() == .integer {
      // -1 is an old spelling of "none".
      let number: Int64 = try reader.integer()
      self = number <= 0 ? .none : .hash(UInt32(truncatingIfNeeded: number))
    } else {
      let name = try reader.name()
      self = name.isEmpty ? .none : .uri(name)
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .none: buffer.writeTermInteger(0)
    case .uri(let uri): buffer.writeTermAtom(uri)
    case .hash(let hash): buffer.writeTermInteger(hash)
    }
  }
}

/// 220: use a transaction that was started elsewhere.
public struct Attach: Hashable, Sendable {
  public var namespace: NamespaceArgument
  /// 0: the owner of the transaction; -2 with the init transaction.
  public var session: UserSessionID

  public init(namespace: NamespaceArgument = .none, session: UserSessionID = 0) {
    self.namespace = namespace
    self.session = session
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(3)
    namespace = try NamespaceArgument(&reader)
    session = try reader.integer()
    try reader.marker("useikp")
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 3)
    namespace.write(into: &buffer)
    buffer.writeTermInteger(session)
    buffer.writeTermAtom("useikp" as StaticString)
  }
}
