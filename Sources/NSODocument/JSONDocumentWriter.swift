/// Writes data as JSON (RFC 7951): one outermost object whose members are the top of the data tree, module names where
/// they differ from the parent's, metadata as RFC 7952 says.
public struct JSONDocumentWriter: DocumentWriter {
  private struct Level {
    enum Kind { case object, list, leafList }
    var kind: Kind
    /// The module in whose scope names are written here.
    var module: String
    /// The list's or leaf-list's name.
    var name: NodeName?
    var isEmpty = true
    /// Metadata of the items of a leaf-list, written after it.
    var annotations: [[Annotation]] = []
  }

  private var output: OutputBuffer
  private let layout: DocumentLayout
  private var levels: [Level] = [Level(kind: .object, module: "")]
  /// The outermost object has been opened.
  private var isBegun = false

  /// - Parameter sink: takes the document's bytes, in order; they are only valid during the call.
  public init(layout: DocumentLayout = .plain, sink: @escaping (UnsafeRawBufferPointer) throws -> Void) {
    self.layout = layout
    output = OutputBuffer(sink: sink)
  }

  public mutating func startContainer(_ name: NodeName, metadata: [Annotation]) throws {
    try member(name)
    try openObject(module: name.module, metadata)
  }

  public mutating func startList(_ name: NodeName) throws {
    try member(name)
    output.write(UInt8(ascii: "["))
    levels.append(Level(kind: .list, module: name.module, name: name))
  }

  public mutating func startEntry(metadata: [Annotation]) throws {
    guard let list = levels.last, list.kind == .list else {
      throw DocumentWriterError.outOfOrder("startEntry outside of a list")
    }
    separate()
    try openObject(module: list.module, metadata)
  }

  public mutating func end() throws {
    guard levels.count > 1, let level = levels.last, level.kind == .object else {
      throw DocumentWriterError.outOfOrder("end without an open container or list entry")
    }
    close(UInt8(ascii: "}"))
    try output.flushIfLarge()
  }

  public mutating func endList() throws {
    guard levels.last?.kind == .list else { throw DocumentWriterError.outOfOrder("endList without an open list") }
    close(UInt8(ascii: "]"))
  }

  public mutating func leaf(_ name: NodeName, _ value: WrittenValue, metadata: [Annotation]) throws {
    try member(name)
    write(value, module: name.module)
    if !metadata.isEmpty {
      try member(name, isMetadata: true)
      annotations(metadata)
    }
    try output.flushIfLarge()
  }

  public mutating func startLeafList(_ name: NodeName) throws {
    try member(name)
    output.write(UInt8(ascii: "["))
    levels.append(Level(kind: .leafList, module: name.module, name: name))
  }

  public mutating func item(_ value: WrittenValue, metadata: [Annotation]) throws {
    guard let level = levels.last, level.kind == .leafList else {
      throw DocumentWriterError.outOfOrder("item outside of a leaf-list")
    }
    separate()
    write(value, module: level.module)
    levels[levels.count - 1].annotations.append(metadata)
    try output.flushIfLarge()
  }

  public mutating func endLeafList() throws {
    guard let level = levels.last, level.kind == .leafList, let name = level.name else {
      throw DocumentWriterError.outOfOrder("endLeafList without an open leaf-list")
    }
    close(UInt8(ascii: "]"))
    guard level.annotations.contains(where: { !$0.isEmpty }) else { return }
    try member(name, isMetadata: true)
    output.write(UInt8(ascii: "["))
    for (index, list) in level.annotations.enumerated() {
      if index > 0 { output.write(UInt8(ascii: ",")) }
      if list.isEmpty { output.write("null" as StaticString) } else { annotations(list) }
    }
    output.write(UInt8(ascii: "]"))
  }

  public mutating func finish() throws {
    guard levels.count == 1 else { throw DocumentWriterError.outOfOrder("finish with \(levels.count - 1) nodes still open") }
    begin()
    if layout == .pretty, !levels[0].isEmpty { output.newLine(0) }
    output.write(UInt8(ascii: "}"))
    if layout == .pretty { output.write(UInt8(ascii: "\n")) }
    try output.flush()
  }

