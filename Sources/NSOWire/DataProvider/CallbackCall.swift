public import ExternalTerm
import NIOCore
public import NSOModel
import NSOTerms

/// What a CALLBACK (28) asks for, with its arguments (protocol part 05, sections 7 to 10 and 14). Paths are root first here and
/// leaf first on the wire.
public enum CallbackCall: Hashable, Sendable {
  // MARK: Reading
  case getNext(NextRequest)
  case getElem(Keypath)
  case getObject(Keypath)
  case existsOptional(Keypath)
  case numInstances(Keypath)
  case getNextObject(NextRequest)
  case findNext(FindRequest)
  case findNextObject(FindRequest)
  /// `choice`: outermost first: choice, or choice, case, choice and so on.
  case getCase(Keypath, choice: [Tag])
  /// No numbers: all.
  case getAttributes(Keypath, [AttributeNumber])

  // MARK: Writing
  case setElem(Keypath, Value)
  case create(Keypath)
  case remove(Keypath)
  /// Case `$none`: no case at all.
  case setCase(Keypath, choice: [Tag], case: Tag)
  /// No value: delete it.
  case setAttribute(Keypath, AttributeNumber, Value?)
  /// After the entry with these keys; none: to the first place.
  case moveAfter(Keypath, [Value])
  case writeAll

  // MARK: Validation and actions
  case validate(Keypath, Value)
  /// The path of the node that holds the action; the root for an rpc.
  case action(Tag, Keypath, [TaggedValue])
  case command(name: String, path: String, arguments: [String])
  case completion(CompletionCall)

  // MARK: Services
  case modification(isPost: Bool, operation: String, Keypath, [ServiceProperty])
  case serviceCreate(Keypath, [ServiceProperty], handle: Int32)
  case nano(isDelete: Bool, NanoCall)

  /// A callback whose arguments the sources do not tell: its number and the arguments.
  case other(UInt32, EncodedTerm)
}

/// One `{Name, Value}` of a service.
public struct ServiceProperty: Hashable, Sendable {
  public var name: String
  public var value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    try reader.tuple(2)
    name = try reader.text()
    value = try reader.text()
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermTuple(arity: 2)
    buffer.writeTermBinary(name)
    buffer.writeTermBinary(value)
  }
}

/// CALL_ACTION_COMPLETION.
public struct CompletionCall: Hashable, Sendable {
  /// A character code: 'J', 'C' or 'I'.
  public var style: Int32
  public var token: String
  /// A character code: tab, space or '?'.
  public var completionCharacter: Int32
  public var path: Keypath
  public var commandPath: String
  public var id: String?
  /// Namespace and name of a type.
  public var simpleType: Tag?

  public init(
    style: Int32, token: String, completionCharacter: Int32, path: Keypath, commandPath: String, id: String?, simpleType: Tag?
  ) {
    self.style = style
    self.token = token
    self.completionCharacter = completionCharacter
    self.path = path
    self.commandPath = commandPath
    self.id = id
    self.simpleType = simpleType
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    style = try reader.integer()
    token = try reader.text()
    completionCharacter = try reader.integer()
    path = try reader.reversedPath()
    commandPath = try reader.text()
    id = try reader.optionalText()
    simpleType = try reader.optional { (reader) throws(TermError) in
      try reader.tuple(2)
      let namespace = try reader.name()
      return Tag(try reader.name(), in: namespace)
    }
  }

  func write(into buffer: inout ByteBuffer) {
    buffer.writeTermInteger(style)
    buffer.writeTermBinary(token)
    buffer.writeTermInteger(completionCharacter)
    KeypathCoding.write(path, order: .leafFirst, into: &buffer)
    buffer.writeTermBinary(commandPath)
    buffer.writeTermOptional(id)
    if let simpleType {
      buffer.writeTermTuple(arity: 2)
      buffer.writeTermAtom(simpleType.namespace ?? "")
      buffer.writeTermAtom(simpleType.name)
    } else {
      buffer.writeTermUndefined()
    }
  }
}

/// NANO CREATE and NANO DELETE.
public struct NanoCall: Hashable, Sendable {
  public var path: Keypath
  public var properties: [ServiceProperty]
  public var handle: Int32
  public var componentProperties: [ServiceProperty]
  public var servicePath: Keypath

  public init(
    _ path: Keypath, properties: [ServiceProperty], handle: Int32, componentProperties: [ServiceProperty], servicePath: Keypath
  ) {
    self.path = path
    self.properties = properties
    self.handle = handle
    self.componentProperties = componentProperties
    self.servicePath = servicePath
  }

  init(_ reader: inout ArgumentReader) throws(TermError) {
    path = try reader.reversedPath()
    properties = try reader.properties()
    handle = try reader.integer()
    componentProperties = try reader.properties()
    servicePath = try reader.reversedPath()
  }

