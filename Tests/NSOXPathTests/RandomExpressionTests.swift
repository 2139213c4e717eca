import Dispatch
import Foundation
import NSOModel
import NSOSchema
import NSOXPath
import NSOXPathTestSupport
import TestSupport
import Testing

/// Whatever is asked, an answer or an error comes, in bounded time.
@Suite struct RandomExpressionTests {
  /// Makes expressions that are mostly well-formed.
  struct Maker {
    var random: SeededGenerator

    mutating func pick(_ choices: [String]) -> String { choices.randomElement(using: &random) ?? "" }

    mutating func expression(_ depth: Int) -> String {
      guard depth > 0 else {
        return pick(["1", "0.5", "'a'", "''", ".", "..", "name", "//item", "/top", "current()", "$n", "*", "-3", "'n1'"])
      }
      switch Int.random(in: 0..<12, using: &random) {
      case 0...2: return path(depth)
      case 3:
        return
          "\(expression(depth - 1)) \(pick(["or", "and", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "div", "mod", "|"])) \(expression(depth - 1))"
      case 4: return "-\(expression(depth - 1))"
      case 5: return "(\(expression(depth - 1)))"
      case 6: return "(\(path(depth - 1)))[\(expression(depth - 1))]"
      default: return call(depth)
      }
    }

    mutating func path(_ depth: Int) -> String {
      var text = pick(["", "/", "//", "./", "../", "current()/", "top/", "/top/item/"])
      for step in 0..<Int.random(in: 1...3, using: &random) {
        if step > 0 { text += pick(["/", "/", "//"]) }
        let axis = pick([
          "", "", "", "child::", "parent::", "ancestor::", "ancestor-or-self::", "self::", "descendant::",
          "descendant-or-self::",
          "following-sibling::", "preceding-sibling::", "following::", "preceding::",
        ])
        text += axis + pick(["item", "name", "size", "tag", "sub", "inner", "*", "node()", "text()", "t:item", "t:*", "top"])
        if depth > 0, Int.random(in: 0..<3, using: &random) == 0 { text += "[\(expression(depth - 1))]" }
      }
      return text
    }

    mutating func call(_ depth: Int) -> String {
      let (name, count) =
        [
          ("last", 0), ("position", 0), ("count", 1), ("id", 1), ("local-name", 1), ("namespace-uri", 1), ("name", 1),
          ("string", 1), ("string", 0),
          ("concat", 3), ("starts-with", 2), ("contains", 2), ("substring-before", 2), ("substring-after", 2), ("substring", 3),
          ("substring", 2),
          ("string-length", 1), ("normalize-space", 1), ("translate", 3), ("boolean", 1), ("not", 1), ("true", 0), ("false", 0),
          ("lang", 1),
          ("number", 1), ("number", 0), ("sum", 1), ("floor", 1), ("ceiling", 1), ("round", 1), ("current", 0), ("deref", 1),
          ("re-match", 2),
          ("derived-from", 2), ("derived-from-or-self", 2), ("enum-value", 1), ("bit-is-set", 2),
        ].randomElement(using: &random) ?? ("true", 0)
      let needsNodes = [
        "count", "sum", "name", "local-name", "namespace-uri", "deref", "derived-from", "derived-from-or-self", "enum-value",
        "bit-is-set",
      ]
      var arguments = (0..<count).map { _ in expression(depth - 1) }
      if needsNodes.contains(name) { arguments[0] = path(depth - 1) }
      return "\(name)(\(arguments.joined(separator: ", ")))"
    }
  }