  // MARK: Helpers

  private mutating func begin() {
    guard !isBegun else { return }
    isBegun = true
    output.write(UInt8(ascii: "{"))
  }

  /// The comma after what came before, and a new line.
  private mutating func separate() {
    let index = levels.count - 1
    if levels[index].isEmpty { levels[index].isEmpty = false } else { output.write(UInt8(ascii: ",")) }
    if layout == .pretty { output.newLine(levels.count) }
  }

  /// Writes the name of a member and the colon.
  private mutating func member(_ name: NodeName, isMetadata: Bool = false) throws {
    begin()
    guard let level = levels.last, level.kind == .object else {
      throw DocumentWriterError.outOfOrder("\(name.local) directly inside a list or leaf-list")
    }
    separate()
    let isQualified = !name.module.isEmpty && name.module != level.module
    string((isMetadata ? "@" : "") + (isQualified ? name.module + ":" : "") + name.local)
    colon()
  }

  private mutating func colon() {
    if layout == .pretty { output.write(": " as StaticString) } else { output.write(UInt8(ascii: ":")) }
  }

  private mutating func openObject(module: String, _ metadata: [Annotation]) throws {
    output.write(UInt8(ascii: "{"))
    levels.append(Level(kind: .object, module: module))
    if !metadata.isEmpty {
      separate()
      output.write("\"@\"" as StaticString)
      colon()
      annotations(metadata)
    }
  }

  private mutating func close(_ bracket: UInt8) {
    let isEmpty = levels.removeLast().isEmpty
    if layout == .pretty, !isEmpty { output.newLine(levels.count) }
    output.write(bracket)
  }

  /// Annotations are always written with their module (RFC 7952, section 5.2.1).
  private mutating func annotations(_ list: [Annotation]) {
    output.write(UInt8(ascii: "{"))
    for (index, annotation) in list.enumerated() {
      if index > 0 { output.write(UInt8(ascii: ",")) }
      string(annotation.name.module.isEmpty ? annotation.name.local : annotation.name.module + ":" + annotation.name.local)
      colon()
      write(annotation.value, module: annotation.name.module)
    }
    output.write(UInt8(ascii: "}"))
  }

  private mutating func write(_ value: WrittenValue, module: String) {
    switch value {
    case .string(let text): string(text)
    case .number(let digits): output.write(digits)
    case .boolean(let flag): output.write(flag ? "true" : "false" as StaticString)
    case .empty: output.write("[null]" as StaticString)
    case .words(let words):
      output.write(UInt8(ascii: "["))
      for (index, word) in words.enumerated() {
        if index > 0 { output.write(UInt8(ascii: ",")) }
        string(word)
      }
      output.write(UInt8(ascii: "]"))
    case .names(let pieces):
      var text = ""
      var last = ""
      for piece in pieces {
        switch piece {
        case .text(let plain): text += plain
        case .name(let name): text += name.module + ":" + name.local
        case .step(let name):
          text += name.module == last ? name.local : name.module + ":" + name.local
          last = name.module
        }
      }
      string(text)
    }
  }

  private mutating func string(_ text: String) {
    var text = text
    output.write(UInt8(ascii: "\""))
    text.withUTF8 { bytes in
      var start = 0
      for index in 0..<bytes.count {
        let byte = bytes[index]
        guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F else { continue }
        output.write(bytes[start..<index])
        start = index + 1
        switch byte {
        case UInt8(ascii: "\""): output.write("\\\"" as StaticString)
        case UInt8(ascii: "\\"): output.write("\\\\" as StaticString)
        case 0x0A: output.write("\\n" as StaticString)
        case 0x0D: output.write("\\r" as StaticString)
        case 0x09: output.write("\\t" as StaticString)
        default: output.write("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16))
        }
      }
      output.write(bytes[start...])
    }
    output.write(UInt8(ascii: "\""))
  }
}
