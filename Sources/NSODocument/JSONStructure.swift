/// The grammar above the tokens of JSON: what may follow what, and which events that makes.
///
/// A class, because handlers may ask for `eventPosition` while a token is being taken in.
final class JSONStructure {
  typealias Handler = (DocumentEvent) throws -> Void

  private enum Kind {
    /// The outermost object; its members are the top of the data tree.
    case document
    /// The value of a data member, or an item of an array.
    case object
    /// The value of a data member; its items carry the member's name.
    case array
    /// The value of a member that starts with `@`, or an item of such an array.
    case metadata(MetadataTarget)
    /// The array form of metadata: one entry for each item of a leaf-list, `null` where there is none.
    case metadataArray
    /// The value `[null]` of an annotation of type empty, or several strings.
    case annotationArray

    var isObject: Bool {
      switch self {
      case .document, .object, .metadata: true
      case .array, .metadataArray, .annotationArray: false
      }
    }
  }

  private enum Expected {
    /// Just opened: a member or item, or the end.
    case firstOrEnd
    /// After a comma: a member or item.
    case next
    /// After a member name.
    case colon
    /// After the colon.
    case value
    /// After a member or item.
    case commaOrEnd
  }

  private struct Frame {
    var kind: Kind
    var expected = Expected.firstOrEnd
    /// Objects: the member whose value is read. Arrays: the member whose items these are.
    var name: NameTable.ID = -1
    var namePosition = DocumentPosition(line: 1, column: 1)
    /// The member whose value is read starts with `@`.
    var isMetadata = false
    /// Where this object's members begin in `members`.
    var memberStart = 0
    /// Items of an array so far.
    var count = 0
  }

  private enum Root { case expected, open, done }

  /// Where the event being delivered was found; `nil` outside of handlers.
  private(set) var eventPosition: DocumentPosition?

  private let limits: DocumentLimits
  private var root = Root.expected
  private var frames: [Frame] = []
  private var names: NameTable
  /// The member names of all open objects, innermost last: to find a member that occurs twice.
  private var members: [NameTable.ID] = []
  private var annotations: [DocumentAttribute] = []
  /// The strings of the annotation array that is open.
  private var words: [String] = []

  init(limits: DocumentLimits) {
    self.limits = limits
    names = NameTable(limit: limits.distinctNames)
  }

  func finish(at position: DocumentPosition) throws(DocumentError) {
    switch root {
    case .done: return
    case .expected: throw DocumentError(.incomplete, "an empty document where a JSON object should be", at: position)
    case .open:
      guard let frame = frames.last else { return }
      let what = frame.kind.isObject ? "object" : "array"
      let place = frames.last(where: { $0.name >= 0 }).map { " (last member: \(names[$0.name]))" } ?? ""
      throw DocumentError(.incomplete, "the document ends inside an \(what)\(place)", at: position)
    }
  }

  // MARK: Tokens

  func openObject(at position: DocumentPosition, _ handler: Handler) throws {
    guard let top = frames.last else {
      guard case .expected = root else { throw unexpected("more after the end of the document", position) }
      root = .open
      frames.append(Frame(kind: .document, memberStart: members.count))
      return
    }
    try requireValue(position)
    switch top.kind {
    case .document, .object:
      if top.isMetadata {
        let name = names[top.name]
        try push(.metadata(name.local.isEmpty ? .enclosing : .member(name)), position)
      } else {
        try deliver(start(top), at: top.namePosition, handler)
        try push(.object, position)
      }
    case .array:
      try deliver(start(top), at: position, handler)
      try push(.object, position)
    case .metadataArray: try push(.metadata(.item(names[top.name], top.count)), position)
    case .metadata, .annotationArray:
      throw DocumentError(.refused, "an annotation has a plain value, not an object", at: position)
    }
  }

  func openArray(at position: DocumentPosition, _ handler: Handler) throws {
    guard let top = frames.last else { throw notAnObject(position) }
    try requireValue(position)
    switch top.kind {
    case .document, .object:
      if top.isMetadata {
        guard !names[top.name].local.isEmpty else {
          throw DocumentError(.refused, "\"@\" has an object, not an array", at: position)
        }
        try push(.metadataArray, position, name: top.name)
      } else {
        try deliver(.arrayStart(names[top.name]), at: top.namePosition, handler)
        try push(.array, position, name: top.name)
      }
    case .metadata:
      words.removeAll(keepingCapacity: true)
      try push(.annotationArray, position, name: top.name)
    case .array, .metadataArray, .annotationArray:
      throw DocumentError(.refused, "an array inside an array means nothing in YANG data", at: position)
    }
  }

