internal import NSOModel

/// The path of a leafref (RFC 7950, section 9.9.2), as far as the schema is concerned: predicates choose instances and are
/// left out.
struct LeafrefPath {
  var isAbsolute: Bool
  /// Steps `..` at the beginning.
  var upward: Int
  /// Prefix and name of each step down.
  var steps: [(prefix: String?, name: String)]

  /// Nil for what is not of this form (`deref()`).
  init?(_ text: String) {
    var plain = ""
    var depth = 0
    var quote: Character?
    for character in text {
      if let open = quote {
        if character == open { quote = nil }
        continue
      }
      switch character {
      case "\"", "'": quote = character
      case "[": depth += 1
      case "]": depth -= 1
      case " ", "\t", "\n", "\r": break
      default: if depth == 0 { plain.append(character) }
      }
    }
    if plain.hasPrefix("current()/") { plain = String(plain.dropFirst(10)) }
    isAbsolute = plain.hasPrefix("/")
    upward = 0
    steps = []
    for step in plain.split(separator: "/") {
      switch step {
      case ".": continue
      case "..":
        guard steps.isEmpty else { return nil }
        upward += 1
      default:
        guard !step.contains("(") else { return nil }
        let parts = step.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        steps.append(parts.count == 2 ? (String(parts[0]), String(parts[1])) : (nil, String(step)))
      }
    }
  }

  /// The node that the path leads to from the leaf `start`.
  func resolve(from start: NodeID, prefixes: PrefixMap, in types: TypeBuilder) -> NodeID? {
    let output = types.isOutput(start)
    var position: NodeID? = isAbsolute ? nil : start
    for _ in 0..<upward {
      guard let place = position else { return nil }
      position = types.parent(of: place)
    }
    for step in steps {
      guard let namespace = prefixes.namespace(of: step.prefix),
        let next = types.child(
          of: position, namespace: namespace, name: step.name, output: output)
      else { return nil }
      position = next
    }
    return position == start ? nil : position
  }
}
