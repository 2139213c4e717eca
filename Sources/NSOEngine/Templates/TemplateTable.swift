import NSODocument
public import NSOModel
import Synchronization

/// A file with a template, as it was read.
public struct TemplateFile: Sendable {
  /// The folder that has the `templates` folder: templates of one package share their macros.
  public var package: String
  /// The path below the templates folder, without `.xml`.
  public var name: String
  /// Where it is, for messages.
  public var path: String
  /// What is in it, or why it cannot be read.
  public var content: Result<[UInt8], NSOError>

  public init(package: String, name: String, path: String, content: Result<[UInt8], NSOError>) {
    self.package = package
    self.name = name
    self.path = path
    self.content = content
  }
}

/// The configuration templates of a daemon. A faulty one is known by its fault, which whoever applies it is told.
public final class TemplateTable: Sendable {
  /// One template, for people.
  public struct Entry: Sendable {
    /// As it is applied: with its package where several have one of this name.
    public var name: String
    public var path: String
    /// What is wrong with it.
    public var fault: String?
  }

  private struct Known: Sendable {
    let package: String
    let name: String
    let path: String
    /// Markup with macros expanded, before it has met a schema.
    var markup: Result<Markup, TemplateFault>
    var template: Result<Template, TemplateFault>

    let shownName: String
    let fullName: String

    init(_ file: TemplateFile, _ markup: Result<Markup, TemplateFault>, _ model: DataModel) {
      package = file.package
      name = file.name
      path = file.path
      self.markup = markup
      template = TemplateTable.compile(markup, file.name, model)
      shownName = TemplateTable.escaped(file.name)
      fullName = TemplateTable.escaped(file.package) + ":" + shownName
    }
  }

  private struct Markup: Sendable {
    var attributes: [(name: String, value: String)]
    var content: [TemplateMarkup]
    var place: TemplatePlace
  }

  private struct State {
    /// By name, then by package.
    var known: [Known] = []
    /// What they are compiled for.
    var model: DataModel?
  }

  private let state = Mutex(State())

  init() {}

  // MARK: Loading

  /// Takes these templates in place of all before. Takes time in proportion to them: not for an event loop. Also when another schema has come
  /// into use; until then each is compiled for it whenever it is applied.
  /// - Returns: what is wrong with them, each with its place.
  @discardableResult
  public func replace(_ files: [TemplateFile], for model: DataModel) -> [String] {
    let sorted = files.sorted { ($0.name, $0.package, $0.path) < ($1.name, $1.package, $1.path) }
    var known: [Known] = []
    for (file, markup) in zip(sorted, Self.markup(of: sorted)) {
      known.append(Known(file, markup, model))
    }
    state.withLock { state in
      state.known = known
      state.model = model
    }
    return Self.faults(known)
  }

  /// Parses all files; macros of a package are there for all its templates.
  private static func markup(of files: [TemplateFile]) -> [Result<Markup, TemplateFault>] {
    struct Parsed {
      var root: XMLMarkup.Element
      var content: [XMLMarkup]
    }
    var parsed: [Result<Parsed, TemplateFault>] = []
    var macros: [String: TemplateMacros] = [:]
    for file in files {
      do throws(TemplateFault) {
        let root = try read(file)
        let (definitions, content) = try TemplateMacros.definitions(in: root.children, of: file.path)
        for macro in definitions { try macros[file.package, default: TemplateMacros()].add(macro) }
        parsed.append(.success(Parsed(root: root, content: content)))
      } catch {
        parsed.append(.failure(error))
      }
    }
    return zip(files, parsed).map { file, parsed in
      do throws(TemplateFault) {
        let parsed = try parsed.get()
        let content = try (macros[file.package] ?? TemplateMacros()).expand(parsed.content, of: file.path)
        return .success(
          Markup(attributes: parsed.root.attributes, content: content, place: TemplatePlace(file.path, parsed.root.line)))
      } catch {
        return .failure(error)
      }
    }
  }

