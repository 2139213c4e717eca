import NSOSchema
import NSOValidation
import NSOXPath
import NSOXPathTestSupport
import Testing

@Suite struct ConditionBudgetTests {
  @Test func `conditions take from the budget of whoever has them checked`() throws {
    let schema = try ModuleSet([
      "m { list l { key k; leaf k { type uint8; } leaf x { when \"count(/l) > 1\"; type string; default d; } } }"
    ]).schema()
    let entries = (0..<50).map { "<l xmlns='urn:m'><k>\($0)</k></l>" }.joined()
    let tree = AccessibleTree(try MemoryStorage(schema, xml: entries))
    let checker = ConditionChecker(ConstraintIndex(schema), tree)
    tree.isApplicable = { try checker.hold(for: $0, in: $1) }
    let evaluator = XPathEvaluator(tree)
    let found = try XPath("/l/x", namespaces: XPathNamespaces(schema))
    #expect(try evaluator.string(found, at: tree.root) == "d")
    // One condition fits into it, fifty do not.
    let budget = XPathBudget(1000)
    (evaluator.budget, checker.budget) = (budget, budget)
    checker.forget()
    let error = #expect(throws: XPathError.self) { try evaluator.evaluate(found, at: tree.root) }
    #expect(error.map { "\($0)".contains("1000") } == true, "\(error.map { "\($0)" } ?? "")")
    #expect(budget.left <= 0)
  }
}