  @Test(arguments: 0..<4) func neverTrapsOrHangs(seed: Int) throws {
    let fixture = try NavigationTests.fixture()
    fixture.evaluator.variables = ["n": .number(2)]
    var maker = Maker(random: SeededGenerator(seed: UInt64(seed)))
    let contexts = try ["/", "/top", "/top/item[1]", "/top/item[1]/sub[2]/b", "/top/last"].map { try fixture.node($0) }
    var evaluated = 0
    for _ in 0..<200 {
      let source = maker.expression(Int.random(in: 1...4, using: &maker.random))
      let limits = XPathLimits(steps: 5_000)
      guard let xpath = try? XPath(source, namespaces: fixture.namespaces, limits: limits) else { continue }
      for context in contexts {
        let unbound: String
        do {
          unbound = try fixture.evaluator.string(xpath, at: context)
          evaluated += 1
        } catch let error as XPathError {
          unbound = "\(error.reason)"
        }
        // Resolved to the schema it gives the same.
        let bound = xpath.bound(to: fixture.schema, at: fixture.tree.schemaNode(of: context), references: LeafrefPaths()).xpath
        let again: String
        do { again = try fixture.evaluator.string(bound, at: context) } catch let error as XPathError {
          again = "\(error.reason)"
        }
        #expect(unbound == again, "\(source)")
        // A boolean found early is that of the whole value.
        if let flag = try? fixture.evaluator.test(xpath, at: context),
          let value = try? fixture.evaluator.evaluate(xpath, at: context)
        {
          switch value {
          case .boolean(let whole): #expect(flag == whole, "\(source)")
          case .number(let number): #expect(flag == !(number == 0 || number.isNaN), "\(source)")
          case .string(let text): #expect(flag == !text.isEmpty, "\(source)")
          case .nodeSet(let items):
            #expect(flag == !items.isEmpty, "\(source)")
            #expect(Set(items).count == items.count, "\(source)")
          }
        }
      }
    }
    #expect(evaluated > 300, "\(evaluated)")
  }

  /// Bytes thrown together: the parser answers.
  @Test(arguments: 0..<4) func parserAnswersAnything(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let pieces = [
      "a", "/", "//", "[", "]", "(", ")", "'", "\"", "::", ":", "*", "-", "+", "=", "!", "<", ">", "|", "@", "$", ".", "..",
      ",", " ", "\n", "1", "0.5",
      "and", "or", "div", "mod", "text()", "child::", "count(", "not(", "current()", "é", "\u{1F600}", "\u{0}", "e\u{301}",
      "re-match(., '", "'[a-z]{2}')",
    ]
    for _ in 0..<5000 {
      let source = (0..<Int.random(in: 0..<14, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      do {
        let xpath = try XPath(source)
        #expect(xpath.source == source)
      } catch {
        #expect(error.offset.map { $0 >= 0 && $0 <= source.utf8.count } ?? true, "\(source): \(error)")
        #expect(!error.description.isEmpty)
      }
    }
  }

  /// The deepest expressions allowed fit on a small stack.
  @Test func deepestFitsOnASmallStack() throws {
    let depth = XPathLimits.standard.depth - 3
    func repeated(_ start: String, _ middle: String, _ end: String) -> String {
      String(repeating: start, count: depth) + middle + String(repeating: end, count: depth)
    }
    let sources = [
      repeated("(", "1", ")"), repeated("not(", "1", ")"), repeated("*[", "1", "]"),
      "1" + String(repeating: " + 1", count: depth),
      "/" + String(repeating: "descendant-or-self::*/", count: depth) + "*", repeated("-(", "1", ")"),
      repeated("string(", "/", ")"),
      repeated("concat('a', ", "'b'", ")"), repeated("count(//*[", "1", "])"),
    ]
    let fixture = try NavigationTests.fixture()
    let expressions = sources.compactMap { try? XPath($0, namespaces: fixture.namespaces, limits: XPathLimits(steps: 20_000)) }
    #expect(expressions.count >= sources.count - 1)
    // The thread alone uses what the test made, while the test waits.
    final class Work: @unchecked Sendable {
      let run: () -> Void
      init(_ run: @escaping () -> Void) { self.run = run }
    }
    let work = Work {
      for xpath in expressions {
        _ = try? fixture.evaluator.string(xpath, at: fixture.tree.root)
        _ = xpath.bound(to: fixture.schema, at: nil, references: LeafrefPaths())
      }
    }
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      work.run()
      done.signal()
    }
    thread.stackSize = 1 << 20
    thread.start()
    done.wait()
  }
}
