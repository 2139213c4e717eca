import NSODocument

/// A template's markup with its macros expanded.
indirect enum TemplateMarkup: Sendable {
  case element(name: String, attributes: [(name: String, value: String)], children: [TemplateMarkup], TemplatePlace)
  case text(String, TemplatePlace)
  case instruction(name: String, text: String, TemplatePlace)

  var place: TemplatePlace {
    switch self {
    case .element(_, _, _, let place), .text(_, let place), .instruction(_, _, let place): place
    }
  }
}

/// `<?macro?>` ... `<?endmacro?>`: a piece of markup that is put where `<?expand?>` names it, with texts for its parameters.
struct TemplateMacro: Sendable {
  struct Parameter: Sendable {
    var name: String
    /// Nil: a value has to be given. Of an expansion: none is given.
    var value: String?
  }

  var name: String
  var parameters: [Parameter]
  var body: [XMLMarkup]
  var file: String
  var line: Int
}

/// The macros of a package, by name.
struct TemplateMacros: Sendable {
  private var macros: [String: TemplateMacro] = [:]

  mutating func add(_ macro: TemplateMacro) throws(TemplateFault) {
    if let other = macros[macro.name] {
      throw TemplateFault(
        TemplatePlace(macro.file, macro.line), "macro \(macro.name) is defined already, in \(other.file):\(other.line)")
    }
    macros[macro.name] = macro
  }

  /// Takes the macro definitions off the beginning of a template's content.
  static func definitions(
    in children: [XMLMarkup], of file: String
  ) throws(TemplateFault) -> (macros: [TemplateMacro], rest: [XMLMarkup]) {
    var macros: [TemplateMacro] = []
    var open: TemplateMacro?
    var rest: [XMLMarkup] = []
    for child in children {
      switch child {
      case .instruction("macro", let text, let line):
        let place = TemplatePlace(file, line)
        if let open { throw TemplateFault(place, "a macro is defined inside of macro \(open.name): end that one first") }
        guard rest.allSatisfy(\.isBlank) else {
          throw TemplateFault(place, "macros are defined at the top of a template, before its elements")
        }
        let (name, parameters) = try words(of: text, in: "macro", place)
        open = TemplateMacro(name: name, parameters: parameters, body: [], file: file, line: line)
      case .instruction("endmacro", _, let line):
        guard let macro = open else { throw TemplateFault(TemplatePlace(file, line), "endmacro without macro") }
        macros.append(macro)
        open = nil
      default:
        if open == nil { rest.append(child) } else { open?.body.append(child) }
      }
    }
    if let open { throw TemplateFault(TemplatePlace(file, open.line), "macro \(open.name) has no endmacro") }
    return (macros, rest)
  }

  /// The name and the parameters of `macro` and `expand`: `NAME one two='value'`.
  private static func words(
    of text: String, in instruction: String, _ place: TemplatePlace
  ) throws(TemplateFault) -> (name: String, [TemplateMacro.Parameter]) {
    var scanner = TemplateScanner(text)
    guard let name = scanner.name() else { throw TemplateFault(place, "\(instruction) needs the name of a macro") }
    var parameters: [TemplateMacro.Parameter] = []
    while true {
      scanner.skipSpace()
      if scanner.isAtEnd { return (name, parameters) }
      guard let parameter = scanner.name(), !parameters.contains(where: { $0.name == parameter }) else {
        throw TemplateFault(
          place, "\(instruction) \(name): a parameter, once, is wanted at \"\(scanner.excerpt)\"; write NAME or NAME='VALUE'")
      }
      scanner.skipSpace()
      guard scanner.accept("=") else {
        parameters.append(.init(name: parameter, value: nil))
        continue
      }
      scanner.skipSpace()
      guard let value = scanner.quoted() else {
        throw TemplateFault(place, "\(instruction) \(name): the value of \(parameter) has to stand in quotes")
      }
      parameters.append(.init(name: parameter, value: value))
    }
  }

  // MARK: Expansion

  /// Markup with all macros in it expanded.
  func expand(_ nodes: [XMLMarkup], of file: String) throws(TemplateFault) -> [TemplateMarkup] {
    var expansion = Expansion()
    return try expand(nodes, file, [:], nil, [], &expansion)
  }

  private struct Expansion {
    var nodes = 0
    var text = 0
  }

