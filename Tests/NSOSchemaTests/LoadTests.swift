import NSOModel
import NSOSchema
import Testing

@Suite struct LoadTests {
  @Test func allOpenConfigModulesLoadTogether() throws {
    let schema = try ModelDirectories.loader(loadPath: [ModelDirectories.openConfig]).load()
    let own = schema.modules.filter { $0.name.hasPrefix("openconfig-") && $0.isImplemented }
    #expect(own.count == 176)
    #expect(schema.nodes.count > 14_000)
  }
}
