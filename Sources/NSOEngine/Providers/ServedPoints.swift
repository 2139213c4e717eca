import NSOModel
import NSOStore
import NSOWire

/// Who serves which point of the data model. A point has one who serves it, or several, each with a range of the keys of one list
/// (protocol part 05, section 4.6). Finding who serves an entry does not build keys for each range.
struct ServedPoints {
  typealias Served = ProviderRegistry.Served

  private struct Point: Hashable {
    var kind: RegistrationKind
    var name: String
  }

  /// The ends of a range in the form that compares like the keys; empty: for keys in no other range.
  private struct Ends: Hashable {
    var lower: [UInt8] = []
    var upper: [UInt8] = []

    init(_ range: RangeRegistration?) {
      guard let range else { return }
      lower = ValueOrder.encoded(range.lower)
      upper = ValueOrder.encoded(range.upper)
    }
  }

  private struct Entry {
    var served: Served
    var ends: Ends

    var isForTheRest: Bool { served.range.map { $0.lower.isEmpty && $0.upper.isEmpty } ?? true }

    /// - Parameter keys: the first keys of an entry, encoded, for each number of keys.
    func contains(_ keys: [[UInt8]]) -> Bool {
      guard let range = served.range, let last = keys.last else { return false }
      let low = keys.indices.contains(range.lower.count) ? keys[range.lower.count] : last
      let high = keys.indices.contains(range.upper.count) ? keys[range.upper.count] : last
      return !low.lexicographicallyPrecedes(ends.lower) && !ends.upper.lexicographicallyPrecedes(high)
    }
  }

  /// In the order of their keys; those for the rest first.
  private var points: [Point: [Entry]] = [:]

  // MARK: Changes

  /// Somebody else served a point.
  struct Takeover {
    var kind: RegistrationKind
    var name: String
    var from: ProviderInstance
    /// The client whose point it was wants to be disconnected then.
    var disconnects: Bool
  }

  /// What a client registered is known from now on; what others served at the same points is replaced. Costs what there is to know.
  /// - Returns: one note for each point and client that lost something.
  mutating func add(_ instance: ProviderInstance, _ registrations: [ProviderRegistry.Registration]) -> [Takeover] {
    var items: [Point: [ProviderRegistry.Registration]] = [:]
    var order: [Point] = []
    for item in registrations {
      let point = Point(kind: item.registration.kind, name: item.registration.name)
      if items[point] == nil { order.append(point) }
      items[point, default: []].append(item)
    }
    var takeovers: [Takeover] = []
    for point in order {
      var lost: [Int32: Takeover] = [:]
      let entries = merge(items[point] ?? [], into: points[point] ?? [], instance) { other in
        guard other.instance !== instance else { return }
        var takeover =
          lost[other.instance.id]
          ?? Takeover(kind: point.kind, name: point.name, from: other.instance, disconnects: false)
        if other.registration.flags.contains(.disconnectOnReplace) { takeover.disconnects = true }
        lost[other.instance.id] = takeover
      }
      points[point] = entries.sorted { $0.ends.lower.lexicographicallyPrecedes($1.ends.lower) }
      takeovers += lost.values.sorted { $0.from.id < $1.from.id }
    }
    return takeovers
  }

  /// Ranges of one list stand side by side, whoever has them; everything else has one who serves it.
  private func merge(
    _ items: [ProviderRegistry.Registration], into old: [Entry], _ instance: ProviderInstance, _ replaced: (Served) -> Void
  ) -> [Entry] {
    var entries = old
    var places: [Ends: Int] = [:]
    for (place, entry) in entries.enumerated() { places[entry.ends] = place }
    for item in items {
      let entry = Entry(
        served: Served(instance: instance, registration: item.registration, range: item.range), ends: Ends(item.range))
      if let range = item.range, let list = entries.first?.served.range?.path, range.path == list {
        if let place = places[entry.ends] {
          replaced(entries[place].served)
          entries[place] = entry
        } else {
          places[entry.ends] = entries.count
          entries.append(entry)
        }
      } else {
        for other in entries { replaced(other.served) }
        entries = [entry]
        places = [entry.ends: 0]
      }
    }
    return entries
  }

  /// The client is gone.
  mutating func remove(_ instance: ProviderInstance) {
    for (point, entries) in points {
      let rest = entries.filter { $0.served.instance !== instance }
      if rest.count != entries.count { points[point] = rest.isEmpty ? nil : rest }
    }
  }

  // MARK: Looking

  /// Everything.
  var all: [Served] { points.values.flatMap { $0.map(\.served) } }

  /// All who serve a point.
  func all(_ kind: RegistrationKind, _ name: String) -> [Served] {
    (points[Point(kind: kind, name: name)] ?? []).map(\.served)
  }

  /// Who serves a point; with `keys`, those of the list that its ranges are for.
  func served(_ kind: RegistrationKind, _ name: String, keys: [Value]) -> Served? {
    guard let entries = points[Point(kind: kind, name: name)], let first = entries.first else { return nil }
    return first.served.range == nil ? first.served : Self.find(keys, entries)
  }

  /// Who serves an instance in or below an entry of the list that the ranges of a point are for.
  func served(_ kind: RegistrationKind, _ name: String, at place: Keypath) -> Served? {
    guard let entries = points[Point(kind: kind, name: name)], let first = entries.first else { return nil }
    guard let range = first.served.range else { return first.served }
    return Self.find(range.keys(in: place) ?? [], entries)
  }

  private static func find(_ keys: [Value], _ entries: [Entry]) -> Served? {
    var rest: Served?
    let encoded = (0...keys.count).map { ValueOrder.encoded(Array(keys.prefix($0))) }
    for entry in entries {
      if entry.isForTheRest {
        rest = entry.served
      } else if entry.contains(encoded) {
        return entry.served
      }
    }
    return rest
  }
}

extension RangeRegistration {
  /// Whether the leading keys of an entry lie between the ends, which belong to it.
  func contains(_ keys: [Value]) -> Bool {
    !ValueOrder.isBefore(Array(keys.prefix(lower.count)), lower) && !ValueOrder.isBefore(upper, Array(keys.prefix(upper.count)))
  }

  /// The keys of the entry of its list that an instance is or lies in; nil: it is in no entry of it. Keys of lists above may be left
  /// out of the registration.
  func keys(in place: Keypath) -> [Value]? {
    var rest = place.elements[...]
    var expected = path.elements[...]
    while let element = expected.popFirst() {
      guard case .tag(let tag) = element, case .tag(let other)? = rest.popFirst(), tag.name == other.name else { return nil }
      if let namespace = tag.namespace, let otherNamespace = other.namespace, namespace != otherNamespace { return nil }
      guard case .keys(let keys)? = rest.first else { continue }
      rest.removeFirst()
      if case .keys(let wanted)? = expected.first {
        expected.removeFirst()
        guard wanted == keys else { return nil }
      } else if expected.isEmpty {
        return keys
      }
    }
    return nil
  }
}

/// The order of key values (protocol README: decisions), for values of one type.
enum ValueOrder {
  static func isBefore(_ a: [Value], _ b: [Value]) -> Bool { encoded(a).lexicographicallyPrecedes(encoded(b)) }

  static func encoded(_ values: [Value]) -> [UInt8] {
    var path = TreePath.root
    // Values that have no order of their own stand before all others.
    for value in values { try? path.appendKey(value, type: nil, schema: nil) }
    return path.bytes
  }
}
