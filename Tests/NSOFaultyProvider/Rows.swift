import NSOClient
import NSOModel
import NSOWire

/// Operational rows `1...count`, each with its square, made when they are asked for.
struct Rows: OperationalData {
  let count: UInt32
  let offers: OperationalOffers

  func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
    guard let id = id(in: path) else { return nil }
    return path.elements.last == .tag("square") ? .uint64(UInt64(id) * UInt64(id)) : .uint32(id)
  }

  func object(at path: Keypath, _ call: ProviderCall) async throws -> [TaggedValue]? { id(in: path).map { entry($0).values } }

  func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry] {
    var first: UInt32 = 1
    if case .uint32(let id)? = place.keys.first { first = place.includesSame ? max(1, id) : id &+ 1 }
    guard first >= 1, first <= count else { return [] }
    return (first...min(count, first &+ UInt32(limit) - 1)).map(entry)
  }

  func count(of list: Keypath, _ call: ProviderCall) async throws -> Int { Int(count) }

  private func id(in path: Keypath) -> UInt32? {
    for case .keys(let keys) in path.elements {
      if case .uint32(let id)? = keys.first, id > 0, id <= count { return id }
    }
    return nil
  }

  private func entry(_ id: UInt32) -> ListEntry {
    guard offers.contains(.objects) else { return ListEntry([.uint32(id)]) }
    return ListEntry([.uint32(id)], [TaggedValue("id", .uint32(id)), TaggedValue("square", .uint64(UInt64(id) * UInt64(id)))])
  }
}

/// Data whose callbacks are steps in which something may go wrong, by the names of the protocol.
struct Faulty<Base: DataCallbackHandler>: DataCallbackHandler {
  let base: Base
  let faults: Faults

  var callbacks: DataCallbacks { base.callbacks }

  func perform(_ request: CallbackCall, _ call: ProviderCall) async throws -> CallbackResult {
    if let name = request.type?.name { try await faults.reach(name) }
    return try await base.perform(request, call)
  }
}
