import NSOModel
import NSOSchema
import NSOXPath

/// A configuration template, compiled for a schema: names are nodes, texts are parsed, blocks are nested. Immutable.
struct Template: Sendable {
  /// The path below the templates folder, without `.xml`.
  var name: String
  var body: [TemplateStep]
  /// The variables that whoever applies it has to give, in the order of their first use.
  var variables: [String]
}

/// An element or instruction of a template.
indirect enum TemplateStep: Sendable {
  struct Branch: Sendable {
    /// Nil: `else`.
    var condition: XPath?
    var body: [TemplateStep]
    var place: TemplatePlace
  }

  struct Loop: Sendable {
    var start: Assignment?
    var condition: XPath
    var next: Assignment?
    var body: [TemplateStep]
    var place: TemplatePlace
  }

  struct Assignment: Sendable {
    var name: String
    var value: TemplateText
  }

  case element(TemplateElement)
  case branches([Branch])
  case forEach(XPath, [TemplateStep], TemplatePlace)
  case loop(Loop)
  case set(Assignment, TemplatePlace)
  case setRoot(XPath, TemplatePlace)
  case setContext(XPath, TemplatePlace)
  case saveContext(String)
  case switchContext(String, TemplatePlace)
  case copyTree(XPath, TemplatePlace)
}

/// What the `tags` attribute says of a node.
enum TemplateTag: String, Sendable {
  case merge, replace, create, nocreate, delete

  /// What it means for the nodes below.
  var inherited: TemplateTag { self == .nocreate ? .nocreate : .merge }
}

/// Where entries of lists ordered by user are put.
struct TemplateInsert: Sendable {
  enum Place: String, Sendable { case first, last, before, after }

  var place: Place
  /// The entry beside which they stand, for `before` and `after`.
  var anchor: TemplateText?
  /// The entry that says whether they stand well already.
  var guarding: TemplateText?
}

final class TemplateElement: Sendable {
  /// What comes before the last key of a list entry: keys, and instructions that say how the keys after them are evaluated.
  enum KeyStep: Sendable {
    case key(index: Int, TemplateText, TemplatePlace)
    case instruction(TemplateStep)
  }

  let node: NodeID
  let place: TemplatePlace
  /// Nil: as the node around it.
  let tag: TemplateTag?
  let forEach: XPath?
  let when: XPath?
  let insert: TemplateInsert?
  /// Empty for a list as a whole.
  let keys: [KeyStep]
  /// The value of a leaf, or of entries of a leaf-list.
  let text: TemplateText
  let body: [TemplateStep]
  /// Prefixes in values.
  let prefixes: PrefixResolver

  init(
    node: NodeID, place: TemplatePlace, tag: TemplateTag?, forEach: XPath?, when: XPath?, insert: TemplateInsert?,
    keys: [KeyStep], text: TemplateText, body: [TemplateStep], prefixes: PrefixResolver
  ) {
    self.node = node
    self.place = place
    self.tag = tag
    self.forEach = forEach
    self.when = when
    self.insert = insert
    self.keys = keys
    self.text = text
    self.body = body
    self.prefixes = prefixes
  }
}
