import NIOCore
import NSODocument
import NSOEngine
import NSOModel
import NSOSchema

/// One `rpc-error` (RFC 6241, section 4.3 and appendix A; RFC 7950, section 15).
struct RPCError: Error, Sendable {
  enum Layer: String, Sendable { case transport, rpc, `protocol`, application }

  var layer: Layer
  var tag: String
  var appTag: String?
  var path: Keypath?
  var message: String
  /// Elements of error-info and their text.
  var info: [(name: String, text: String)] = []

  init(
    _ layer: Layer, _ tag: String, _ message: String, appTag: String? = nil, path: Keypath? = nil,
    info: [(name: String, text: String)] = []
  ) {
    self.layer = layer
    self.tag = tag
    self.appTag = appTag
    self.path = path
    self.message = message
    self.info = info
  }

  static func missingElement(_ name: String, _ message: String) -> RPCError {
    RPCError(.protocol, "missing-element", message, info: [("bad-element", name)])
  }

  static func badElement(_ name: String, _ message: String) -> RPCError {
    RPCError(.protocol, "bad-element", message, info: [("bad-element", name)])
  }

  static func unknownElement(_ name: DocumentName, _ message: String) -> RPCError {
    RPCError(.protocol, "unknown-element", message, info: [("bad-element", name.local)])
  }

  static func invalidValue(_ message: String, _ element: String? = nil) -> RPCError {
    RPCError(.protocol, "invalid-value", message, info: element.map { [("bad-element", $0)] } ?? [])
  }

  static func notSupported(_ message: String) -> RPCError { RPCError(.protocol, "operation-not-supported", message) }

  // MARK: What the engine refuses

  /// How a refusal of the engine is told.
  init(_ error: NSOError, _ model: DataModel) {
    let (layer, tag): (Layer, String) =
      switch error.code {
      case .noExists, .dataMissing, .notSet, .unsetChoice, .badKeyref, .missingInstance: (.application, "data-missing")
      case .alreadyExists: (.application, "data-exists")
      case .accessDenied: (.application, "access-denied")
      case .badType, .inconsistentValue, .xpath, .protocolUsage, .invalidInstance: (.application, "invalid-value")
      case .badPath: (.application, "unknown-element")
      case .badConfig: (.application, "bad-element")
      case .locked: (.protocol, "lock-denied")
      case .inUse: (.application, "in-use")
      case .resourceDenied, .tooManyTransactions, .tooManySessions, .malloc: (.application, "resource-denied")
      case .notImplemented, .unavailable: (.application, "operation-not-supported")
      default: (.application, "operation-failed")
      }
    self.init(layer, tag, error.message.isEmpty ? error.code.description : error.message)
    path = Self.path(in: error.message, model)
    switch error.code {
    case .badKeyref, .missingInstance: appTag = "instance-required"
    default: break
    }
    if let tag = error.appTag { appTag = tag.name }
    if let name = element, ["bad-element", "unknown-element"].contains(tag) { info = [("bad-element", name)] }
  }

  /// As above, for what is wrong with a document.
  init(_ error: NSOError, _ fault: LoadFault?, _ model: DataModel) {
    self.init(error, model)
    switch fault {
    case nil: return
    case .unknownElement(let name):
      (tag, info) = ("unknown-element", [("bad-element", name.local)])
    case .missingElement(let name): (tag, info) = ("missing-element", [("bad-element", name)])
    case .unknownAttribute(let name, let element):
      (tag, info) = ("unknown-attribute", [("bad-attribute", name.local), ("bad-element", element.local)])
    case .badAttribute(let name, let element):
      (tag, info) = ("bad-attribute", [("bad-attribute", name), ("bad-element", element.local)])
    case .missingAttribute(let name, let element):
      (tag, info) = ("missing-attribute", [("bad-attribute", name), ("bad-element", element.local)])
    case .missingNeighbour(let element):
      (tag, appTag) = ("bad-attribute", "missing-instance")
      info = [("bad-attribute", "insert"), ("bad-element", element.local)]
    case .notConfiguration(let name): (tag, info) = ("bad-element", [("bad-element", name.local)])
    }
    layer = .application
  }

  /// The last node of the path.
  private var element: String? {
    guard let path else { return nil }
    for case .tag(let tag) in path.elements.reversed() { return tag.name }
    return nil
  }

  /// The path that a text begins with: the engine's texts about places do.
  static func path(in message: String, _ model: DataModel) -> Keypath? {
    guard message.hasPrefix("/") else { return nil }
    var tries = 0
    for index in message.indices where message[index] == " " || message[index] == ":" {
      let next = message.index(after: index)
      guard message[index] == " " || next == message.endIndex || message[next] == " " else { continue }
      // A key with blanks is longer than the first word.
      tries += 1
      guard tries <= 16 else { return nil }
      if let path = try? model.schema.parsePath(String(message[..<index])).keypath, !path.isRoot { return path }
    }
    return nil
  }

  // MARK: As a document

  func write(to writer: inout some DocumentWriter, _ model: DataModel) throws {
    func name(_ local: String) -> NodeName { NodeName(local, namespace: NetconfNames.base, module: "", prefix: "nc") }
    try writer.startContainer(name("rpc-error"))
    try writer.leaf(name("error-type"), .string(layer.rawValue))
    try writer.leaf(name("error-tag"), .string(tag))
    try writer.leaf(name("error-severity"), .string("error"))
    if let appTag { try writer.leaf(name("error-app-tag"), .string(appTag)) }
    if let path, let written = try? model.written(path) { try writer.leaf(name("error-path"), written) }
    if !message.isEmpty {
      try writer.leaf(
        name("error-message"), .string(Self.printable(message)),
        metadata: [
          Annotation(
            NodeName("xml:lang", namespace: "", module: "", prefix: ""), .string("en"))
        ])
    }
    if !info.isEmpty {
      try writer.startContainer(name("error-info"))
      for (element, text) in info { try writer.leaf(name(element), .string(Self.printable(text))) }
      try writer.end()
    }
    try writer.end()
  }

  /// Texts have what clients sent in them, and warnings have NULs.
  private static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.value {
          case 9, 10, 13, 0x20...0xD7FF, 0xE000...0xFFFD, 0x1_0000...: scalar
          default: " "
          }
        }))
  }
}
