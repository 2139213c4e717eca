import NSOModel
import NSOSchema
import NSOStore
import TestSupport
import Testing

@testable import NSOEngine

/// Random rules: walks show what single reads admit, and both show what a simple reading of the rules says.
@Suite("Access rules, random")
struct AccessPropertyTests {
  /// A step of a path: the name, and the key where it is an entry.
  private struct Step: Hashable {
    var name: String
    var key: String?
  }

  private struct Rule {
    var path: [Step]
    var isBelowOnly: Bool
    var isPermit: Bool

    func matches(_ place: [Step]) -> Bool {
      guard place.count >= path.count + (isBelowOnly ? 1 : 0) else { return false }
      return zip(path, place).allSatisfy { $0.name == $1.name && ($0.key == nil || $0.key == $1.key) }
    }
  }

  private static let keyNames = ["server": "name", "alias": "id", "rule": "id"]
  /// What entries, and presence containers, are.
  private static let anchors: Set<String> = ["server", "alias", "rule", "opt"]

  private static func permits(_ place: [Step], _ rules: [Rule], _ isPermittedByDefault: Bool) -> Bool {
    if let rule = rules.first(where: { $0.matches(place) }) { return rule.isPermit }
    return place.last?.name == "secret" ? false : isPermittedByDefault
  }

  private static func isSeen(_ place: [Step], _ rules: [Rule], _ isPermittedByDefault: Bool) -> Bool {
    place.indices.allSatisfy { index in
      let part = Array(place[...index])
      guard index == place.count - 1 || anchors.contains(place[index].name) else { return true }
      // Keys are seen with their entries.
      let isKey = index > 0 && place[index - 1].key != nil && keyNames[place[index - 1].name] == place[index].name
      return permits(isKey ? Array(part.dropLast()) : part, rules, isPermittedByDefault)
    }
  }

  private static func steps(_ path: Keypath) -> [Step] {
    var steps: [Step] = []
    for element in path.elements {
      switch element {
      case .tag(let tag): steps.append(Step(name: tag.name))
      case .keys(let keys): if !steps.isEmpty { steps[steps.count - 1].key = keys.map(\.plainText).joined(separator: " ") }
      case .position: break
      }
    }
    return steps
  }

  @Test func walksShowWhatSingleReadsAdmit() async throws {
    let test = try await AccessEngine()
    defer { test.test.close() }
    var random = SeededGenerator(seed: 8341)
    let paths: [[Step]] = [
      [Step(name: "top")], [Step(name: "top"), Step(name: "name")], [Step(name: "top"), Step(name: "secret")],
      [Step(name: "top"), Step(name: "tags")], [Step(name: "top"), Step(name: "opt")],
      [Step(name: "top"), Step(name: "opt"), Step(name: "inner")], [Step(name: "top"), Step(name: "server")],
      [Step(name: "top"), Step(name: "server"), Step(name: "port")],
      [Step(name: "top"), Step(name: "server"), Step(name: "note")],
      [Step(name: "top"), Step(name: "server"), Step(name: "alias")],
      [Step(name: "top"), Step(name: "server"), Step(name: "alias"), Step(name: "text")],
      [Step(name: "top"), Step(name: "rule")],
      [Step(name: "top"), Step(name: "rule"), Step(name: "act")],
    ]
    let keys = ["server": ["a", "b", "c", "none"], "alias": ["i", "j"], "rule": ["z", "y"]]
    let whole = try test.test.start().view()
    let all = try whole.nodes(XPathQuery("/a:top//*[not(*)]"))
    for round in 0..<40 {
      let isPermittedByDefault = Bool.random(using: &random)
      let rules = (0..<Int.random(in: 1...5, using: &random)).map { _ -> Rule in
        var path = paths.randomElement(using: &random) ?? []
        for index in path.indices where Bool.random(using: &random) {
          path[index].key = keys[path[index].name]?.randomElement(using: &random)
        }
        return Rule(path: path, isBelowOnly: Int.random(in: 0..<5, using: &random) == 0, isPermit: Bool.random(using: &random))
      }
      let text = rules.enumerated().map { index, rule in
        let path = rule.path.map { step in
          "/\(step.name)" + (step.key.map { "[\(Self.keyNames[step.name] ?? "")='\($0)']" } ?? "")
        }
        return AccessEngine.rule(
          "r\(index)", rule.isPermit ? "permit" : "deny", path.joined() + (rule.isBelowOnly ? "/*" : ""), "read")
      }
      try await test.list(text.joined(), and: "<read-default>\(isPermittedByDefault ? "permit" : "deny")</read-default>")
      let view = try test.start(test.user(), .read).view()
      let walked = Set(try view.nodes(XPathQuery("/a:top//*")).map { Self.steps($0.path) })
      let saved = try test.save(view)
      for match in all where match.value != nil {
        let place = Self.steps(match.path)
        let isSeen = Self.isSeen(place, rules, isPermittedByDefault)
        let isLeafList = place.last?.name == "tags"
        #expect(walked.contains(place) == isSeen, "round \(round), walk: \(place), \(text)")
        if !isLeafList {
          let location = try test.engine.model.locate(match.path)
          let isRead = (try? view.value(location)) == .some(match.value)
          #expect(isRead == isSeen, "round \(round), read: \(place), \(text)")
        }
        if let last = place.last, ["port", "text", "act"].contains(last.name), let value = match.value {
          let isSaved = saved.contains("<\(last.name)>\(value.plainText)</\(last.name)>")
          #expect(
            isSaved == isSeen || all.count { $0.value == value && Self.steps($0.path).last == last } > 1,
            "round \(round), saved: \(place), \(text)")
        }
      }
      test.engine.sessions.all.filter { !$0.isSystem }.forEach { test.engine.sessions.end($0) }
    }
  }
}
