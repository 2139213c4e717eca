public import NSOModel
public import NSOWire
import Synchronization

/// Numbers for walks through lists, unique in this process.
private let nextWalk = Atomic<Int>(1)

/// The callbacks of a callpoint in the form of the protocol (part 05, section 7). ``OperationalData`` and
/// ``ConfigurationData`` are easier; this is for what they do not have.
public protocol DataCallbackHandler: Sendable {
  /// What the daemon may ask for.
  var callbacks: DataCallbacks { get }

  /// - Throws: ``CallbackError``; any other error travels as its words.
  func perform(_ request: CallbackCall, _ call: ProviderCall) async throws -> CallbackResult
}

/// Where to go on in a list.
public struct ListPlace: Hashable, Sendable {
  /// Leading keys; none: from the start.
  public var keys: [Value]
  /// The entry with exactly these keys counts.
  public var includesSame: Bool

  public init(_ keys: [Value] = [], includesSame: Bool = false) {
    self.keys = keys
    self.includesSame = includesSame
  }

  public static var start: ListPlace { ListPlace() }
}

/// An entry of a list.
public struct ListEntry: Hashable, Sendable {
  /// All keys; the value of a leaf-list entry.
  public var keys: [Value]
  /// The leafs of the entry as a tagged list that begins with the keys in schema order, where whole entries are served
  /// (``OperationalOffers/objects``).
  public var values: [TaggedValue]

  public init(_ keys: [Value], _ values: [TaggedValue] = []) {
    self.keys = keys
    self.values = values
  }
}

/// What a source of data has besides single values.
public struct OperationalOffers: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// ``OperationalData/object(at:_:)``, and entries come with their values: the daemon asks once for many leafs.
  public static let objects = OperationalOffers(rawValue: 1)
  /// ``OperationalData/chosenCase(of:at:_:)``
  public static let cases = OperationalOffers(rawValue: 2)
  /// ``OperationalData/count(of:_:)``; without it the daemon counts by walking.
  public static let counts = OperationalOffers(rawValue: 4)
  /// ``OperationalData/page(_:_:)`` looks at filters: the daemon tells what it looks for.
  public static let filters = OperationalOffers(rawValue: 8)
  /// ``OperationalData/page(_:_:)`` knows the secondary indexes of its lists; without it the daemon reads the list and sorts.
  public static let indexes = OperationalOffers(rawValue: 16)
  /// ``ConfigurationData/attributes(of:_:)`` and ``ConfigurationData/setAttribute(_:to:at:_:)``
  public static let attributes = OperationalOffers(rawValue: 32)
}

/// Serves operational data of a callpoint. The functions may be called from many tasks at once.
///
/// Lists are asked for by place: "the entries after these keys", so nothing is kept between two calls, and the provider may
/// be restarted in the middle of a walk.
public protocol OperationalData: DataCallbackHandler {
  var offers: OperationalOffers { get }

  /// The value of a leaf; nil when it does not exist. A key leaf is asked for to learn whether its entry exists.
  func value(at path: Keypath, _ call: ProviderCall) async throws -> Value?

  /// Whether a presence container, a leaf of type empty, an entry without keys, or an entry of a leaf-list exists.
  func exists(_ path: Keypath, _ call: ProviderCall) async throws -> Bool

  /// The next entries of a list or leaf-list in the order of their keys, `limit` at most; none: there are no more.
  func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry]

  /// As ``entries(of:from:limit:_:)``, for those that look at filters or have secondary indexes.
  func page(_ query: ListQuery, _ call: ProviderCall) async throws -> ListPage

  /// The leafs of a list entry or container; nil when it does not exist.
  func object(at path: Keypath, _ call: ProviderCall) async throws -> [TaggedValue]?

  /// The case of a choice that has data; nil: none.
  func chosenCase(of choice: [Tag], at path: Keypath, _ call: ProviderCall) async throws -> Tag?

  func count(of list: Keypath, _ call: ProviderCall) async throws -> Int
}

extension OperationalData {
  public var offers: OperationalOffers { [] }

  public func exists(_ path: Keypath, _ call: ProviderCall) async throws -> Bool {
    try await value(at: path, call) != nil
  }

