public import NSOEngine
public import NSOModel
import NSOSchema
import Synchronization

/// The CLI sessions of a daemon.
public final class CLIService: Sendable {
  private let engine: Engine
  private struct State {
    var settings: CLISettings
    var sessions: [Int32: CLISession] = [:]
  }
  private let state: Mutex<State>

  public init(_ engine: Engine, _ settings: CLISettings = CLISettings()) {
    self.engine = engine
    state = Mutex(State(settings: settings))
  }

  /// Those of sessions that begin from now on.
  public var settings: CLISettings {
    get { state.withLock { $0.settings } }
    set { state.withLock { $0.settings = newValue } }
  }

  /// Begins the CLI of a user session, which has a terminal. Its end is that of the session.
  /// - Throws: ALREADY_EXISTS when it has one, NOEXISTS without a terminal, NOT_IMPLEMENTED for a style that there is not.
  public func open(_ session: UserSession, _ opening: CLIOpening) throws(NSOError) -> CLISession {
    let cli = try CLISession(engine, session, settings, opening)
    let isFirst = state.withLock { state in
      guard state.sessions[session.id] == nil else { return false }
      state.sessions[session.id] = cli
      return true
    }
    guard isFirst else { throw NSOError(.alreadyExists, "\(session.summary) has a CLI already") }
    session.onEnd { [weak self] in
      let cli = self?.state.withLock { $0.sessions.removeValue(forKey: session.id) }
      if let cli { Task { await cli.close() } }
    }
    return cli
  }

  /// - Throws: NOEXISTS when the session is none of the CLI.
  public func session(_ id: Int32) throws(NSOError) -> CLISession {
    guard let cli = state.withLock({ $0.sessions[id] }) else {
      throw NSOError(.noExists, "session \(id) is no CLI session")
    }
    return cli
  }

  /// The path of a command such as `set interfaces interface eth0 mtu 1500`, or of a path in its form.
  /// - Throws: BADPATH for what leads nowhere.
  public static func path(of line: String, _ model: DataModel) throws(NSOError) -> Keypath {
    var words = try TextWords.all(line, .pipes)
    if let bar = words.firstIndex(where: { $0.kind == .pipe }) { words.removeSubrange(bar...) }
    for isCommand in [true, false] {
      var rest = words[...]
      if isCommand {
        guard let first = rest.popFirst(), ["set", "delete", "show", "edit", "request"].contains(first.text) else { continue }
        if first.text == "show", rest.first?.text == "configuration" { rest.removeFirst() }
      }
      for use in [PlaceReader.Use.data, .actions] {
        var reader = PlaceReader(model, use)
        var isFitting = true
        for word in rest { if isFitting { isFitting = (try? reader.feed(word)) != nil } }
        guard isFitting, !rest.isEmpty else { continue }
        if let action = reader.action {
          return Keypath(action.parent, model).appending(model.schema.tag(of: action.node))
        }
        if let place = try? reader.target(), place.node != nil { return Keypath(place, model) }
      }
    }
    throw NSOError(.badPath, "\"\(line)\" leads to no path of the loaded modules")
  }

  /// The command that sets, or deletes, what is at a path.
  public static func command(for place: Location, _ view: TreeView, isDelete: Bool) throws(NSOError) -> String {
    let model = view.model
    var words: [String] = [isDelete ? "delete" : "set"]
    let path = Keypath(place, model)
    var sofar = Keypath()
    for element in path.elements {
      sofar.elements.append(element)
      switch element {
      case .tag(let tag): words.append(tag.name)
      case .keys(let keys):
        guard let node = try model.locate(sofar).node else { continue }
        let schemaNode = model.schema[node]
        let types = schemaNode.kind == .list ? schemaNode.keys.map { model.schema[$0].type } : [schemaNode.type]
        for (key, type) in zip(keys, types) {
          words.append(CommandText.quoted(type.flatMap { model.schema.text(of: key, as: $0) } ?? key.plainText))
        }
      case .position: continue
      }
    }
    if !isDelete, let node = place.node, !place.isEntry, model[node].kind == .leaf || model[node].kind == .leafList,
      !model.schema[node].isEmptyLeaf, let value = try view.value(place), let type = model.schema[node].type
    {
      if case .list(let values) = value {
        words += ["["] + values.map { CommandText.quoted(model.schema.text(of: $0, as: type) ?? $0.plainText) } + ["]"]
      } else {
        words.append(CommandText.quoted(model.schema.text(of: value, as: type) ?? value.plainText))
      }
    }
    return words.joined(separator: " ")
  }
}
