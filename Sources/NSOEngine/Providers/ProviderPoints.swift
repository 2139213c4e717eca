import NSOModel
import NSOSchema
public import NSOWire

/// The points of the data model with those who serve them, and registrations for points that the model does not have: what
/// `ncs --status` shows (protocol part 08, section 2.5).
public struct ProviderPoints: Sendable {
  private let declared: [RegistrationKind: [String]]
  private let served: [ProviderRegistry.Served]

  /// What is shown, in its order.
  public static let titles: [(String, RegistrationKind)] = [
    ("callpoints", .data), ("validation points", .validation), ("action points", .action), ("service points", .service),
    ("authentication callbacks", .authentication),
  ]

  init(_ schema: Schema, _ registry: ProviderRegistry) {
    var declared: [RegistrationKind: Set<String>] = [:]
    let statements: [(String, RegistrationKind)] = [
      ("callpoint", .data), ("validate", .validation), ("actionpoint", .action), ("servicepoint", .service),
    ]
    for node in schema.nodes where !node.extensions.isEmpty {
      for (name, kind) in statements {
        for statement in node.extensions.all(name) {
          if let point = statement.argument { declared[kind, default: []].insert(point) }
        }
      }
    }
    self.declared = declared.mapValues { $0.sorted() }
    served = registry.points
  }

  /// One line a point: who serves it, or that nobody does.
  public func lines(of kind: RegistrationKind) -> [String] {
    let points = declared[kind] ?? []
    var lines: [String] = []
    for point in points {
      let who = served.filter { $0.registration.kind == kind && $0.registration.name == point }
      if who.isEmpty { lines.append("\(point): not registered") }
      lines += who.map { "\(point): \(text($0))" }
    }
    for item in served where item.registration.kind == kind && !points.contains(item.registration.name) {
      // Authentication has no statement in a model.
      let isUnknown = kind != .authentication
      lines.append("\(item.registration.name): \(text(item))\(isUnknown ? ", unknown to the loaded modules" : "")")
    }
    return lines
  }

  /// What a client registered that no loaded module has, or that is never called, for the developer log.
  func unused(of instance: ProviderInstance) -> [String] {
    let points = ProviderPoints.titles.map(\.1).filter { $0 != .authentication && $0 != .service }
    var lines: [String] = []
    for item in Set(instance.registrations.map { Point(kind: $0.registration.kind, name: $0.registration.name) }) {
      if points.contains(item.kind) {
        guard !(declared[item.kind]?.contains(item.name) ?? false) else { continue }
        lines.append("\(item.kind.pointName) \(item.name), which no loaded module has")
      } else if item.kind != .stream, item.kind != .authentication {
        lines.append("\(item.kind.pointName) \(item.name), which is never called: this kind is not supported")
      }
    }
    return lines.sorted()
  }

  private struct Point: Hashable {
    var kind: RegistrationKind
    var name: String
  }

  private func text(_ served: ProviderRegistry.Served) -> String {
    var text = "instance \(served.instance.id) \(served.instance.name)"
    if let range = served.range {
      func keys(_ values: [Value]) -> String { values.map(\.plainText).joined(separator: " ") }
      text +=
        range.lower.isEmpty && range.upper.isEmpty
        ? ", keys in no other range" : ", keys \(keys(range.lower)) to \(keys(range.upper))"
    }
    return text
  }
}

extension Engine {
  /// Who serves what, at this moment.
  public var providerPoints: ProviderPoints { ProviderPoints(model.schema, providers) }

  /// Tells the developer log what a client registered to no effect.
  public func reportUnusedPoints(of instance: ProviderInstance) {
    for line in providerPoints.unused(of: instance) { providers.report("\(instance.summary) registers \(line)", .info) }
  }
}
