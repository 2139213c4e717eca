import NSOModel

/// What may stand at a place of a line.
public struct CompletionAnswer: Hashable, Sendable {
  public struct Item: Hashable, Sendable {
    public var text: String
    public var help: String

    public init(_ text: String, _ help: String = "") {
      self.text = text
      self.help = help
    }
  }

  /// Where the word that is completed begins, in bytes of the line.
  public var start: Int
  /// What to put in its place: as much as all that fit have in common.
  public var replacement: String
  /// Only one fits, so that a blank may follow.
  public var isUnique: Bool
  public var items: [Item]
  /// There are more than are listed.
  public var isCut: Bool

  public init(start: Int, replacement: String, isUnique: Bool, items: [Item], isCut: Bool = false) {
    self.start = start
    self.replacement = replacement
    self.isUnique = isUnique
    self.items = items
    self.isCut = isCut
  }

  /// The list as it is shown (protocol part 08, section 9.9).
  public func text(width: Int) -> String {
    guard !items.isEmpty else { return "No completions\n" }
    let column = min(40, items.reduce(0) { max($0, $1.text.count) })
    var text = "Possible completions:\n"
    for item in items {
      let line = item.help.isEmpty ? "  " + item.text : "  " + item.text.padding(to: column + 1) + "- " + item.help
      text += (width > 4 && line.count > width ? String(line.prefix(width - 1)) : line) + "\n"
    }
    if isCut { text += "  ...\n" }
    return text
  }
}

/// Collects what fits what was typed of a word.
struct CompletionItems {
  /// Without quotes.
  let typed: String
  let limit: Int
  private(set) var items: [CompletionAnswer.Item] = []
  private(set) var isCut = false
  /// Things that cannot be completed but are to be shown, such as `<uint16>`.
  private(set) var hints: [CompletionAnswer.Item] = []

  init(_ typed: String, limit: Int) {
    self.typed = typed
    self.limit = limit
  }

  /// False: no more are wanted.
  @discardableResult
  mutating func add(_ text: String, _ help: String = "") -> Bool {
    guard text.hasPrefix(typed) else { return true }
    guard items.count < limit else {
      isCut = true
      return false
    }
    if !items.contains(where: { $0.text == text }) { items.append(.init(text, help)) }
    return true
  }

  mutating func hint(_ text: String, _ help: String = "") { hints.append(.init(text, help)) }

  func answer(start: Int, isQuoted: Bool) -> CompletionAnswer {
    var common = items.first?.text ?? typed
    for item in items.dropFirst() { common = String(zip(common, item.text).prefix { $0 == $1 }.map(\.0)) }
    if items.isEmpty || common.count < typed.count { common = typed }
    let isUnique = items.count == 1 && !isCut
    var replacement = common
    if isUnique { replacement = CommandText.quoted(common) } else if isQuoted { replacement = "\"" + common }
    return CompletionAnswer(start: start, replacement: replacement, isUnique: isUnique, items: items + hints, isCut: isCut)
  }
}