  public func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry] {
    []
  }

  public func page(_ query: ListQuery, _ call: ProviderCall) async throws -> ListPage {
    ListPage(try await entries(of: query.list, from: query.place, limit: query.limit, call))
  }

  public func object(at path: Keypath, _ call: ProviderCall) async throws -> [TaggedValue]? { nil }

  public func chosenCase(of choice: [Tag], at path: Keypath, _ call: ProviderCall) async throws -> Tag? { nil }

  public func count(of list: Keypath, _ call: ProviderCall) async throws -> Int {
    throw CallbackError(.internal, "the number of entries of \(list) is not served")
  }

  public var callbacks: DataCallbacks { readCallbacks }

  public func perform(_ request: CallbackCall, _ call: ProviderCall) async throws -> CallbackResult {
    try await read(request, call)
  }

  /// How many entries go into one batch.
  private var batch: Int { 100 }

  var readCallbacks: DataCallbacks {
    var callbacks: DataCallbacks = [.getElem, .existsOptional, .getNext, .findNext]
    if offers.contains(.objects) { callbacks.formUnion([.getObject, .getNextObject, .findNextObject]) }
    if offers.contains(.cases) { callbacks.insert(.getCase) }
    if offers.contains(.counts) { callbacks.insert(.numInstances) }
    if offers.contains(.filters) { callbacks.insert(.wantsFilter) }
    return callbacks
  }

  func read(_ request: CallbackCall, _ call: ProviderCall) async throws -> CallbackResult {
    switch request {
    case .getElem(let path): return .value(try await value(at: path, call) ?? .notFound)
    case .existsOptional(let path): return .existence(.bool(try await exists(path, call)))
    case .getNext(let request):
      guard request.previous == nil else { throw Self.unknownMarker }
      return try await next(try query(request.path, .start, 1, request.filter, request.index), call)
    case .findNext(let request):
      let place = ListPlace(request.keys, includesSame: request.includesSame)
      return try await next(try query(request.path, place, 1, request.filter, request.index), call)
    case .getNextObject(let request):
      guard request.previous == nil else { throw Self.unknownMarker }
      return try await nextObjects(
        try query(request.path, .start, batch, request.filter, request.index), traversal: nil, call)
    case .findNextObject(let request):
      let place = ListPlace(request.keys, includesSame: request.includesSame)
      return try await nextObjects(
        try query(request.path, place, batch, request.filter, request.index), traversal: request.traversal, call)
    case .getObject(let path): return .object(try await object(at: path, call).map { .tagged($0) })
    case .getCase(let path, let choice):
      return .choiceCase(try await chosenCase(of: choice, at: path, call).map { .chosen($0) } ?? .none)
    case .numInstances(let path): return .count(Int64(try await count(of: path, call)))
    default: throw CallbackError(.internal, "\(request.type.map { "\($0)" } ?? "callback \(request.number)") is not served")
    }
  }

  private static var unknownMarker: CallbackError {
    CallbackError(.protocolUsage, "this provider hands out no markers: go on by keys")
  }

  private func query(
    _ list: Keypath, _ place: ListPlace, _ limit: Int, _ filter: FilterArgument, _ index: String
  ) throws -> ListQuery {
    guard index.isEmpty || offers.contains(.indexes) else {
      throw CallbackError(.internal, "the order of index \(index) is not served")
    }
    var query = ListQuery(list, from: place, limit: limit, index: index.isEmpty ? nil : index)
    if case .filter(let filter) = filter { query.filter = filter }
    return query
  }

  private func next(_ query: ListQuery, _ call: ProviderCall) async throws -> CallbackResult {
    let page = try await page(query, call)
    guard let entry = page.entries.first else { return .nextKey(nil) }
    return .nextKey(NextKey(entry.keys, Continuation(.byKeys, isFiltered: page.isFiltered && query.filter != nil)))
  }

  private func nextObjects(_ query: ListQuery, traversal: Int64?, _ call: ProviderCall) async throws -> CallbackResult {
    let page = try await page(query, call)
    guard !page.entries.isEmpty else { return .nextObjects(.end) }
    // In batches the marker says which walk; its -1 says "by keys".
    let walk = traversal ?? Int64(nextWalk.wrappingAdd(1, ordering: .relaxed).oldValue)
    let marker = TraversalMarker(traversal: walk, number: -1)
    let isFiltered = page.isFiltered && query.filter != nil
    let items = page.entries.map { NextObjects.Item(.tagged($0.values), Continuation(.marker(marker), isFiltered: isFiltered)) }
    return .nextObjects(.batch(items, isLast: page.entries.count < query.limit, milliseconds: 0))
  }
}

