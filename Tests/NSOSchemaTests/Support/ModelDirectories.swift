import Foundation
import NSOSchema

/// Where the tests find YANG modules that are not ours.
enum ModelDirectories {
  private static let packageRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The standard IETF and IANA modules: `NSO_YANG_DIR`, else `var/yang`, which `scripts/setup` fills.
  static var standard: String {
    ProcessInfo.processInfo.environment["NSO_YANG_DIR"] ?? packageRoot.appendingPathComponent("var/yang").path
  }

  /// The OpenConfig modules: `NSO_OPENCONFIG_DIR`, else beside the package or the session's worktrees.
  static var openConfig: String {
    if let given = ProcessInfo.processInfo.environment["NSO_OPENCONFIG_DIR"] { return given + "/models" }
    let places = ["../shared/models/openconfig/models", "../../shared/models/openconfig/models"]
      .map { packageRoot.appendingPathComponent($0).standardized.path }
    return places.first { FileManager.default.fileExists(atPath: $0) } ?? places[0]
  }

  /// Our own modules (`tailf-common` and so on).
  static var own: String { packageRoot.appendingPathComponent("Sources/NSODaemon/YANG").path }

  /// Modules that belong to these tests.
  static var tests: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Models").path
  }

  static func loader(files: [String] = [], loadPath: [String] = []) -> SchemaLoader {
    SchemaLoader(loadPath: loadPath, files: files, searchPath: [own, standard])
  }

  /// A module in `Models`.
  static func load(_ names: String...) throws -> Schema {
    try loader(files: names.map { "\(tests)/\($0).yang" }).load()
  }

  /// A module given as text, and modules in `Models`.
  static func load(text: String, _ names: String...) throws -> Schema {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("nso-schema-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let words = text.split(whereSeparator: \.isWhitespace)
    let name = words.count > 1 ? String(words[1]) : "unnamed"
    let file = directory.appendingPathComponent("\(name).yang")
    try Data(text.utf8).write(to: file)
    return try loader(files: [file.path] + names.map { "\(tests)/\($0).yang" }).load()
  }
}
