import NSODocument
import NSOModel
import NSOSchema

/// Reads `ncs.conf` and the fragments beside it into one checked tree (protocol part 08, section 7.1).
struct ConfigurationReader {
  typealias Place = ConfigurationError.Place
  typealias Node = ConfigurationTree.Node

  private let schema: Schema
  private let environment: [String: String]
  private let rootID: NodeID
  private var root: Node?

  init(schema: Schema, environment: [String: String]) throws(ConfigurationTree.UnknownPath) {
    self.schema = schema
    self.environment = environment
    rootID = try ConfigurationTree(schema: schema, root: nil).node("")
  }

  /// Reads one file and adds what it says to what was read before.
  mutating func read(_ file: String) throws(ConfigurationError) {
    let tree = try parse(file)
    if let before = root {
      root = try merge(before, tree)
    } else {
      root = tree
    }
  }

  /// Everything that was read.
  /// - Parameter isComplete: whether mandatory settings must be there.
  func finish(isComplete: Bool) throws(ConfigurationError) -> ConfigurationTree {
    if isComplete, let root { try requireMandatory(root) }
    return ConfigurationTree(schema: schema, root: root)
  }

  // MARK: One file

  private func parse(_ file: String) throws(ConfigurationError) -> Node {
    let parser = XMLDocumentParser()
    var builder = Builder(reader: self, file: file)
    do {
      try DocumentFile.parse(file, with: parser) { event in try builder.take(event, line: parser.position.line) }
    } catch let error as ConfigurationError {
      throw error
    } catch let error as DocumentError {
      throw ConfigurationError(
        Place(file: file, line: error.position.line), error.message,
        remedy: "the file must be an XML document with the element ncs-config")
    } catch let error as FileError {
      throw ConfigurationError(
        Place(file: file), "cannot \(error.operation) the file: \(error.reason)",
        remedy: "check the name and the file's permissions")
    } catch {
      throw ConfigurationError(Place(file: file), "\(error)", remedy: "check the file")
    }
    guard let root = builder.root else {
      throw ConfigurationError(Place(file: file), "the file is empty", remedy: "write an ncs-config element")
    }
    return root
  }

  private struct Builder {
    let reader: ConfigurationReader
    let file: String
    private(set) var root: Node?
    private var stack: [Node] = []
    /// Elements open inside an element whose content is not looked at.
    private var skipped = 0

    init(reader: ConfigurationReader, file: String) {
      self.reader = reader
      self.file = file
    }

    mutating func take(_ event: DocumentEvent, line: Int) throws(ConfigurationError) {
      let place = Place(file: file, line: line)
      if skipped > 0 {
        switch event {
        case .start: skipped += 1
        case .end: skipped -= 1
        default: break
        }
        if skipped > 0 { return }
      }
      switch event {
      case .start(let element): try start(element, place)
      case .scalar(let scalar): try text(scalar, place)
      case .end: try end()
      case .arrayStart, .arrayEnd, .metadata: break
      }
    }

    private mutating func start(_ element: DocumentElement, _ place: Place) throws(ConfigurationError) {
      guard let parent = stack.last else {
        let isRoot = element.name == DocumentName("ncs-config", in: .namespace(ConfigurationSchema.namespace))
        guard isRoot else {
          throw ConfigurationError(
            place, "the document element is \(element.name)",
            remedy: "it must be <ncs-config xmlns=\"\(ConfigurationSchema.namespace)\">")
        }
        stack.append(Node(id: reader.rootID, place: place))
        return
      }
      guard reader.schema[parent.id].kind == .container || reader.schema[parent.id].kind == .list else {
        throw ConfigurationError(
          place, "the element \(element.name.local) inside \(reader.name(parent.id)), which holds a value", remedy: "remove it")
      }
      guard case .namespace(let namespace) = element.name.space,
        let id = reader.schema.child(of: parent.id, namespace: namespace, name: element.name.local)
      else { throw reader.unknown(element.name, in: parent.id, place) }
      stack.append(Node(id: id, place: place))
      let kind = reader.schema[id].kind
      if kind == .anydata || kind == .anyxml { skipped = 1 }
    }