  /// - Parameters:
  ///   - values: the parameters of the macro that the markup is of.
  ///   - outer: where that is expanded.
  ///   - names: the macros on the way.
  private func expand(
    _ nodes: [XMLMarkup], _ file: String, _ values: [String: String], _ outer: TemplatePlace?, _ names: [String],
    _ expansion: inout Expansion
  ) throws(TemplateFault) -> [TemplateMarkup] {
    var result: [TemplateMarkup] = []
    for node in nodes {
      let place = outer?.inside(file, node.line) ?? TemplatePlace(file, node.line)
      expansion.nodes += 1
      guard expansion.nodes <= TemplateLimits.nodes else {
        throw TemplateFault(place, "with its macros expanded the template has more than \(TemplateLimits.nodes) parts")
      }
      switch node {
      case .text(let text, _): result.append(.text(try filled(text, values, place, &expansion), place))
      case .element(let element):
        var attributes = element.attributes
        for index in attributes.indices {
          attributes[index].value = try filled(attributes[index].value, values, place, &expansion)
        }
        let children = try expand(element.children, file, values, outer, names, &expansion)
        result.append(.element(name: element.name, attributes: attributes, children: children, place))
      case .instruction("expand", let text, _):
        let call = try filled(text, values, place, &expansion)
        result += try expand(call, at: place, names, &expansion)
      case .instruction(let name, let text, _):
        result.append(.instruction(name: name, text: try filled(text, values, place, &expansion), place))
      }
    }
    return result
  }

  private func expand(
    _ call: String, at place: TemplatePlace, _ names: [String], _ expansion: inout Expansion
  ) throws(TemplateFault) -> [TemplateMarkup] {
    let (name, given) = try Self.words(of: call, in: "expand", place)
    guard let macro = macros[name] else {
      let known = macros.keys.sorted().prefix(12).joined(separator: ", ")
      throw TemplateFault(
        place, "there is no macro \(name) in this package" + (known.isEmpty ? "" : "; its macros are: \(known)"))
    }
    guard !names.contains(name) else {
      throw TemplateFault(place, "macro \(name) expands itself: \((names + [name]).joined(separator: " in "))")
    }
    guard names.count < TemplateLimits.macroDepth else {
      throw TemplateFault(place, "macros are expanded more than \(TemplateLimits.macroDepth) levels deep")
    }
    var values: [String: String] = [:]
    for argument in given {
      guard macro.parameters.contains(where: { $0.name == argument.name }) else {
        throw TemplateFault(place, "macro \(name) has no parameter \(argument.name)")
      }
      values[argument.name] = argument.value
    }
    for parameter in macro.parameters where values[parameter.name] == nil {
      guard let value = parameter.value else {
        throw TemplateFault(place, "macro \(name) needs a value for its parameter \(parameter.name)")
      }
      values[parameter.name] = value
    }
    return try expand(macro.body, macro.file, values, place, names + [name], &expansion)
  }

  /// A text with values in place of `$name` for the parameters of a macro; `\$` stands for a dollar sign.
  private func filled(
    _ text: String, _ values: [String: String], _ place: TemplatePlace, _ expansion: inout Expansion
  ) throws(TemplateFault) -> String {
    guard !values.isEmpty, text.utf8.contains(UInt8(ascii: "$")) else {
      try count(text, place, &expansion)
      return text
    }
    var scanner = TemplateScanner(text)
    var result = ""
    while !scanner.isAtEnd {
      result += scanner.upTo { $0 == UInt8(ascii: "$") || $0 == UInt8(ascii: "\\") }
      if scanner.accept("\\") {
        result += scanner.accept("$") ? "$" : "\\"
      } else if scanner.accept("$") {
        result += scanner.parameter(among: values).map { values[$0] ?? "" } ?? "$"
      }
      guard result.utf8.count <= TemplateLimits.expandedText else { break }
    }
    try count(result, place, &expansion)
    return result
  }

  private func count(_ text: String, _ place: TemplatePlace, _ expansion: inout Expansion) throws(TemplateFault) {
    expansion.text += text.utf8.count
    guard expansion.text <= TemplateLimits.expandedText else {
      throw TemplateFault(
        place, "with its macros expanded the template has more than \(TemplateLimits.expandedText) bytes of text")
    }
  }
}

extension XMLMarkup {
  var line: Int {
    switch self {
    case .element(let element): element.line
    case .text(_, let line), .instruction(_, _, let line): line
    }
  }

  /// Text of white space only.
  var isBlank: Bool {
    if case .text(let text, _) = self { text.utf8.allSatisfy(TemplateScanner.isSpace) } else { false }
  }
}
