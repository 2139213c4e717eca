public import ExternalTerm
import NIOCore
public import NSOModel
public import NSOTerms

/// How long to wait for a user.
public enum PromptTimeout: Hashable, Sendable {
  case infinity
  case milliseconds(Int64)

  init(_ reader: inout ArgumentReader) throws(TermError) {
    if try reader.terms.peekKind() == .integer {
      self = .milliseconds(try reader.integer())
    } else {
      try reader.marker("infinity")
      self = .infinity
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .infinity: buffer.writeTermAtom("infinity" as StaticString)
    case .milliseconds(let time): buffer.writeTermInteger(time)
    }
  }
}

/// 300: a question to a CLI user.
public struct CLIPrompt: Hashable, Sendable {
  public enum Choice: Hashable, Sendable {
    /// Free text; goes out as the empty list.
    case any
    case one(String)
    case several([String])
  }

  public var session: UserSessionID
  public var prompt: String
  public var choice: Choice
  public var echo: Bool
  public var timeout: PromptTimeout

  public init(
    _ session: UserSessionID, _ prompt: String, choice: Choice = .any, echo: Bool = true, timeout: PromptTimeout = .infinity
  ) {
    self.session = session
    self.prompt = prompt
    self.choice = choice
    self.echo = echo
    self.timeout = timeout
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(5)
    session = try reader.integer()
    prompt = try reader.text()
    if try reader.terms.peekKind() == .binary {
      choice = .one(try reader.text())
    } else {
      let choices = try reader.texts()
      choice = choices.isEmpty ? .any : .several(choices)
    }
    echo = try reader.bool()
    timeout = try PromptTimeout(&reader)
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 5)
    buffer.writeTermInteger(session)
    buffer.writeTermBinary(prompt)
    switch choice {
    case .any: buffer.writeTermListHeader(count: 0)
    case .one(let text): buffer.writeTermBinary(text)
    case .several(let texts): buffer.writeTermTexts(texts)
    }
    buffer.writeTermBool(echo)
    timeout.write(into: &buffer)
  }
}

/// 271 and 272: a span or event of the progress trace.
public enum ProgressSpan: Hashable, Sendable {
  case start(Event)
  case info(Event)
  case end(span: String, annotation: WireText)

  public struct Event: Hashable, Sendable {
    public struct Link: Hashable, Sendable {
      public var trace: String?
      public var span: String?

      public init(trace: String?, span: String?) {
        self.trace = trace
        self.span = span
      }
    }

    public struct Attribute: Hashable, Sendable {
      public var key: String
      /// A binary or an integer.
      public var value: Term

      public init(_ key: String, _ value: Term) {
        self.key = key
        self.value = value
      }
    }

    /// 0 normal, 1 verbose, 2 very verbose, 3 debug.
    public var verbosity: Int
    public var message: WireText
    public var path: WireKeypath
    public var attributes: [Attribute]
    public var links: [Link]

    public init(
      verbosity: Int = 0, _ message: WireText, path: WireKeypath = .root, attributes: [Attribute] = [], links: [Link] = []
    ) {
      self.verbosity = verbosity
      self.message = message
      self.path = path
      self.attributes = attributes
      self.links = links
    }

    init(_ reader: inout ArgumentReader) throws(TermError) {
      verbosity = try reader.integer()
      message = try reader.wireText()
      path = try reader.path()
      attributes = try reader.list { (reader) throws(TermError) in
        try reader.tuple(2)
        let key = try reader.text()
        return Attribute(key, try Term.read(from: &reader.terms))
      }
      links = try reader.list { (reader) throws(TermError) in
        try reader.tuple(2)
        let trace = try reader.optionalText()
        return Link(trace: trace, span: try reader.optionalText())
      }
    }

    func write(into buffer: inout ByteBuffer) {
      buffer.writeTermInteger(verbosity)
      buffer.writeTerm(message)
      buffer.writeTerm(path)
      buffer.writeTermList(attributes) { buffer, attribute in
        buffer.writeTermTuple(arity: 2)
        buffer.writeTermBinary(attribute.key)
        buffer.writeTerm(attribute.value)
      }
      buffer.writeTermList(links) { buffer, link in
        buffer.writeTermTuple(arity: 2)
        buffer.writeTermOptional(link.trace)
        buffer.writeTermOptional(link.span)
      }
    }
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    let place = reader.terms.offset
    let arity = try reader.terms.readTupleHeader()
    switch (try reader.integer(Int.self), arity) {
    case (1, 6): self = .start(try Event(&reader))
    case (3, 6): self = .info(try Event(&reader))
    case (2, 3):
      let span = try reader.text()
      self = .end(span: span, annotation: try reader.wireText())
    default: throw TermError(.expected("a span start, end or info"), at: place)
    }
  }

  func write(into buffer: inout ByteBuffer) {
    switch self {
    case .start(let event):
      buffer.writeTermTuple(arity: 6)
      buffer.writeTermInteger(1)
      event.write(into: &buffer)
    case .info(let event):
      buffer.writeTermTuple(arity: 6)
      buffer.writeTermInteger(3)
      event.write(into: &buffer)
    case .end(let span, let annotation):
      buffer.writeTermTuple(arity: 3)
      buffer.writeTermInteger(2)
      buffer.writeTermBinary(span)
      buffer.writeTerm(annotation)
    }
  }
}

