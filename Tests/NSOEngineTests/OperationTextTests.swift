import NSOModel
import NSOSchema
import Testing

@testable import NSOEngine

private let textModule = """
  module t {
    yang-version 1.1;
    namespace "urn:t";
    prefix t;
    rpc work {
      input {
        leaf delay { type uint16; }
        leaf reason { type string; }
        leaf quiet { type empty; }
        leaf-list tag { type string; }
        container opts { leaf mode { type enumeration { enum fast; enum slow; } } container deep { leaf x { type string; } } }
        list step { key "id kind"; leaf id { type uint8; } leaf kind { type string; } leaf text { type string; } }
      }
      output {
        leaf result { type string; }
        leaf done { type empty; }
        leaf-list tag { type string; }
        container sum { leaf count { type uint8; } }
        list line { key n; leaf n { type string; } leaf text { type string; } }
        list row { leaf text { type string; } }
      }
    }
  }
  """

@Suite struct OperationTextTests {
  private func instance(_ test: TestEngine) throws -> OperationInstance {
    try test.engine.model.locateAction(test.engine.model.schema.parsePath("/t:work").keypath)
  }

  private func parameters(_ test: TestEngine, _ text: String) throws -> String {
    try OperationText.parameters(text, of: instance(test), test.engine.model).map { pair in
      switch pair.content {
      case .start: "<\(pair.tag.name)"
      case .stop: "\(pair.tag.name)>"
      case .leaf: pair.tag.name
      case .value(.enumeration(let number)): "\(pair.tag.name)=\(number)"
      case .value(let value): "\(pair.tag.name)=\(value.plainText)"
      default: "?"
      }
    }.joined(separator: " ")
  }

  @Test func `parameters are read by the schema`() throws {
    let test = try TestEngine(module: textModule)
    defer { test.close() }
    let cases: [(String, String)] = [
      ("", ""),
      ("delay 5", "delay=5"),
      ("  quiet   delay 5 ", "quiet delay=5"),
      (#"reason "two words" delay 1"#, "reason=two words delay=1"),
      (#"reason "a \"b\" \\ \n\101\x""#, "reason=a \"b\" \\ \nA\\x"),
      (#"reason """#, "reason="),
      ("reason quiet quiet", "reason=quiet quiet"),
      (#"reason two\ words"#, "reason=two words"),
      ("opts { mode fast }", "<opts mode=0 opts>"),
      ("opts { mode slow; deep { x 1; } }", "<opts mode=1 <deep x=1 deep> opts>"),
      ("opts {}", "<opts opts>"),
      // What is entered without a brace ends where a name is not its own.
      ("opts deep x 1 mode fast delay 7", "<opts <deep x=1 deep> mode=0 opts> delay=7"),
      ("step 1 a { text x } step 2 b text y delay 3", "<step id=1 kind=a text=x step> <step id=2 kind=b text=y step> delay=3"),
      ("t:delay 5 t:opts { t:mode fast }", "delay=5 <opts mode=0 opts>"),
    ]
    for (text, expected) in cases { #expect(try parameters(test, text) == expected, "\(text)") }
    let pairs = try OperationText.parameters(#"tag [ a "b c" ] tag d"#, of: instance(test), test.engine.model)
    #expect(pairs.map(\.content) == [.value(.list([.string("a"), .string("b c")])), .value(.string("d"))])
  }

  @Test func `what does not fit is refused with its word`() throws {
    let test = try TestEngine(module: textModule)
    defer { test.close() }
    let cases: [(String, ErrorCode, String)] = [
      ("delay", .badPath, "the value of delay is missing"), ("delay x", .badType, "delay"), ("delya 5", .badPath, "\"delya\""),
      ("result x", .badPath, "\"result\""), ("step 1", .badPath, "key kind"), ("step x a", .badType, "key id"),
      ("tag [ a", .badPath, "] is missing"), ("opts { mode fast", .badPath, "} is missing"), ("}", .badPath, "\"}\""),
      ("delay [ 5 ]", .badPath, "\"[\""), (#"reason "x"#, .badType, "not closed"), ("quiet { }", .badPath, "\"{\""),
      ("del 5", .badPath, "\"del\""), ("x:delay 5", .badPath, "x:delay"),
    ]
    for (text, code, words) in cases {
      let error = #expect(throws: NSOError.self) { try parameters(test, text) }
      #expect(error?.code == code && error?.message.contains(words) == true, "\(text): \(String(describing: error))")
    }
  }

  @Test func `the output is printed with braces and quotes`() throws {
    let test = try TestEngine(module: textModule)
    defer { test.close() }
    let output: [TaggedValue] = [
      TaggedValue("result", .string("two words")), TaggedValue("done", .leaf),
      TaggedValue("tag", .list([.string("a"), .string("b;c")])), TaggedValue("sum", .start),
      TaggedValue("count", .uint8(3)), TaggedValue("sum", .stop), TaggedValue("line", .start),
      TaggedValue("n", .string("one")), TaggedValue("text", .string("x")), TaggedValue("line", .stop),
      TaggedValue("row", .start), TaggedValue("text", .string("")), TaggedValue("row", .stop),
    ]
    #expect(
      try OperationText.text(output, of: instance(test), test.engine.model) == """
        result "two words"
        done
        tag [ a "b;c" ]
        sum {
            count 3
        }
        line one {
            text x
        }
        row {
            text ""
        }

        """)
  }

  @Test func `no text makes the reader trap`() throws {
    let test = try TestEngine(module: textModule)
    defer { test.close() }
    var random = SystemRandomNumberGenerator()
    let pieces = ["delay", "5", "opts", "{", "}", "[", "]", ";", "\"", "\\", "step", "1", "a", "tag", "quiet", "|", "é"]
    for _ in 0..<3000 {
      let text = (0..<Int.random(in: 0..<9, using: &random)).map { _ in
        pieces.randomElement(using: &random) ?? ""
      }.joined(separator: Bool.random(using: &random) ? " " : "")
      _ = try? parameters(test, text)
    }
  }
}