    private mutating func text(_ scalar: DocumentScalar, _ place: Place) throws(ConfigurationError) {
      guard let node = stack.last else { return }
      switch reader.schema[node.id].kind {
      case .leaf, .leafList: stack[stack.count - 1].text += scalar.lexical
      case .anydata, .anyxml: break
      default:
        guard scalar.isXMLWhitespace else {
          throw ConfigurationError(
            place, "text where \(reader.name(node.id)) holds elements only", remedy: "remove it, or use a comment")
        }
      }
    }

    private mutating func end() throws(ConfigurationError) {
      guard var node = stack.popLast() else { return }
      let kind = reader.schema[node.id].kind
      if kind == .leaf || kind == .leafList { try reader.setValue(&node) }
      if kind == .list { try reader.requireKeys(node) }
      guard let parent = stack.last else {
        root = node
        return
      }
      stack[stack.count - 1] = try reader.adding(node, to: parent)
    }
  }

  // MARK: Values

  private func setValue(_ node: inout Node) throws(ConfigurationError) {
    guard let type = schema[node.id].type else { return }
    let name = name(node.id)
    do throws(VariableExpansion.Fault) {
      let written = node.text
      node.text = try VariableExpansion.expand(written, environment)
      node.hasVariables = node.text != written
    } catch {
      // The reason repeats parts of what was written.
      guard !schema.isSecretSetting(node.id) else {
        throw ConfigurationError(
          node.place,
          "\(name): the value (not shown) has a \"${\" without a closing brace or the name of a variable that is set",
          remedy: "write ${NAME} or ${NAME:-default}, and set NAME before the daemon starts")
      }
      throw ConfigurationError(node.place, "\(name): \(error.reason)", remedy: error.remedy)
    }
    var text = node.text
    if case .string = type.valueType.kind {} else { text = Self.trimmed(text) }
    do throws(ValueError) {
      node.value = try schema.parse(text, as: type)
      node.text = text
    } catch {
      // The type's message may repeat the value, in whole or in part.
      guard !schema.isSecretSetting(node.id) else {
        throw ConfigurationError(
          node.place, "\(name): the value (not shown) is not accepted",
          remedy: "\(remedy(for: node.id)); Sources/NSODaemon/YANG/tailf-ncs-config.yang has its form")
      }
      throw ConfigurationError(
        node.place, "\(name): \"\(text)\" is not accepted: \(error.message)", remedy: remedy(for: node.id))
    }
  }

  private static func trimmed(_ text: String) -> String {
    let isBlank = { (scalar: Unicode.Scalar) in scalar == " " || scalar == "\n" || scalar == "\t" || scalar == "\r" }
    let scalars = text.unicodeScalars.drop(while: isBlank)
    guard let last = scalars.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(scalars[...last])
  }

  private func remedy(for id: NodeID) -> String {
    guard let type = schema[id].type, let fallback = schema[id].defaultValue, let text = schema.text(of: fallback, as: type)
    else { return "correct the value" }
    return "correct the value, or remove the element to use the default (\(text))"
  }

  // MARK: Merging

  /// Adds a child; containers and list entries that are there already are merged, anything else may occur once.
  private func adding(_ child: Node, to parent: Node) throws(ConfigurationError) -> Node {
    var parent = parent
    let node = schema[child.id]
    let match = parent.children.firstIndex { other in
      guard other.id == child.id else { return false }
      switch node.kind {
      case .leafList: return other.value == child.value
      case .list: return node.keys.allSatisfy { key in Self.leaf(key, of: other) == Self.leaf(key, of: child) }
      default: return true
      }
    }
    guard let match else {
      parent.children.append(child)
      return parent
    }
    switch node.kind {
    case .container, .list:
      parent.children[match] = try merge(parent.children[match], child)
      return parent
    default:
      throw ConfigurationError(
        child.place, "\(name(child.id)) is given twice, first at \(parent.children[match].place)", remedy: "remove one of them")
    }
  }

