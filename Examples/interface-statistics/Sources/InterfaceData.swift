import NSOClient
import NSOModel
import NSOWire
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Serves the statistics of ietf-interfaces: those of configured interfaces, and the list of all that the host has.
final class InterfaceData: OperationalData {
  private struct State {
    /// What the counters were when they were last reset.
    var base: [String: Counters] = [:]
    var resets: [String: Int64] = [:]
    let start: Int64
  }

  private let state = Mutex(State(start: Int64(time(nil))))

  /// The list comes with its values: one request for a hundred interfaces. Whoever looks for some of them gets no others.
  var offers: OperationalOffers { [.objects, .filters] }

  static let module = "urn:swift-nso:interface-statistics"

  // MARK: What is asked

  func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? {
    guard let (name, leaf) = Self.split(path), let counters = try current()[name] else { return nil }
    return leafs(of: name, counters).first { $0.name == leaf }?.value
  }

  func object(at path: Keypath, _ call: ProviderCall) async throws -> [TaggedValue]? {
    guard let name = Self.key(of: path), let counters = try current()[name] else { return nil }
    if case .keys? = path.elements.last { return entry(name, counters).values }
    return statistics(of: name, counters)
  }

  func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry] {
    let all = try current()
    var names = all.keys.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    if case .string(let key)? = place.keys.first {
      names.removeAll { Array($0.utf8).lexicographicallyPrecedes(Array(key.utf8)) || ($0 == key && !place.includesSame) }
    }
    return names.prefix(limit).compactMap { name in all[name].map { entry(name, $0) } }
  }

  func page(_ query: ListQuery, _ call: ProviderCall) async throws -> ListPage {
    let all = try await entries(of: query.list, from: query.place, limit: .max, call)
    return ListPage(Array(all.filter(query.mayWant).prefix(query.limit)))
  }

  // MARK: Counting

  /// From now on the counters of an interface, or of all, begin at zero.
  /// - Returns: how many interfaces were reset, and when.
  func reset(_ name: String?) throws -> (count: Int, time: DateTime) {
    let all = try HostCounters.read()
    let now = Int64(time(nil))
    let chosen = all.filter { name == nil || $0.key == name }
    if let name, chosen.isEmpty { throw CallbackError(.dataMissing, "this host has no interface \(name)") }
    state.withLock { state in
      for (name, counters) in chosen {
        state.base[name] = counters
        state.resets[name] = now
      }
    }
    return (chosen.count, DateTime(seconds: now))
  }

  private func current() throws -> [String: Counters] {
    // In this order: a reset that comes between the two would else be ahead of the counters.
    let base = state.withLock { $0.base }
    let all = try HostCounters.read()
    return all.reduce(into: [:]) { result, item in result[item.key] = item.value.since(base[item.key] ?? Counters()) }
  }

  // MARK: Values

  private struct Leaf {
    var name: String
    var value: Value
  }

  private func leafs(of name: String, _ counters: Counters) -> [Leaf] {
    let since = state.withLock { $0.resets[name] ?? $0.start }
    return [
      Leaf(name: "name", value: .string(name)),
      Leaf(name: "type", value: .identityref(IdentityHash(QName(namespace: Self.module, name: "host-interface")))),
      // up(1) while something was received or sent.
      Leaf(name: "oper-status", value: .enumeration(counters.received.packets > 0 || counters.sent.packets > 0 ? 1 : 4)),
      Leaf(name: "discontinuity-time", value: .dateTime(DateTime(seconds: since))),
      Leaf(name: "in-octets", value: .uint64(counters.received.octets)),
      Leaf(name: "in-unicast-pkts", value: .uint64(counters.received.packets &- counters.multicast)),
      Leaf(name: "in-multicast-pkts", value: .uint64(counters.multicast)),
      Leaf(name: "in-discards", value: .uint32(UInt32(truncatingIfNeeded: counters.received.discards))),
      Leaf(name: "in-errors", value: .uint32(UInt32(truncatingIfNeeded: counters.received.errors))),
      Leaf(name: "out-octets", value: .uint64(counters.sent.octets)),
      Leaf(name: "out-unicast-pkts", value: .uint64(counters.sent.packets)),
      Leaf(name: "out-discards", value: .uint32(UInt32(truncatingIfNeeded: counters.sent.discards))),
      Leaf(name: "out-errors", value: .uint32(UInt32(truncatingIfNeeded: counters.sent.errors))),
    ]
  }

  private func statistics(of name: String, _ counters: Counters) -> [TaggedValue] {
    leafs(of: name, counters).dropFirst(3).map { TaggedValue(Tag($0.name), $0.value) }
  }

  private func entry(_ name: String, _ counters: Counters) -> ListEntry {
    let head = leafs(of: name, counters).prefix(3).map { TaggedValue(Tag($0.name), $0.value) }
    let inner = [TaggedValue("statistics", .start)] + statistics(of: name, counters) + [TaggedValue("statistics", .stop)]
    return ListEntry([.string(name)], head + inner)
  }

  // MARK: Paths

  private static func key(of path: Keypath) -> String? {
    for case .keys(let keys) in path.elements { if case .string(let name)? = keys.first { return name } }
    return nil
  }

  private static func split(_ path: Keypath) -> (name: String, leaf: String)? {
    guard let name = key(of: path), case .tag(let leaf)? = path.elements.last else { return nil }
    return (name, leaf.name)
  }
}

extension DateTime {
  /// UTC.
  init(seconds: Int64) { self.init(microsecondsSince1970: seconds * 1_000_000) }
}
