import NSOEngine
import NSOModel
import NSOSchema
import NSOWire

/// The current position of a connection, or of a transaction on a connection: where relative paths begin, what a first name
/// without namespace means, and the stack of PUSHD and POPD (protocol part 03, section 6.6; part 04, section 3.4).
struct Position {
  private(set) var location = Location.root
  private var stack: [Location] = []
  /// URI of the namespace that was set.
  private(set) var namespace: String?

  /// PUSHD without bound would let a client take memory for ever.
  private static let stackLimit = 1000

  /// True when absolute paths mean what they say.
  var isPlain: Bool { namespace == nil }

  mutating func change(to location: Location) { self.location = location }

  mutating func push(_ location: Location) throws(NSOError) {
    guard stack.count < Self.stackLimit else {
      throw NSOError(.noStack, "the position stack holds \(Self.stackLimit) places and takes no more; use POPD")
    }
    stack.append(self.location)
    self.location = location
  }

  mutating func pop() throws(NSOError) {
    guard let last = stack.popLast() else { throw NSOError(.noStack, "the position stack is empty: there was no PUSHD") }
    location = last
  }

  mutating func setNamespace(_ argument: NamespaceArgument, _ model: DataModel) throws(NSOError) {
    switch argument {
    case .none: namespace = nil
    case .uri(let uri):
      guard model.schema.module(namespace: uri) != nil else {
        throw NSOError(.noExists, "no loaded module has the namespace \(uri)")
      }
      namespace = uri
    case .hash(let hash):
      guard let module = model.schema.modules.first(where: { NameHash.hash($0.namespace) == hash }) else {
        throw NSOError(.noExists, "no loaded module has a namespace with the hash \(hash)")
      }
      namespace = module.namespace
    }
  }

  /// A resolver for the paths of one request.
  func resolver(_ model: DataModel, isRelative: Bool) -> WirePathResolver {
    var resolver = WirePathResolver(model)
    if isRelative { resolver.base = location }
    resolver.namespace = namespace
    return resolver
  }
}