  private static func read(_ file: TemplateFile) throws(TemplateFault) -> XMLMarkup.Element {
    let bytes: [UInt8]
    do throws(NSOError) { bytes = try file.content.get() } catch {
      throw TemplateFault(TemplatePlace(file.path, 1), error.message)
    }
    let root: XMLMarkup.Element
    do throws(DocumentError) {
      root = try XMLMarkup.read(bytes)
    } catch {
      throw TemplateFault(TemplatePlace(file.path, error.position.line), error.message)
    }
    let place = TemplatePlace(file.path, root.line)
    let parts = root.name.split(separator: ":", maxSplits: 1).map(String.init)
    let declaration = parts.count == 2 ? "xmlns:\(parts[0])" : "xmlns"
    let namespace = root.attributes.first { $0.name == declaration }?.value
    guard parts.last == "config-template", namespace == TemplateCompiler.namespace else {
      throw TemplateFault(
        place, "the document element has to be config-template of namespace \(TemplateCompiler.namespace), not \(root.name)")
    }
    return root
  }

  private static func compile(
    _ markup: Result<Markup, TemplateFault>, _ name: String, _ model: DataModel
  ) -> Result<Template, TemplateFault> {
    do throws(TemplateFault) {
      let markup = try markup.get()
      return .success(
        try TemplateCompiler.compile(name, attributes: markup.attributes, markup.content, markup.place, model))
    } catch {
      return .failure(error)
    }
  }

  private static func faults(_ known: [Known]) -> [String] {
    known.compactMap { if case .failure(let fault) = $0.template { "\(fault)" } else { nil } }
  }

  // MARK: Finding

  /// All templates, by name.
  public var entries: [Entry] {
    let known = state.withLock { $0.known }
    let counts = Dictionary(known.map { ($0.name, 1) }, uniquingKeysWith: +)
    return known.map { known in
      let name = counts[known.name] == 1 ? known.shownName : known.fullName
      switch known.template {
      case .success: return Entry(name: name, path: known.path, fault: nil)
      case .failure(let fault): return Entry(name: name, path: known.path, fault: "\(fault)")
      }
    }
  }

  /// The names of those that can be applied.
  public var names: [String] { entries.filter { $0.fault == nil }.map(\.name) }

  /// The variables that have to be given with a template, in the order of their first use.
  /// - Throws: NOEXISTS for an unknown name, NCS_TEMPLATE for a faulty one.
  public func variables(of name: String) throws(NSOError) -> [String] {
    guard let model = state.withLock({ $0.model }) else { throw Self.unknown(name, []) }
    return try template(named: name, for: model).variables
  }

  /// A template, for a schema.
  /// - Throws: as ``variables(of:)``.
  func template(named name: String, for model: DataModel) throws(NSOError) -> Template {
    let (all, current) = state.withLock { ($0.known, $0.model) }
    let found = all.filter { $0.shownName == name || $0.fullName == name }
    guard let known = found.first else { throw Self.unknown(name, all.map(\.shownName)) }
    guard found.count == 1 else {
      let names = found.map(\.fullName).joined(separator: ", ")
      throw NSOError(.template, "there are several templates \(name): name the package too, one of \(names)")
    }
    // A transaction from before an upgrade of the schema, or in the middle of one, has another.
    let template = current === model ? known.template : Self.compile(known.markup, known.name, model)
    do throws(TemplateFault) { return try template.get() } catch { throw NSOError(.template, "template \(name): \(error)") }
  }

  private static func unknown(_ name: String, _ known: [String]) -> NSOError {
    let shown = known.prefix(12).joined(separator: ", ") + (known.count > 12 ? " and \(known.count - 12) more" : "")
    return NSOError(
      .noExists, "there is no template \(name)" + (known.isEmpty ? ": none is loaded" : "; loaded are: \(shown)"))
  }

  /// Colons and backslashes in names have a backslash in front of them.
  static func escaped(_ name: String) -> String {
    String(name.flatMap { $0 == ":" || $0 == "\\" ? ["\\", $0] : [$0] })
  }
}
