internal import CLibYang

/// Follows the names in type statements to the named types they mean; the compiled schema has lost these names.
struct TypedefResolver {
  let strings: StringCache

  /// A named type on the way from a type statement to a built-in type.
  struct Step {
    var definition: UnsafePointer<lysp_tpdf>
    var module: LibModule
    /// False for a type defined inside a node or grouping, whose name means nothing elsewhere.
    var isTopLevel: Bool
  }

  struct Chain {
    /// From the statement towards the built-in type.
    var steps: [Step] = []
    /// The last type statement, that of the built-in type, and where its names are looked up.
    var base: UnsafePointer<lysp_type>
    var scope: ParsedNode?
  }

  /// - Parameter scope: the node that holds the statement, for types defined in the nodes around it.
  func chain(_ type: UnsafePointer<lysp_type>, scope: ParsedNode?) -> Chain {
    var chain = Chain(base: type, scope: scope)
    while let (step, scope) = definition(of: chain.base, scope: chain.scope) {
      chain.steps.append(step)
      chain.base = step.definition.typeStatement
      chain.scope = scope
    }
    return chain
  }

  private func definition(of type: UnsafePointer<lysp_type>, scope: ParsedNode?) -> (Step, ParsedNode?)? {
    guard let name = strings.string(type.pointee.name), let module = type.pointee.pmod else { return nil }
    if let colon = name.firstIndex(of: ":") {
      let prefix = name[..<colon]
      let local = String(name[name.index(after: colon)...])
      guard let target = module.module(prefix: prefix) else { return nil }
      if target == UnsafePointer(module.pointee.mod) { return find(local, in: module, scope: scope) }
      guard let parsed = UnsafePointer(target.pointee.parsed) else { return nil }
      return find(local, in: parsed, scope: nil)
    }
    return find(name, in: module, scope: scope)
  }

  private func find(_ name: String, in module: ParsedModule, scope: ParsedNode?) -> (Step, ParsedNode?)? {
    guard let main = UnsafePointer(module.pointee.mod) else { return nil }
    var node = scope
    while let holder = node {
      if let found = find(name, among: lysp_node_typedefs(holder)) {
        return (Step(definition: found, module: main, isTopLevel: false), holder)
      }
      node = UnsafePointer(holder.pointee.parent)
    }
    for part in [module] + module.parts {
      if let found = find(name, among: UnsafePointer(part.pointee.typedefs)) {
        return (Step(definition: found, module: main, isTopLevel: true), nil)
      }
    }
    return nil
  }

  private func find(_ name: String, among list: UnsafePointer<lysp_tpdf>?) -> UnsafePointer<lysp_tpdf>? {
    let list = items(list)
    guard let index = list.indices.first(where: { strings.string(list[$0].name) == name }) else { return nil }
    return list.baseAddress.map { $0 + index }
  }
}
