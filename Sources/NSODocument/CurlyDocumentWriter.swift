import NSOModel

/// Writes data with braces, as the CLI shows it (protocol part 08, section 9.5): `mtu 1500;`, `interface eth0 { ... }`, `tag [ a b ];`.
public struct CurlyDocumentWriter: DocumentWriter {
  private enum Level { case container, entry, list, leafList }

  private var output: OutputBuffer
  private var levels: [(kind: Level, name: String)] = []
  /// The values between brackets so far.
  private var items: [String] = []
  /// Outermost containers and entries of which only the contents are written.
  private let hiddenLevels: Int
  private var open = 0

  /// - Parameters:
  ///   - hiddenLevels: how many of the outermost containers and entries are left out, their contents not.
  ///   - sink: takes the document's bytes, in order; they are only valid during the call.
  public init(hiddenLevels: Int = 0, sink: @escaping (UnsafeRawBufferPointer) throws -> Void) {
    self.hiddenLevels = hiddenLevels
    output = OutputBuffer(sink: sink)
  }

  public mutating func startContainer(_ name: NodeName, metadata: [Annotation]) throws {
    begin(name.local, metadata)
    levels.append((.container, name.local))
  }

  public mutating func startList(_ name: NodeName) throws { levels.append((.list, name.local)) }

  public mutating func startEntry(metadata: [Annotation]) throws { try startEntry(keys: [], metadata: metadata) }

  public mutating func startEntry(keys: [(NodeName, WrittenValue)], metadata: [Annotation]) throws {
    guard let list = levels.last, list.kind == .list else {
      throw DocumentWriterError.outOfOrder("startEntry outside of a list")
    }
    begin(list.name + keys.map { " " + $0.1.commandText }.joined(), metadata)
    levels.append((.entry, list.name))
  }

  public mutating func end() throws {
    guard let level = levels.last, level.kind == .container || level.kind == .entry else {
      throw DocumentWriterError.outOfOrder("end without an open container or list entry")
    }
    levels.removeLast()
    open -= 1
    if open >= hiddenLevels {
      indent()
      output.write("}\n" as StaticString)
    }
    try output.flushIfLarge()
  }

  public mutating func endList() throws {
    guard levels.last?.kind == .list else { throw DocumentWriterError.outOfOrder("endList without an open list") }
    levels.removeLast()
  }

  public mutating func leaf(_ name: NodeName, _ value: WrittenValue, metadata: [Annotation]) throws {
    let prefix = comments(metadata)
    indent()
    output.write(prefix + name.local)
    if value != .empty { output.write(" " + value.commandText) }
    output.write(";\n" as StaticString)
    try output.flushIfLarge()
  }

  public mutating func startLeafList(_ name: NodeName) throws {
    levels.append((.leafList, name.local))
    items = []
  }

  public mutating func item(_ value: WrittenValue, metadata: [Annotation]) throws { items.append(value.commandText) }

  public mutating func endLeafList() throws {
    guard let level = levels.popLast(), level.kind == .leafList else {
      throw DocumentWriterError.outOfOrder("endLeafList without an open leaf-list")
    }
    indent()
    output.write("\(level.name) [ \(items.joined(separator: " ")) ];\n")
    items = []
    try output.flushIfLarge()
  }

  public mutating func finish() throws { try output.flush() }

  private mutating func begin(_ head: String, _ metadata: [Annotation]) {
    if open >= hiddenLevels {
      let prefix = comments(metadata)
      indent()
      output.write(prefix + head)
      output.write(" {\n" as StaticString)
    }
    open += 1
  }

  private mutating func indent() {
    for _ in 0..<max(0, open - hiddenLevels) { output.write("    " as StaticString) }
  }

  /// Annotations and tags as comments in front; what to put before the name itself.
  private mutating func comments(_ metadata: [Annotation]) -> String {
    var prefix = ""
    for annotation in metadata {
      switch annotation.name.local {
      case "annotation", "tags":
        let text = annotation.value.plainCommandText.replacing("*/", with: "* /")
        indent()
        output.write("/* \(annotation.name.local == "tags" ? "Tags: " : "")\(text) */\n")
      case "inactive": prefix = "inactive: "
      default: continue
      }
    }
    return prefix
  }
}

