import NSOModel
import NSOSchema
import NSOXPath
import NSOXPathTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// The expressions of published models compile, resolve, and have few slips.
@Suite struct RealModelTests {
  @Test func ietf() throws {
    let names = [
      "ietf-interfaces", "ietf-ip", "ietf-routing", "ietf-ipv4-unicast-routing", "ietf-ipv6-unicast-routing", "ietf-system",
      "ietf-hardware",
      "ietf-alarms", "ietf-access-control-list", "ietf-netconf-acm", "iana-if-type", "ietf-l3vpn-svc", "ietf-nat", "ietf-snmp",
    ]
    let directory = ModuleSet.standardModules
    let schema = try SchemaLoader(files: names.map { "\(directory)/\($0).yang" }, searchPath: [directory]).load()
    let index = ConstraintIndex(schema)
    #expect(index.errors.isEmpty, "\(index.errors)")
    #expect(index.constraints.count > 100)
    print("ietf: \(schema.nodes.count) nodes, \(index.constraints.count) constraints, warnings \(index.warnings)")
  }

  @Test(.enabled(if: ModuleSet.openConfig != nil)) func openConfig() throws {
    let directory = try #require(ModuleSet.openConfig)
    let schema = try SchemaLoader(loadPath: ModuleSet.directories(below: directory), searchPath: [ModuleSet.standardModules])
      .load()
    let clock = ContinuousClock()
    var made: ConstraintIndex?
    let time = clock.measure { made = ConstraintIndex(schema) }
    let index = try #require(made)
    #expect(index.errors.isEmpty, "\(index.errors)")
    print(
      "openconfig: \(schema.nodes.count) nodes, \(index.constraints.count) constraints, \(index.triggerCount) triggers, \(time), warnings \(index.warnings.count)"
    )
    for warning in index.warnings.prefix(40) { print("  \(warning)") }
    for constraint in index.unboundedConstraints.prefix(10) { print("  unbounded \(schema.path(of: constraint.node))") }
  }
}