/// A variable of a configuration template: a name, and an XPath expression for its value.
public struct TemplateVariable: Hashable, Sendable {
  public var name: String
  public var expression: String

  /// A variable with the value of an expression, evaluated at the node that the template is applied on.
  public init(_ name: String, expression: String) {
    self.name = name
    self.expression = expression
  }

  /// A variable with this text as its value.
  public init(_ name: String, _ text: String) {
    self.init(name, expression: Self.literal(text))
  }

  /// An expression whose value is a text. XPath has no escapes: a text with quotes of both kinds is put together of pieces.
  public static func literal(_ text: String) -> String {
    guard text.contains("'") else { return "'\(text)'" }
    guard text.contains("\"") else { return "\"\(text)\"" }
    let pieces = text.split(separator: "'", omittingEmptySubsequences: false).map { "'\($0)'" }
    return "concat(\(pieces.joined(separator: ", \"'\", ")))"
  }
}

/// 366: a configuration template.
public struct ApplyTemplate: Hashable, Sendable {
  public var template: String
  public var root: WireKeypath
  /// Passed on as the application gave them; see ``variableList()``.
  public var variables: EncodedTerm
  public var documents: EncodedTerm
  public var isShared: Bool

  /// With variables as pairs of names and expressions, without documents.
  public init(_ template: String, root: WireKeypath, variables: [TemplateVariable], isShared: Bool) {
    let list = EncodedTerm { buffer in
      buffer.writeTermList(variables) { buffer, variable in
        buffer.writeTermTuple(arity: 2)
        buffer.writeTermBinary(variable.name)
        buffer.writeTermBinary(variable.expression)
      }
    }
    self.init(template, root: root, variables: list, documents: EncodedTerm(Term.list([])), isShared: isShared)
  }

  /// The variables, where they are pairs of names and expressions.
  public func variableList() throws(TermError) -> [TemplateVariable] {
    try variables.withReader { (terms) throws(TermError) in
      var reader = ArgumentReader(terms: terms, buffer: variables.bytes)
      return try reader.list { (reader) throws(TermError) in
        try reader.tuple(2)
        let name = try reader.wireText().text
        return TemplateVariable(name, expression: try reader.wireText().text)
      }
    }
  }

  /// Whether there are documents.
  public var hasDocuments: Bool {
    guard case .list(let documents)? = try? self.documents.term() else { return true }
    return !documents.isEmpty
  }

  public init(_ template: String, root: WireKeypath, variables: EncodedTerm, documents: EncodedTerm, isShared: Bool) {
    self.template = template
    self.root = root
    self.variables = variables
    self.documents = documents
    self.isShared = isShared
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(6)
    template = try reader.text()
    root = try reader.path()
    variables = try reader.term()
    documents = try reader.term()
    isShared = try reader.bool()
    _ = try reader.bool()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 6)
    buffer.writeTermBinary(template)
    buffer.writeTerm(root)
    buffer.writeTerm(variables)
    buffer.writeTerm(documents)
    buffer.writeTermBool(isShared)
    buffer.writeTermBool(isShared)
  }
}

/// 374: an entry of a service instance's log.
public struct ServiceLogEntry: Hashable, Sendable {
  public var path: WireKeypath
  public var message: WireText
  public var type: Value
  public var level: Value

  public init(_ path: WireKeypath, _ message: WireText, type: Value, level: Value) {
    self.path = path
    self.message = message
    self.type = type
    self.level = level
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(5)
    path = try reader.path()
    _ = try reader.integer(Int.self)
    message = try reader.wireText()
    type = try reader.value()
    level = try reader.value()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 5)
    buffer.writeTerm(path)
    buffer.writeTermInteger(0)
    buffer.writeTerm(message)
    ValueCoding.write(type, into: &buffer)
    ValueCoding.write(level, into: &buffer)
  }
}

/// 450 and 452: a NETCONF call home connection.
public struct NetconfCallHome: Hashable, Sendable {
  public enum Host: Hashable, Sendable {
    case address(IPAddress)
    case name(WireText)
  }

  public var host: Host
  public var port: Int
  /// Given to the session; nil for 450.
  public var opaque: WireText?

  public init(_ host: Host, port: Int, opaque: WireText? = nil) {
    self.host = host
    self.port = port
    self.opaque = opaque
  }

  init(_ reader: inout ArgumentReader, hasOpaque: Bool) throws(TermError) {
    try reader.tuple(hasOpaque ? 3 : 2)
    if try reader.terms.peekKind() == .tuple {
      host = .address(try reader.address())
    } else {
      host = .name(try reader.wireText())
    }
    opaque = hasOpaque ? try reader.wireText() : nil
    port = try reader.integer()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: opaque == nil ? 2 : 3)
    switch host {
    case .address(let address): buffer.writeTermAddress(address)
    case .name(let name): buffer.writeTerm(name)
    }
    if let opaque { buffer.writeTerm(opaque) }
    buffer.writeTermInteger(port)
  }
}
