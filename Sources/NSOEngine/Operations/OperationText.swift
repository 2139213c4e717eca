public import NSOModel
import NSOSchema

/// Input and output of actions and rpcs as text: `delay 5 opts { mode fast } tag [ a b ]`, and lines of name and value
/// (protocol part 04, REQUEST_ACTION_STR_TH).
public enum OperationText {
  /// A reader of the parameters of an action.
  public static func reader(_ instance: OperationInstance, _ model: DataModel) -> StatementReader {
    StatementReader(model.schema, below: instance.node) { $0.flags.contains(.input) }
  }

  /// The input that a text gives.
  /// - Throws: BADPATH and BADTYPE for what does not fit the schema, naming the word at fault.
  public static func parameters(
    _ text: String, of instance: OperationInstance, _ model: DataModel
  ) throws(NSOError) -> [TaggedValue] {
    do throws(NSOError) {
      var builder = Builder(reader(instance, model))
      var words = TextWords(text)
      while let word = try words.next() { try builder.feed(word) }
      return try builder.finish()
    } catch {
      throw NSOError(error.code, "\(instance.text(model)): \(error.message)", appTag: error.appTag)
    }
  }

  /// Makes the input of an action of words, one after the other.
  public struct Builder: Sendable {
    public private(set) var reader: StatementReader
    private var pairs: [TaggedValue] = []
    private var open: [Tag] = []

    public init(_ reader: StatementReader) { self.reader = reader }

    public mutating func feed(_ word: TextWord) throws(NSOError) {
      var reader = reader
      var statements: [StatementReader.Statement] = []
      try reader.feed(word) { statements.append($0) }
      self.reader = reader
      for statement in statements { try add(statement) }
    }

    public mutating func finish() throws(NSOError) -> [TaggedValue] {
      var reader = reader
      var statements: [StatementReader.Statement] = []
      try reader.finish { statements.append($0) }
      for statement in statements { try add(statement) }
      return pairs
    }

    private mutating func add(_ statement: StatementReader.Statement) throws(NSOError) {
      let schema = reader.schema
      switch statement {
      case .open(let id, let keys):
        let tag = Tag(schema[id].name)
        open.append(tag)
        pairs.append(TaggedValue(tag, .start))
        for (key, value) in zip(schema[id].keys, keys) { pairs.append(TaggedValue(Tag(schema[key].name), .value(value))) }
      case .close: if let tag = open.popLast() { pairs.append(TaggedValue(tag, .stop)) }
      case .empty(let id): pairs.append(TaggedValue(Tag(schema[id].name), .leaf))
      case .value(let id, let text):
        pairs.append(TaggedValue(Tag(schema[id].name), .value(try value(text, id))))
      case .values(let id, let texts):
        var values: [Value] = []
        for text in texts { values.append(try value(text, id)) }
        pairs.append(TaggedValue(Tag(schema[id].name), .value(.list(values))))
      }
    }

    private func value(_ text: String, _ id: NodeID) throws(NSOError) -> Value {
      do throws(ValueError) {
        return try reader.schema.parse(text, at: reader.schema[id])
      } catch {
        throw error.nsoError(at: reader.schema[id].name.name)
      }
    }
  }

  /// The output of an action, a line for each leaf; containers and entries in braces.
  public static func text(_ pairs: [TaggedValue], of instance: OperationInstance, _ model: DataModel) -> String {
    var printer = Printer(schema: model.schema, open: [instance.node])
    for index in pairs.indices { printer.add(pairs, index) }
    return printer.text
  }

  private struct Printer {
    let schema: Schema
    var open: [NodeID?]
    var text = ""
    /// Keys of the entry that was opened last which have still to come.
    private var keysLeft = 0

    init(schema: Schema, open: [NodeID?]) {
      self.schema = schema
      self.open = open
    }

    mutating func add(_ pairs: [TaggedValue], _ index: Int) {
      let pair = pairs[index]
      let parent = open.last ?? nil
      let direction: Schema.Direction? = open.count == 1 ? .output : nil
      let id = parent.flatMap { schema.child(of: $0, pair.tag, direction: direction) }
      switch pair.content {
      case .start:
        open.append(id)
        indent(-1)
        text += pair.tag.name
        keysLeft = id.map { schema[$0].keys.count } ?? 0
        if keysLeft == 0 { text += " {\n" }
      case .stop:
        if open.count > 1 { open.removeLast() }
        indent(0)
        text += "}\n"
      case .leaf:
        indent(0)
        text += "\(pair.tag.name)\n"
      case .value(let value) where keysLeft > 0:
        keysLeft -= 1
        text += " " + shown(value, id)
        if keysLeft == 0 { text += " {\n" }
      case .value(.list(let values)):
        indent(0)
        text += "\(pair.tag.name) [ \(values.map { shown($0, id) + " " }.joined())]\n"
      case .value(let value):
        indent(0)
        text += "\(pair.tag.name) \(shown(value, id))\n"
      case .startAt, .delete, .movedFirst, .movedAfter: break
      }
    }

    private mutating func indent(_ offset: Int) {
      text += String(repeating: "    ", count: max(0, open.count - 1 + offset))
    }

    private func shown(_ value: Value, _ id: NodeID?) -> String {
      let type = id.flatMap { schema[$0].type }
      return CommandText.quoted(type.flatMap { schema.text(of: value, as: $0) } ?? value.plainText)
    }
  }
}