  private func merge(_ first: Node, _ second: Node) throws(ConfigurationError) -> Node {
    var result = first
    let keys = schema[first.id].keys
    for child in second.children where !keys.contains(child.id) { result = try adding(child, to: result) }
    return result
  }

  private static func leaf(_ id: NodeID, of entry: Node) -> Value? { entry.children.first { $0.id == id }?.value }

  // MARK: What must be there

  private func requireKeys(_ entry: Node) throws(ConfigurationError) {
    for key in schema[entry.id].keys where Self.leaf(key, of: entry) == nil {
      throw ConfigurationError(
        entry.place, "\(name(entry.id)) without \(schema[key].name.name)", remedy: "add that element, its key")
    }
  }

  /// Checks mandatory settings in a container or list entry that exists, and in containers inside that exist by nature.
  private func requireMandatory(_ node: Node) throws(ConfigurationError) {
    let enabled = node.children.first { schema[$0.id].name.name == "enabled" }
    for id in schema[node.id].children {
      let child = schema[id]
      let present = node.children.filter { $0.id == id }
      switch child.kind {
      case .leaf:
        guard present.isEmpty else { continue }
        if child.isMandatory { throw missing(id, in: node, why: "mandatory") }
        if let enabled, enabled.value == .bool(true),
          child.extensions.first("required-when-enabled", in: ConfigurationSchema.extensions) != nil
        {
          throw missing(id, in: node, why: "mandatory where enabled is true (\(enabled.place))")
        }
      case .leafList where present.count < Int(child.minElements): throw missing(id, in: node, why: "mandatory")
      case .container:
        if let inner = present.first {
          try requireMandatory(inner)
        } else if !child.isPresence {
          try requireMandatory(Node(id: id, place: Place(file: node.place.file)))
        }
      case .list:
        for entry in present { try requireMandatory(entry) }
      default: continue
      }
    }
  }

  private func missing(_ id: NodeID, in node: Node, why: String) -> ConfigurationError {
    ConfigurationError(node.place, "\(name(id)) is missing; it is \(why)", remedy: "add it")
  }

  // MARK: Words

  /// The path below `/ncs-config`.
  private func name(_ id: NodeID) -> String {
    let path = ConfigurationTree(schema: schema, root: nil).shortPath(id)
    return path.isEmpty ? "ncs-config" : path
  }

  private func unknown(_ element: DocumentName, in parent: NodeID, _ place: Place) -> ConfigurationError {
    let known = schema[parent].children.map { schema[$0] }
    if let same = known.first(where: { $0.name.name == element.local }) {
      return ConfigurationError(
        place, "the element \(element) is in the wrong namespace",
        remedy: "in \(name(parent)) it needs xmlns=\"\(same.name.namespace)\"")
    }
    let names = known.map(\.name.name).sorted()
    let close = names.filter { Self.isClose($0, element.local) }
    let remedy =
      if let guess = close.first { "did you mean \(guess)?" } else if names.count <= 12 {
        "known here: \(names.joined(separator: ", "))"
      } else {
        "remove it; Sources/NSODaemon/YANG/tailf-ncs-config.yang has all settings"
      }
    return ConfigurationError(place, "unknown element \(element.local) in \(name(parent))", remedy: remedy)
  }

  /// Whether two names differ by at most two letters; short ones by one.
  private static func isClose(_ a: String, _ b: String) -> Bool {
    let a = Array(a.utf8.prefix(64))
    let b = Array(b.utf8.prefix(64))
    guard abs(a.count - b.count) <= 2, min(a.count, b.count) > 2 else { return false }
    var row = Array(0...b.count)
    for i in 1...a.count {
      var diagonal = row[0]
      row[0] = i
      for j in 1...b.count {
        let cost = a[i - 1] == b[j - 1] ? diagonal : diagonal + 1
        diagonal = row[j]
        row[j] = min(cost, row[j] + 1, row[j - 1] + 1)
      }
    }
    return row[b.count] <= (min(a.count, b.count) < 6 ? 1 : 2)
  }
}