  func write(into buffer: inout ByteBuffer) {
    KeypathCoding.write(path, order: .leafFirst, into: &buffer)
    buffer.writeTermProperties(properties)
    buffer.writeTermInteger(handle)
    buffer.writeTermProperties(componentProperties)
    KeypathCoding.write(servicePath, order: .leafFirst, into: &buffer)
  }
}

extension CallbackCall {
  /// The number that travels.
  public var number: UInt32 {
    if case .other(let number, _) = self { return number }
    return type?.rawValue ?? 0
  }

  /// Nil for numbers that are not known.
  public var type: CallbackType? {
    switch self {
    case .getNext: .getNext
    case .getElem: .getElem
    case .getObject: .getObject
    case .existsOptional: .existsOptional
    case .numInstances: .numInstances
    case .getNextObject: .getNextObject
    case .findNext: .findNext
    case .findNextObject: .findNextObject
    case .getCase: .getCase
    case .getAttributes: .getAttributes
    case .setElem: .setElem
    case .create: .create
    case .remove: .remove
    case .setCase: .setCase
    case .setAttribute: .setAttribute
    case .moveAfter: .moveAfter
    case .writeAll: .writeAll
    case .validate: .validate
    case .action: .action
    case .command: .command
    case .completion: .completion
    case .modification(let isPost, _, _, _): isPost ? .postModification : .preModification
    case .serviceCreate: .serviceCreate
    case .nano(let isDelete, _): isDelete ? .nanoDelete : .nanoCreate
    case .other(let number, _): CallbackType(rawValue: number)
    }
  }

  /// The path that it is about; nil where there is none.
  public var path: Keypath? {
    switch self {
    case .getNext(let request), .getNextObject(let request): request.path
    case .findNext(let request), .findNextObject(let request): request.path
    case .getElem(let path), .getObject(let path), .existsOptional(let path), .numInstances(let path), .getCase(let path, _),
      .getAttributes(let path, _), .setElem(let path, _), .create(let path), .remove(let path), .setCase(let path, _, _),
      .setAttribute(let path, _, _), .moveAfter(let path, _), .validate(let path, _), .action(_, let path, _),
      .modification(_, _, let path, _), .serviceCreate(let path, _, _):
      path
    case .completion(let call): call.path
    case .nano(_, let call): call.path
    case .writeAll, .command, .other: nil
    }
  }
}

// MARK: - Coding

extension CallbackCall {
  /// The arguments of callback `number`.
  init(_ number: UInt32, _ reader: inout ArgumentReader) throws(TermError) {
    let start = reader
    let header = try reader.terms.readListHeader()
    guard let type = CallbackType(rawValue: number), let call = try Self.read(type, header.count, &reader) else {
      reader = start
      self = .other(number, try reader.term())
      return
    }
    self = call.call
    guard header.count >= call.used else { throw reader.terms.error(.expected("\(call.used) arguments of \(type.name)")) }
    // More arguments than are known are allowed; they are not looked at.
    for _ in call.used..<header.count { try reader.terms.skip() }
    try reader.terms.readListEnd(header)
  }

  /// Also how many arguments were read.
  private static func read(
    _ type: CallbackType, _ count: Int, _ reader: inout ArgumentReader
  ) throws(TermError) -> (call: CallbackCall, used: Int)? {
    let needed = arguments(of: type, count)
    guard count >= needed else { throw reader.terms.error(.expected("\(needed) arguments of \(type.name), not \(count)")) }
    let call: CallbackCall
    switch type {
    case .getNext: call = .getNext(try NextRequest(needed, &reader))
    case .getNextObject: call = .getNextObject(try NextRequest(needed, &reader))
    case .findNext: call = .findNext(try FindRequest(needed, &reader))
    case .findNextObject: call = .findNextObject(try FindRequest(needed, &reader))
    case .getElem: call = .getElem(try reader.reversedPath())
    case .getObject: call = .getObject(try reader.reversedPath())
    case .existsOptional: call = .existsOptional(try reader.reversedPath())
    case .numInstances: call = .numInstances(try reader.reversedPath())
    case .create: call = .create(try reader.reversedPath())
    case .remove: call = .remove(try reader.reversedPath())
    case .setElem:
      let path = try reader.reversedPath()
      call = .setElem(path, try reader.value())
    case .getCase:
      let path = try reader.reversedPath()
      call = .getCase(path, choice: try reader.choicePath())
    case .setCase:
      let path = try reader.reversedPath()
      let choice = try reader.choicePath()
      call = .setCase(path, choice: choice, case: try TagCoding.read(&reader.terms))
    case .getAttributes:
      let path = try reader.reversedPath()
      call = .getAttributes(
        path, try reader.list { (reader) throws(TermError) in AttributeNumber(rawValue: try reader.integer()) })
    case .setAttribute:
      let path = try reader.reversedPath()
      let number = AttributeNumber(rawValue: try reader.integer())
      call = .setAttribute(path, number, try reader.optional { (reader) throws(TermError) in try reader.value() })
    case .moveAfter:
      let path = try reader.reversedPath()
      call = .moveAfter(path, try reader.keys())
    case .writeAll: call = .writeAll
    case .validate:
      let path = try reader.reversedPath()
      call = .validate(path, try reader.value())
    case .action:
      let name = try TagCoding.read(&reader.terms)
      let path = try reader.reversedPath()
      call = .action(name, path, try reader.tagged())
    case .command:
      let name = try reader.text()
      let path = try reader.text()
      call = .command(name: name, path: path, arguments: try reader.texts())
    case .completion: call = .completion(try CompletionCall(&reader))
    case .preModification, .postModification:
      let operation = try reader.name()
      let path = try reader.reversedPath()
      call = .modification(isPost: type == .postModification, operation: operation, path, try reader.properties())
    case .serviceCreate:
      let path = try reader.reversedPath()
      let properties = try reader.properties()
      call = .serviceCreate(path, properties, handle: try reader.integer())
    case .nanoCreate, .nanoDelete: call = .nano(isDelete: type == .nanoDelete, try NanoCall(&reader))
    case .actionSync: return nil
    }
    return (call, needed)
  }

