import NSOModel

/// The progress trace as a table of comma-separated values: one line for each event of protocol part 06, section 5.14, with its
/// elements as columns. Time in microseconds since 1970-01-01 UTC, duration in microseconds.
final class ProgressFile: Sendable {
  static let columns = [
    "type", "timestamp", "duration", "span_id", "parent_span_id", "trace_id", "usid", "tid", "database", "context",
    "subsystem", "msg", "annotation", "attributes", "links",
  ]

  private let file = DaemonLog()
  static let name = "progress-trace.csv"

  /// Opens the file, and changes nothing yet.
  /// - Parameter directory: nil: nothing is to be written any more.
  func prepare(_ directory: String?) throws(LogFileError) -> DaemonLog.Prepared {
    try file.prepare(DaemonLog.Destination(file: directory.map { $0 + "/" + Self.name }))
  }

  func install(_ prepared: DaemonLog.Prepared) {
    file.install(prepared)
    if prepared.destination.file != nil { writeHead() }
  }

  func reopen() throws(LogFileError) {
    try file.reopen()
    writeHead()
  }

  func flush() { file.flush() }

  /// A file that goes on gets the head once more: it says where another run begins.
  private func writeHead() { file.write(raw: Array((Self.columns.joined(separator: ",") + "\n").utf8)) }

  func write(_ record: ProgressRecord) { file.write(raw: Array((Self.line(record) + "\n").utf8)) }

  static func line(_ record: ProgressRecord) -> String {
    let attributes = record.attributes.map { attribute in
      switch attribute.value {
      case .text(let text): "\(attribute.key)=\(text)"
      case .number(let number): "\(attribute.key)=\(number)"
      }
    }
    let type =
      switch record.kind {
      case .start: "start"
      case .stop: "stop"
      case .info: "info"
      }
    let fields = [
      type, "\(record.time)", record.kind == .stop ? "\(record.duration)" : "", record.span, record.parent, record.trace,
      "\(record.session)", record.transaction == 0 ? "" : "\(record.transaction)",
      record.database == .none ? "" : "\(record.database)", record.context, record.subsystem, record.message,
      record.annotation, attributes.joined(separator: " "),
      record.links.map { "\($0.trace)/\($0.span)" }.joined(separator: " "),
    ]
    return fields.map(quoted).joined(separator: ",")
  }

  /// RFC 4180.
  private static func quoted(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 < 0x20 }) else { return text }
    return "\"" + text.map { $0 == "\"" ? "\"\"" : $0.isNewline ? " " : String($0) }.joined() + "\""
  }
}