/// Writes data as one line for each leaf: commands of the CLI, or paths.
public struct LineDocumentWriter: DocumentWriter {
  public enum Style: Hashable, Sendable {
    /// `set interfaces interface eth0 mtu 1500`
    case setCommands
    /// `/r:interfaces/interface{eth0}/mtu 1500`
    case keypaths
  }

  private struct Level {
    var path: String
    var module: String
    var isList = false
    var isEmpty = true
  }

  private var output: OutputBuffer
  private let style: Style
  private var levels: [Level]

  /// - Parameter sink: takes the document's bytes, in order; they are only valid during the call.
  public init(_ style: Style, sink: @escaping (UnsafeRawBufferPointer) throws -> Void) {
    self.style = style
    output = OutputBuffer(sink: sink)
    levels = [Level(path: style == .setCommands ? "set" : "", module: "", isEmpty: false)]
  }

  private func path(_ name: NodeName) -> String {
    guard let level = levels.last else { return name.local }
    switch style {
    case .setCommands: return "\(level.path) \(name.local)"
    case .keypaths:
      let isQualified = level.module == name.module || name.local.contains(":")
      return "\(level.path)/\(isQualified ? "" : name.prefix + ":")\(name.local)"
    }
  }

  private mutating func markUsed() { if !levels.isEmpty { levels[levels.count - 1].isEmpty = false } }

  private mutating func line(_ text: String) throws {
    output.write(text)
    output.write(UInt8(ascii: "\n"))
    try output.flushIfLarge()
  }

  public mutating func startContainer(_ name: NodeName, metadata: [Annotation]) throws {
    let path = path(name)
    markUsed()
    levels.append(Level(path: path, module: name.module))
  }

  public mutating func startList(_ name: NodeName) throws {
    let path = path(name)
    markUsed()
    levels.append(Level(path: path, module: name.module, isList: true, isEmpty: false))
  }

  public mutating func startEntry(metadata: [Annotation]) throws { try startEntry(keys: [], metadata: metadata) }

  public mutating func startEntry(keys: [(NodeName, WrittenValue)], metadata: [Annotation]) throws {
    guard let list = levels.last, list.isList else { throw DocumentWriterError.outOfOrder("startEntry outside of a list") }
    let words = keys.map(\.1.commandText)
    let path =
      style == .setCommands ? ([list.path] + words).joined(separator: " ") : "\(list.path){\(words.joined(separator: " "))}"
    levels.append(Level(path: path, module: list.module))
  }

  public mutating func end() throws {
    guard levels.count > 1, let level = levels.popLast(), !level.isList else {
      throw DocumentWriterError.outOfOrder("end without an open container or list entry")
    }
    if level.isEmpty { try line(level.path) }
  }

  public mutating func endList() throws {
    guard levels.count > 1, levels.popLast()?.isList == true else {
      throw DocumentWriterError.outOfOrder("endList without an open list")
    }
  }

  public mutating func leaf(_ name: NodeName, _ value: WrittenValue, metadata: [Annotation]) throws {
    markUsed()
    try line(value == .empty ? path(name) : "\(path(name)) \(value.commandText)")
  }

  private var items: [String] = []

  public mutating func startLeafList(_ name: NodeName) throws {
    let path = path(name)
    markUsed()
    items = []
    levels.append(Level(path: path, module: name.module, isEmpty: false))
  }

  public mutating func item(_ value: WrittenValue, metadata: [Annotation]) throws { items.append(value.commandText) }

  public mutating func endLeafList() throws {
    guard levels.count > 1, let level = levels.popLast() else {
      throw DocumentWriterError.outOfOrder("endLeafList without an open leaf-list")
    }
    try line("\(level.path) [ \(items.joined(separator: " ")) ]")
    items = []
  }

  public mutating func finish() throws { try output.flush() }
}

extension WrittenValue {
  /// As a word of a command.
  var commandText: String { CommandText.quoted(plainCommandText) }

  var plainCommandText: String {
    switch self {
    case .string(let text), .number(let text): text
    case .boolean(let flag): flag ? "true" : "false"
    case .empty: ""
    case .words(let words): words.joined(separator: " ")
    case .names(let pieces):
      pieces.map { piece in
        switch piece {
        case .text(let text): text
        case .name(let name), .step(let name): name.prefix.isEmpty ? name.local : "\(name.prefix):\(name.local)"
        }
      }.joined()
    }
  }
}