  func closeObject(at position: DocumentPosition, _ handler: Handler) throws {
    guard let top = frames.last, top.kind.isObject, canEnd(top) else { throw unexpected("'}'", position) }
    frames.removeLast()
    members.removeSubrange(top.memberStart...)
    switch top.kind {
    case .document: root = .done
    case .object: try deliver(.end, at: position, handler)
    case .metadata(let target):
      let list = annotations
      annotations.removeAll(keepingCapacity: true)
      try deliver(.metadata(target, list), at: position, handler)
    case .array, .metadataArray, .annotationArray: break
    }
    valueDone()
  }

  func closeArray(at position: DocumentPosition, _ handler: Handler) throws {
    guard let top = frames.last, !top.kind.isObject, canEnd(top) else { throw unexpected("']'", position) }
    frames.removeLast()
    switch top.kind {
    case .array: try deliver(.arrayEnd, at: position, handler)
    case .annotationArray:
      guard top.count > 0 else {
        throw DocumentError(.refused, "an annotation has a value; [] is none", at: position)
      }
      let isEmpty = words.isEmpty
      annotations.append(DocumentAttribute(names[top.name], isEmpty ? .null : .words(words)))
    case .document, .object, .metadata, .metadataArray: break
    }
    valueDone()
  }

  func colon(at position: DocumentPosition) throws(DocumentError) {
    guard let top = frames.last, top.expected == .colon else { throw unexpected("':'", position) }
    frames[frames.count - 1].expected = .value
  }

  func comma(at position: DocumentPosition) throws(DocumentError) {
    guard let top = frames.last, top.expected == .commaOrEnd else { throw unexpected("','", position) }
    frames[frames.count - 1].expected = .next
  }

  /// A complete string: a member name or a value, as the place says.
  func string(_ bytes: [UInt8], from position: DocumentPosition, _ handler: Handler) throws {
    if let top = frames.last, top.kind.isObject, top.expected == .firstOrEnd || top.expected == .next {
      return try member(bytes, at: position)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw DocumentError(.malformed, "a string is not valid UTF-8", at: position)
    }
    try scalar(.string(text), from: position, handler)
  }

  func scalar(_ scalar: DocumentScalar, from position: DocumentPosition, _ handler: Handler) throws {
    guard let top = frames.last else { throw notAnObject(position) }
    try requireValue(position)
    switch top.kind {
    case .document, .object:
      guard !top.isMetadata else {
        throw DocumentError(.refused, "metadata is an object of annotations, not a plain value", at: position)
      }
      try deliver(start(top), at: top.namePosition, handler)
      try deliver(.scalar(scalar), at: position, handler)
      try deliver(.end, at: position, handler)
    case .array:
      try deliver(start(top), at: position, handler)
      try deliver(.scalar(scalar), at: position, handler)
      try deliver(.end, at: position, handler)
    case .metadata:
      guard annotations.count < limits.attributeCount else {
        throw DocumentError(.tooLarge, "more than \(limits.attributeCount) annotations on one value", at: position)
      }
      annotations.append(DocumentAttribute(names[top.name], scalar))
    case .metadataArray:
      guard scalar == .null else {
        throw DocumentError(.refused, "metadata of a leaf-list is an array of objects and nulls", at: position)
      }
    case .annotationArray:
      guard words.count < limits.attributeCount else {
        throw DocumentError(.tooLarge, "more than \(limits.attributeCount) values of one annotation", at: position)
      }
      switch scalar {
      case .string(let word) where top.count == words.count: words.append(word)
      case .null where top.count == 0: break
      default:
        throw DocumentError(
          .refused, "an annotation has one plain value; only [null] and strings stand in an array", at: position)
      }
    }
    valueDone()
  }

  // MARK: Helpers

