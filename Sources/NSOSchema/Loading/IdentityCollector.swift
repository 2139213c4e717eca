internal import CLibYang
internal import NSOModel

/// All identities and how they derive from one another.
struct IdentityCollector {
  private(set) var all: [Identity] = []
  private var byPointer: [UnsafePointer<lysc_ident>: Int] = [:]

  init(_ builder: SchemaBuilder) {
    let strings = builder.strings
    var pointers: [UnsafePointer<lysc_ident>] = []
    var bases: [UnsafePointer<lysc_ident>: [UnsafePointer<lysc_ident>]] = [:]
    for module in builder.libModules {
      let list = items(module.pointee.identities)
      for index in list.indices {
        guard let base = list.baseAddress.map({ $0 + index }) else { continue }
        pointers.append(base)
        for derived in items(base.pointee.derived) {
          if let derived { bases[UnsafePointer(derived), default: []].append(base) }
        }
      }
    }
    func name(_ pointer: UnsafePointer<lysc_ident>) -> QName {
      QName(
        namespace: strings.string(pointer.pointee.module?.pointee.ns) ?? "", name: strings.string(pointer.pointee.name) ?? "")
    }
    for pointer in pointers {
      var ancestors = Set<QName>()
      var open = bases[pointer] ?? []
      while let base = open.popLast() {
        if ancestors.insert(name(base)).inserted { open += bases[base] ?? [] }
      }
      guard let module = pointer.pointee.module else { continue }
      let qname = name(pointer)
      byPointer[pointer] = all.count
      all.append(
        Identity(
          name: qname, module: builder.moduleIDs[UnsafePointer(module)] ?? ModuleID(0),
          modulePrefix: strings.string(module.pointee.prefix) ?? "", moduleName: strings.string(module.pointee.name) ?? "",
          hash: IdentityHash(qname), ancestors: ancestors))
    }
  }

  /// What an identityref with these bases may hold.
  func rules(bases: [UnsafePointer<lysc_ident>]) -> IdentityRules {
    let names = bases.compactMap { byPointer[$0].map { all[$0].name } }
    return IdentityRules(bases: names, allowed: all.filter { identity in names.allSatisfy(identity.ancestors.contains) })
  }
}
