public import Logging
import NSOModel

/// swift-log's way into the journal, for whoever only knows a `Logger`: records of level info and above go to the daemon log,
/// the others are traces of the developer log. Metadata follows the message as `name=value`; with `symbol`, a `LogSymbol`, it is a
/// record of that kind.
public struct JournalLogHandler: LogHandler {
  let journal: Journal
  public var logLevel = Logger.Level.info
  public var metadata: Logger.Metadata = [:]

  public init(_ journal: Journal) { self.journal = journal }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var text = "\(event.message)"
    if let error = event.error { text += ": \(error)" }
    let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
    var symbol: LogSymbol?
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      if key == "symbol", case .stringConvertible(let value) = value, let known = value as? LogSymbol {
        symbol = known
      } else {
        text += " \(key)=\(value)"
      }
    }
    if let symbol {
      let name = symbol.name + " "
      journal.record(.daemon, symbol.withLevel(event.level), text.hasPrefix(name) ? String(text.dropFirst(name.count)) : text)
    } else if event.level < .info {
      journal.developer(.developerCore, .trace, text)
    } else {
      journal.message(event.level, text)
    }
  }
}