  private func member(_ bytes: [UInt8], at position: DocumentPosition) throws(DocumentError) {
    guard bytes.count <= limits.nameSize else {
      throw DocumentError(.tooLarge, "a member name is longer than \(limits.nameSize) bytes", at: position)
    }
    guard let id = bytes.withUnsafeBufferPointer({ names.id($0, make: Self.name) }) else {
      guard !names.isFull else {
        throw DocumentError(.tooLarge, "more than \(limits.distinctNames) different names in one document", at: position)
      }
      let shown = String(decoding: bytes, as: UTF8.self)
      throw DocumentError(.refused, "\"\(shown)\" is not a member name; expected \"name\" or \"module:name\"", at: position)
    }
    let index = frames.count - 1
    guard !members[frames[index].memberStart...].contains(id) else {
      throw DocumentError(.refused, "the member \(names[id]) occurs twice in one object", at: position)
    }
    guard members.count - frames[index].memberStart < limits.memberCount else {
      throw DocumentError(.tooLarge, "more than \(limits.memberCount) members in one object", at: position)
    }
    members.append(id)
    let isMetadata = bytes.first == UInt8(ascii: "@")
    if case .metadata = frames[index].kind, isMetadata {
      throw DocumentError(.refused, "annotations have no annotations of their own", at: position)
    }
    frames[index].isMetadata = isMetadata
    frames[index].name = id
    frames[index].namePosition = position
    frames[index].expected = .colon
  }

  /// `name`, `module:name`, and both with `@` in front; `@` alone gives the empty name.
  private static func name(_ spelling: UnsafeBufferPointer<UInt8>) -> DocumentName? {
    let isMetadata = spelling.first == UInt8(ascii: "@")
    let body = isMetadata ? spelling.dropFirst() : spelling[...]
    if body.isEmpty { return isMetadata ? DocumentName("") : nil }
    guard let text = String(validating: body, as: UTF8.self) else { return nil }
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return DocumentName(text) }
    let module = text[..<colon]
    let local = text[text.utf8.index(after: colon)...]
    guard !module.isEmpty, !local.isEmpty else { return nil }
    return DocumentName(String(local), in: .module(String(module)))
  }

  private func start(_ frame: Frame) -> DocumentEvent {
    .start(DocumentElement(names[frame.name], names: .moduleNames))
  }

  private func canEnd(_ frame: Frame) -> Bool { frame.expected == .firstOrEnd || frame.expected == .commaOrEnd }

  private func requireValue(_ position: DocumentPosition) throws(DocumentError) {
    guard let top = frames.last else { return }
    let isExpected = top.kind.isObject ? top.expected == .value : top.expected == .firstOrEnd || top.expected == .next
    guard isExpected else { throw unexpected("a value", position) }
  }

  private func push(_ kind: Kind, _ position: DocumentPosition, name: NameTable.ID = -1) throws(DocumentError) {
    guard frames.count < limits.depth else {
      throw DocumentError(.tooLarge, "objects and arrays are nested deeper than \(limits.depth) levels", at: position)
    }
    frames.append(Frame(kind: kind, name: name, memberStart: members.count))
  }

  private func valueDone() {
    guard !frames.isEmpty else { return }
    frames[frames.count - 1].expected = .commaOrEnd
    frames[frames.count - 1].count += 1
  }

  private func deliver(_ event: DocumentEvent, at position: DocumentPosition, _ handler: Handler) throws {
    eventPosition = position
    defer { eventPosition = nil }
    try handler(event)
  }

  private func unexpected(_ what: String, _ position: DocumentPosition) -> DocumentError {
    let wanted: String
    switch frames.last?.expected {
    case nil: wanted = root == .expected ? "an object should begin" : "the document has ended"
    case .firstOrEnd: wanted = frames.last?.kind.isObject == true ? "a member or '}' should be" : "a value or ']' should be"
    case .next: wanted = frames.last?.kind.isObject == true ? "a member should be" : "a value should be"
    case .colon: wanted = "':' should be"
    case .value: wanted = "a value should be"
    case .commaOrEnd: wanted = frames.last?.kind.isObject == true ? "',' or '}' should be" : "',' or ']' should be"
    }
    return DocumentError(.malformed, "not JSON: \(what) where \(wanted)", at: position)
  }

  private func notAnObject(_ position: DocumentPosition) -> DocumentError {
    root == .done
      ? unexpected("more", position)
      : DocumentError(.refused, "the outermost value must be an object", at: position)
  }
}
