import NSOModel
import NSOSchema
import NSOWire

/// Why a transaction has no data of providers: what they store is not part of the candidate, nor of startup.
final class ProviderAbsence: Sendable {
  private let database: DatabaseName
  private let registry: ProviderRegistry

  init(_ database: DatabaseName, _ registry: ProviderRegistry) {
    self.database = database
    self.registry = registry
  }

  /// - Parameters:
  ///   - place: the path, for the text.
  ///   - isWrite: what was to be done there.
  func refusal(_ node: NodeID, _ model: DataModel, at place: String, isWrite: Bool) -> NSOError {
    let point = model.callpoint(of: node)
    let who =
      point.flatMap { registry.served(.data, $0.name)?.instance.summary } ?? "a data provider that is not connected now"
    let what = model[node].isConfiguration ? "configuration that" : "operational data that"
    return NSOError(
      isWrite ? .notWritable : .notImplemented,
      "\(place) is \(what) \(who) has (callpoint \(point?.name ?? "unknown")): it is not part of \(database); \(isWrite ? "write" : "read") it in a transaction on running"
    )
  }
}
