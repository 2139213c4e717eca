internal import NSOModel
internal import NSOSchema

/// Functions beyond XPath and YANG that the public manual of this product describes ("XPath functions" of its extensions): order,
/// extremes, bits.
extension XPathEvaluator {
  func orderFunction(_ call: FunctionCall, _ frame: Frame) throws -> Double {
    let arguments = call.arguments
    switch call.function {
    case .stringCompare: return Self.order(try string(arguments[0], frame), try string(arguments[1], frame))
    case .compare: return try compared(arguments[0], arguments[1], frame)
    case .min, .max, .avg:
      let numbers = try nodes(arguments[0], frame).map { XPathNumber.parse(try stringValue($0)) }
      guard call.function != .avg else { return numbers.isEmpty ? .nan : numbers.reduce(0, +) / Double(numbers.count) }
      let known = numbers.filter { !$0.isNaN }
      return (call.function == .min ? known.min() : known.max()) ?? .nan
    case .bnot: return Int64(exactly: try number(arguments[0], frame)).map { Double(~$0) } ?? .nan
    default:
      guard let a = Int64(exactly: try number(arguments[0], frame)), let b = Int64(exactly: try number(arguments[1], frame))
      else {
        return .nan
      }
      switch call.function {
      case .band: return Double(a & b)
      case .bor: return Double(a | b)
      default: return Double(a ^ b)
      }
    }
  }

  private static func order(_ a: String, _ b: String) -> Double {
    a.utf8.elementsEqual(b.utf8) ? 0 : a.utf8.lexicographicallyPrecedes(b.utf8) ? -1 : 1
  }

  // MARK: compare()

  private enum Compared {
    case constant(String)
    case leaf(NSOModel.Value, SchemaType)
    /// No node, or one without value.
    case nothing
  }

  private func compared(_ a: Syntax, _ b: Syntax, _ frame: Frame) throws -> Double {
    let left = try operand(a, frame)
    let right = try operand(b, frame)
    switch (left, right) {
    case (.constant(let x), .constant(let y)): return Self.order(x, y)
    case (.leaf(let x, let type), .leaf(let y, _)): return order(x, y, type) ?? .nan
    case (.leaf(let x, let type), .constant(let text)): return parse(text, type).flatMap { order(x, $0, type) } ?? .nan
    case (.constant(let text), .leaf(let y, let type)): return parse(text, type).flatMap { order($0, y, type) } ?? .nan
    default: return .nan
    }
  }

  private func operand(_ syntax: Syntax, _ frame: Frame) throws -> Compared {
    let value = try value(syntax, frame)
    guard case .nodeSet(let items) = value else { return .constant(try string(value)) }
    guard let item = items.first, let type = tree.schemaNode(of: item.node).flatMap({ schema[$0].type }),
      let found = try self.value(of: item.node)
    else { return .nothing }
    return .leaf(found, type)
  }

  private func parse(_ text: String, _ type: SchemaType) -> NSOModel.Value? {
    try? schema.parse(canonical(text, type) ?? text, as: type)
  }

  /// -1, 0 or 1 by the values themselves, not by their texts; nil for values of different kinds.
  func order(_ a: NSOModel.Value, _ b: NSOModel.Value, _ type: SchemaType) -> Double? {
    if let x = a.orderedInteger, let y = b.orderedInteger { return x < y ? -1 : x > y ? 1 : 0 }
    switch (a, b) {
    case (.decimal64(let x), .decimal64(let y)) where x.digits == y.digits:
      return x.scaled < y.scaled ? -1 : x.scaled > y.scaled ? 1 : 0
    case (.string(let x), .string(let y)): return Self.order(x, y)
    default:
      guard a.typeNumber == b.typeNumber, let x = schema.text(of: a, as: type), let y = schema.text(of: b, as: type) else {
        return nil
      }
      return Self.order(x, y)
    }
  }

  // MARK: sort-by()

  /// The entries of one list in the order of one of its secondary indexes, those without a value first.
  func sortedByIndex(_ call: FunctionCall, _ frame: Frame) throws -> [Item] {
    let items = try nodes(call.arguments[0], frame)
    let name = try string(call.arguments[1], frame)
    guard let first = items.first else { return [] }
    let place = "sort-by()"
    guard let list = tree.schemaNode(of: first.node), schema[list].kind == .list,
      items.allSatisfy({ !$0.isText && tree.schemaNode(of: $0.node) == list })
    else { throw failure(.type(expected: "entries of one list", found: "other nodes", in: place), at: call.offset) }
    let known = schema[list].extensions.all("secondary-index")
    guard let index = known.first(where: { $0.argument == name }) else {
      throw failure(
        .type(expected: "the name of a secondary index of \(schema.path(of: list))", found: "\"\(name)\"", in: place),
        at: call.offset)
    }
    let paths = (index.substatements.first { $0.name == "index-leafs" }?.argument ?? "").split(whereSeparator: \.isWhitespace)
    let leafs = paths.map { path in path.split(separator: "/").map { $0.split(separator: ":").last.map(String.init) ?? "" } }
    try charge(items.count * (1 + leafs.count) * (items.count.bitWidth - items.count.leadingZeroBitCount))
    var keyed: [(item: Item, keys: [(value: NSOModel.Value, type: SchemaType)?])] = []
    for item in items { keyed.append((item, try leafs.map { try indexValue($0, of: item.node) })) }
    return keyed.enumerated().sorted { a, b in
      for (x, y) in zip(a.element.keys, b.element.keys) {
        switch (x, y) {
        case (nil, nil): continue
        case (nil, _): return true
        case (_, nil): return false
        case (let x?, let y?):
          let order = order(x.value, y.value, x.type) ?? 0
          if order != 0 { return order < 0 }
        }
      }
      return a.offset < b.offset
    }.map(\.element.item)
  }

  private func indexValue(
    _ path: [String], of entry: Node
  ) throws -> (value: NSOModel.Value, type: SchemaType)? {
    var node = entry
    for name in path {
      guard let child = schema.child(of: tree.schemaNode(of: node), name: name) else { return nil }
      var found: Node?
      _ = try read(child, node, []) {
        found = $0
        return false
      }
      guard let found else { return nil }
      node = found
    }
    guard let type = tree.schemaNode(of: node).flatMap({ schema[$0].type }), let value = try value(of: node) else { return nil }
    return (value, type)
  }
}

extension NSOModel.Value {
  /// The number of integers and enumerations, which are ordered by it.
  fileprivate var orderedInteger: Int128? {
    switch self {
    case .int8(let number): Int128(number)
    case .int16(let number): Int128(number)
    case .int32(let number), .enumeration(let number): Int128(number)
    case .int64(let number): Int128(number)
    case .uint8(let number): Int128(number)
    case .uint16(let number): Int128(number)
    case .uint32(let number): Int128(number)
    case .uint64(let number): Int128(number)
    case .bool(let flag): flag ? 1 : 0
    default: nil
    }
  }
}
