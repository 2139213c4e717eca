internal import CLibYang

/// Reads extension statements. The compiled schema knows which ones hold at a node (refined and deviated ones too) but has
/// lost what is inside them; that is taken from the parsed statements.
final class ExtensionReader {
  private let context: OpaquePointer
  private let strings: StringCache
  /// Statements that `refine` and `deviation` add, by name and argument; made when first needed.
  private lazy var amendments = collectAmendments()

  private struct Key: Hashable {
    var name: UnsafePointer<CChar>?
    var argument: UnsafePointer<CChar>?
  }

  init(context: OpaquePointer, strings: StringCache) {
    self.context = context
    self.strings = strings
  }

  func read(
    _ compiled: UnsafeMutablePointer<lysc_ext_instance>?, parsed: UnsafeMutablePointer<lysp_ext_instance>?
  ) -> [ExtensionStatement] {
    let instances = items(compiled)
    guard !instances.isEmpty else { return [] }
    let statements = items(parsed)
    var used = Set<Int>()
    return instances.compactMap { instance in
      guard let definition = instance.def, let name = strings.string(definition.pointee.name) else { return nil }
      var source: lysp_ext_instance?
      if let index = statements.indices.first(where: {
        !used.contains($0) && statements[$0].argument == instance.argument
          && statements[$0].def?.pointee.name == definition.pointee.name
      }) {
        used.insert(index)
        source = statements[index]
      } else {
        source = amendments[Key(name: definition.pointee.name, argument: instance.argument)]
      }
      return ExtensionStatement(
        namespace: strings.string(definition.pointee.module?.pointee.ns), name: name,
        argument: strings.string(instance.argument), substatements: source.map { below(UnsafePointer($0.child)) } ?? [])
    }
  }

  private func below(_ first: UnsafePointer<lysp_stmt>?) -> [ExtensionStatement] {
    var statements: [ExtensionStatement] = []
    var next = first
    while let statement = next {
      let keyword = strings.string(statement.pointee.stmt) ?? ""
      var namespace: String?
      var name = keyword
      if let colon = keyword.firstIndex(of: ":") {
        name = String(keyword[keyword.index(after: colon)...])
        if statement.pointee.format == LY_VALUE_SCHEMA, let data = statement.pointee.prefix_data {
          let module = UnsafePointer(data.assumingMemoryBound(to: lysp_module.self))
          namespace = strings.string(module.module(prefix: keyword[..<colon])?.pointee.ns)
        }
      }
      statements.append(
        ExtensionStatement(
          namespace: namespace, name: name, argument: strings.string(statement.pointee.arg),
          substatements: below(UnsafePointer(statement.pointee.child))))
      next = UnsafePointer(statement.pointee.next)
    }
    return statements
  }

  private func collectAmendments() -> [Key: lysp_ext_instance] {
    var found: [Key: lysp_ext_instance] = [:]
    func note(_ array: UnsafeMutablePointer<lysp_ext_instance>?) {
      for statement in items(array) where statement.child != nil {
        found[Key(name: statement.def?.pointee.name, argument: statement.argument)] = statement
      }
    }
    func walk(_ first: ParsedNode?) {
      var next = first
      while let node = next {
        if Int32(node.pointee.nodetype) == LYS_USES {
          let uses = node.cast(lysp_node_uses.self).pointee
          for refine in items(uses.refines) { note(refine.exts) }
          walk(uses.augments.map { UnsafeRawPointer($0).assumingMemoryBound(to: lysp_node.self) })
        }
        walk(lysp_node_child(node))
        walk(lysp_node_groupings(node).map { UnsafeRawPointer($0).assumingMemoryBound(to: lysp_node.self) })
        walk(lysp_node_actions(node).map { UnsafeRawPointer($0).assumingMemoryBound(to: lysp_node.self) })
        walk(lysp_node_notifs(node).map { UnsafeRawPointer($0).assumingMemoryBound(to: lysp_node.self) })
        next = UnsafePointer(node.pointee.next)
      }
    }
    var index: UInt32 = 0
    while let module = ly_ctx_get_module_iter(context, &index) {
      guard let parsed = UnsafePointer(module.pointee.parsed) else { continue }
      for part in parsed.parts {
        for deviation in items(part.pointee.deviations) { note(deviation.exts) }
        walk(UnsafePointer(part.pointee.data))
        walk(part.pointee.groupings.map { UnsafeRawPointer($0).assumingMemoryBound(to: lysp_node.self) })
        walk(part.pointee.augments.map { UnsafeRawPointer($0).assumingMemoryBound(to: lysp_node.self) })
        walk(part.pointee.rpcs.map { UnsafeRawPointer($0).assumingMemoryBound(to: lysp_node.self) })
        walk(part.pointee.notifs.map { UnsafeRawPointer($0).assumingMemoryBound(to: lysp_node.self) })
      }
    }
    return found
  }
}
