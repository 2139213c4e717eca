internal import CLibYang

/// One `PrefixMap` for all expressions whose prefixes mean the same.
final class PrefixMapCache {
  private struct Key: Hashable {
    var namespaces: [String: String]
    var defaultNamespace: String
  }

  private let strings: StringCache
  private var known: [Key: PrefixMap] = [:]

  init(strings: StringCache) { self.strings = strings }

  /// - Parameter defaultNamespace: of the node that has the expression: names without prefix are meant there, also when a
  ///   grouping of another module brought the expression (RFC 7950, section 6.4.1).
  func map(_ prefixes: UnsafeMutablePointer<lysc_prefix>?, defaultNamespace: String) -> PrefixMap {
    var namespaces: [String: String] = [:]
    for entry in items(prefixes) {
      guard let prefix = entry.prefix.map({ String(cString: $0) }) else { continue }
      if let namespace = strings.string(entry.mod?.pointee.ns) { namespaces[prefix] = namespace }
    }
    let key = Key(namespaces: namespaces, defaultNamespace: defaultNamespace)
    if let map = known[key] { return map }
    let made = PrefixMap(namespaces: namespaces, defaultNamespace: defaultNamespace)
    known[key] = made
    return made
  }
}