/// Serves and stores configuration of a callpoint. Writes come between write_start and prepare of a transaction, see
/// ``TransactionHandler``; what they do must not be visible before the commit.
public protocol ConfigurationData: OperationalData {
  func set(_ value: Value, at path: Keypath, _ call: ProviderCall) async throws

  /// A list entry, presence container, leaf of type empty, or entry of a leaf-list comes into being.
  func create(_ path: Keypath, _ call: ProviderCall) async throws

  /// With everything below.
  func remove(_ path: Keypath, _ call: ProviderCall) async throws

  /// The entry comes after the one with these keys; none: to the first place. Only for lists ordered by the user.
  func move(_ path: Keypath, after keys: [Value], _ call: ProviderCall) async throws

  /// All attributes of a node; none when it does not exist (``OperationalOffers/attributes``).
  func attributes(of path: Keypath, _ call: ProviderCall) async throws -> [Attribute]

  /// Nil: the attribute goes.
  func setAttribute(_ number: AttributeNumber, to value: Value?, at path: Keypath, _ call: ProviderCall) async throws
}

extension ConfigurationData {
  public func move(_ path: Keypath, after keys: [Value], _ call: ProviderCall) async throws {
    throw CallbackError(.internal, "\(path): entries cannot be moved")
  }

  public func attributes(of path: Keypath, _ call: ProviderCall) async throws -> [Attribute] { [] }

  public func setAttribute(_ number: AttributeNumber, to value: Value?, at path: Keypath, _ call: ProviderCall) async throws {
    throw CallbackError(.internal, "\(path): attributes are not kept")
  }

  public var callbacks: DataCallbacks {
    let attributes: DataCallbacks = offers.contains(.attributes) ? [.getAttributes, .setAttribute] : []
    return readCallbacks.union([.setElem, .create, .remove, .moveAfter]).union(attributes)
  }

  public func perform(_ request: CallbackCall, _ call: ProviderCall) async throws -> CallbackResult {
    switch request {
    case .setElem(let path, let value): try await set(value, at: path, call)
    case .create(let path): try await create(path, call)
    case .remove(let path): try await remove(path, call)
    case .moveAfter(let path, let keys): try await move(path, after: keys, call)
    case .getAttributes(let path, let numbers):
      let all = try await attributes(of: path, call)
      return .attributes(numbers.isEmpty ? all : numbers.compactMap { number in all.first { $0.number == number } })
    case .setAttribute(let path, let number, let value): try await setAttribute(number, to: value, at: path, call)
    default: return try await read(request, call)
    }
    return .ok
  }
}

/// Operational data by closures.
public struct DataClosures: OperationalData {
  public typealias ValueClosure = @Sendable (Keypath, ProviderCall) async throws -> Value?
  public typealias EntriesClosure = @Sendable (Keypath, ListPlace, Int, ProviderCall) async throws -> [ListEntry]

  private let getValue: ValueClosure
  private let getEntries: EntriesClosure?

  /// - Parameters:
  ///   - value: see ``OperationalData/value(at:_:)``.
  ///   - entries: see ``OperationalData/entries(of:from:limit:_:)``.
  public init(value: @escaping ValueClosure, entries: EntriesClosure? = nil) {
    getValue = value
    getEntries = entries
  }

  public func value(at path: Keypath, _ call: ProviderCall) async throws -> Value? { try await getValue(path, call) }

  public func entries(of list: Keypath, from place: ListPlace, limit: Int, _ call: ProviderCall) async throws -> [ListEntry] {
    try await getEntries?(list, place, limit, call) ?? []
  }
}