  private static func arguments(of type: CallbackType, _ count: Int) -> Int {
    switch type {
    case .getNext, .getNextObject, .findNext, .findNextObject: count >= 4 ? 4 : 3
    case .getElem, .getObject, .existsOptional, .numInstances, .create, .remove: 1
    case .setElem, .getCase, .getAttributes, .moveAfter, .validate: 2
    case .setCase, .setAttribute, .action, .command, .preModification, .postModification, .serviceCreate: 3
    case .completion: 7
    case .nanoCreate, .nanoDelete: 5
    case .writeAll, .actionSync: 0
    }
  }

  /// The arguments.
  func write(into buffer: inout ByteBuffer) {
    if case .other(_, let arguments) = self { return buffer.writeTerm(arguments) }
    let count =
      switch self {
      case .getNext(let request), .getNextObject(let request): request.count
      case .findNext(let request), .findNextObject(let request): request.count
      default: type.map { Self.arguments(of: $0, 0) } ?? 0
      }
    buffer.writeTermListHeader(count: count)
    writeArguments(into: &buffer)
    buffer.writeTermListEnd(count: count)
  }

  private func writeArguments(into buffer: inout ByteBuffer) {
    func write(_ path: Keypath) { KeypathCoding.write(path, order: .leafFirst, into: &buffer) }
    func write(choice tags: [Tag]) { buffer.writeTermList(tags.reversed()) { TagCoding.write($1, into: &$0) } }
    switch self {
    case .getNext(let request), .getNextObject(let request): request.write(into: &buffer)
    case .findNext(let request), .findNextObject(let request): request.write(into: &buffer)
    case .getElem(let path), .getObject(let path), .existsOptional(let path), .numInstances(let path), .create(let path),
      .remove(let path):
      write(path)
    case .setElem(let path, let value), .validate(let path, let value):
      write(path)
      ValueCoding.write(value, into: &buffer)
    case .getCase(let path, let choice):
      write(path)
      write(choice: choice)
    case .setCase(let path, let choice, let tag):
      write(path)
      write(choice: choice)
      TagCoding.write(tag, into: &buffer)
    case .getAttributes(let path, let numbers):
      write(path)
      buffer.writeTermIntegers(numbers.map(\.rawValue))
    case .setAttribute(let path, let number, let value):
      write(path)
      buffer.writeTermInteger(number.rawValue)
      if let value { ValueCoding.write(value, into: &buffer) } else { buffer.writeTermUndefined() }
    case .moveAfter(let path, let keys):
      write(path)
      ValueCoding.writeKeys(keys, into: &buffer)
    case .action(let name, let path, let values):
      TagCoding.write(name, into: &buffer)
      write(path)
      TaggedValueCoding.write(values, into: &buffer)
    case .command(let name, let path, let arguments):
      buffer.writeTermBinary(name)
      buffer.writeTermBinary(path)
      buffer.writeTermTexts(arguments)
    case .completion(let call): call.write(into: &buffer)
    case .modification(_, let operation, let path, let properties):
      buffer.writeTermAtom(operation)
      write(path)
      buffer.writeTermProperties(properties)
    case .serviceCreate(let path, let properties, let handle):
      write(path)
      buffer.writeTermProperties(properties)
      buffer.writeTermInteger(handle)
    case .nano(_, let call): call.write(into: &buffer)
    case .writeAll, .other: break
    }
  }
}

extension ArgumentReader {
  mutating func properties() throws(TermError) -> [ServiceProperty] {
    try list { (reader) throws(TermError) in try ServiceProperty(&reader) }
  }

  /// Innermost first on the wire.
  fileprivate mutating func choicePath() throws(TermError) -> [Tag] {
    try list { (reader) throws(TermError) in try TagCoding.read(&reader.terms) }.reversed()
  }
}

extension ByteBuffer {
  mutating func writeTermProperties(_ properties: [ServiceProperty]) { writeTermList(properties) { $1.write(into: &$0) } }
}
