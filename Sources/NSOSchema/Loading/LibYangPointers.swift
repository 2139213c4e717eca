internal import CLibYang

// The library's "subclasses" and sized arrays in Swift's terms. The only place where pointers change their type.

typealias CompiledNode = UnsafePointer<lysc_node>
typealias ParsedNode = UnsafePointer<lysp_node>
typealias ParsedModule = UnsafePointer<lysp_module>
typealias LibModule = UnsafePointer<lys_module>

/// The items of a sized array.
func items<Item>(_ array: UnsafePointer<Item>?) -> UnsafeBufferPointer<Item> {
  UnsafeBufferPointer(start: array, count: Int(nso_array_count(array)))
}

func items<Item>(_ array: UnsafeMutablePointer<Item>?) -> UnsafeBufferPointer<Item> {
  UnsafeBufferPointer(start: array, count: Int(nso_array_count(array)))
}

extension UnsafePointer<lysc_node> {
  func cast<Node>(_ type: Node.Type) -> UnsafePointer<Node> { UnsafeRawPointer(self).assumingMemoryBound(to: type) }
  var type: Int32 { Int32(pointee.nodetype) }
  func has(_ flag: Int32) -> Bool { Int32(pointee.flags) & flag != 0 }
  var parsed: ParsedNode? { nso_parsed_node(self) }

  /// The type of a leaf or leaf-list.
  var leafType: UnsafePointer<lysc_type>? {
    switch type {
    case LYS_LEAF: UnsafePointer<lysc_type>(cast(lysc_node_leaf.self).pointee.type)
    case LYS_LEAFLIST: UnsafePointer<lysc_type>(cast(lysc_node_leaflist.self).pointee.type)
    default: nil
    }
  }
}

extension UnsafePointer<lysp_node> {
  func cast<Node>(_ type: Node.Type) -> UnsafePointer<Node> { UnsafeRawPointer(self).assumingMemoryBound(to: type) }

  /// The type statement of a leaf or leaf-list.
  var typeStatement: UnsafePointer<lysp_type>? {
    switch Int32(pointee.nodetype) {
    case LYS_LEAF:
      (UnsafeRawPointer(self) + (MemoryLayout<lysp_node_leaf>.offset(of: \.type) ?? 0)).assumingMemoryBound(to: lysp_type.self)
    case LYS_LEAFLIST:
      (UnsafeRawPointer(self) + (MemoryLayout<lysp_node_leaflist>.offset(of: \.type) ?? 0))
        .assumingMemoryBound(to: lysp_type.self)
    default: nil
    }
  }
}

extension UnsafePointer<lysp_tpdf> {
  /// The type statement inside a `typedef`.
  var typeStatement: UnsafePointer<lysp_type> {
    (UnsafeRawPointer(self) + (MemoryLayout<lysp_tpdf>.offset(of: \.type) ?? 0)).assumingMemoryBound(to: lysp_type.self)
  }
}

extension UnsafePointer<lysc_type> {
  func cast<Kind>(_ type: Kind.Type) -> UnsafePointer<Kind> { UnsafeRawPointer(self).assumingMemoryBound(to: type) }
}

extension UnsafePointer<lysp_module> {
  /// The prefix by which the module or submodule calls itself.
  var ownPrefix: UnsafePointer<CChar>? {
    nso_is_submodule(self) != 0
      ? UnsafeRawPointer(self).assumingMemoryBound(to: lysp_submodule.self).pointee.prefix : pointee.mod?.pointee.prefix
  }

  /// The module itself and its submodules.
  var parts: [ParsedModule] {
    let main = pointee.mod.flatMap { ParsedModule($0.pointee.parsed) } ?? self
    var parts = [main]
    for include in items(main.pointee.includes) {
      if let part = include.submodule { parts.append(UnsafeRawPointer(part).assumingMemoryBound(to: lysp_module.self)) }
    }
    return parts
  }

  /// The module that `prefix` stands for in this module.
  func module(prefix: some StringProtocol) -> LibModule? {
    if let own = ownPrefix, prefix == String(cString: own) { return LibModule(pointee.mod) }
    for entry in items(pointee.imports) {
      if let known = entry.prefix, prefix == String(cString: known) { return LibModule(entry.module) }
    }
    return nil
  }
}

/// Swift strings for the library's interned ones: one copy each, found by address.
final class StringCache {
  private var known: [UnsafePointer<CChar>: String] = [:]

  func string(_ pointer: UnsafePointer<CChar>?) -> String? {
    guard let pointer else { return nil }
    if let text = known[pointer] { return text }
    let text = String(cString: pointer)
    known[pointer] = text
    return text
  }
}
