import Foundation
import NSOModel
import NSOSchema
import Testing

/// What a broken module is told: file, line or path, and reason.
@Suite struct ErrorTests {
  /// Writes modules into a directory of their own.
  private func withModules<R>(_ modules: [String: String], _ body: (String) throws -> R) throws -> R {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("nso-schema-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    for (name, text) in modules {
      try Data(text.utf8).write(to: directory.appendingPathComponent("\(name).yang"))
    }
    return try body(directory.path)
  }

  private func failure(_ modules: [String: String]) throws -> SchemaError {
    try withModules(modules) { directory in
      do throws(SchemaError) {
        _ = try ModelDirectories.loader(loadPath: [directory]).load()
      } catch {
        var error = error
        error.file = error.file.map { String($0.split(separator: "/").last ?? "") }
        return error
      }
      Issue.record("loaded")
      return SchemaError(.library, reason: "loaded")
    }
  }

  @Test func grammarHasALine() throws {
    let error = try failure(["a": "module a {\n  namespace \"urn:a\";\n  prefix a;\n  containr c;\n}\n"])
    #expect(error.code == .syntax)
    #expect(error.file == "a.yang" && error.line == 4)
    #expect(error.reason.contains("containr"))
  }

  @Test func grammarOfAnImport() throws {
    let error = try failure([
      "a": "module a {\n  namespace \"urn:a\";\n  prefix a;\n  import b { prefix b; }\n}\n",
      "b": "module b {\n  namespace \"urn:b\";\n  prefix b;\n\n\n  leaf {\n}\n",
    ])
    #expect(error.code == .syntax)
    #expect(error.file == "b.yang" && error.line == 6)
  }

  @Test func missingImport() throws {
    let error = try failure(["a": "module a { namespace \"urn:a\"; prefix a; import nowhere { prefix n; } }"])
    #expect(error.code == .missingModule)
    #expect(error.file == "a.yang")
    #expect(error.reason.contains("nowhere.yang"))
  }

  @Test func unknownType() throws {
    let error = try failure([
      "a":
        "module a {\n namespace \"urn:a\";\n prefix a;\n container c {\n  leaf x { type string; }\n  leaf y {\n type foo; } } }"
    ])
    #expect(error.code == .semantics)
    #expect(error.file == "a.yang" && error.line == 6)
    #expect(error.path == "/a:c/y")
    #expect(error.reason.contains("foo"))
  }

  @Test func leafrefWithoutTarget() throws {
    let error = try failure([
      "a": "module a {\n namespace \"urn:a\";\n prefix a;\n container c {\n leaf y { type leafref { path \"../nope\"; } } } }"
    ])
    #expect(error.path == "/a:c/y" && error.line == 5)
    #expect(error.reason.contains("nope"))
  }

  @Test func augmentWithoutTarget() throws {
    let error = try failure([
      "a": "module a {\n namespace \"urn:a\";\n prefix a;\n augment \"/a:none\" { leaf y { type string; } } }"
    ])
    #expect(error.file == "a.yang" && error.line == 4)
    #expect(error.reason.contains("/a:none"))
  }

  @Test func badDefault() throws {
    let error = try failure([
      "a": "module a {\n namespace \"urn:a\";\n prefix a;\n grouping g {\n  leaf y { type uint8; default 300; } }\n uses g; }"
    ])
    #expect(error.file == "a.yang")
    #expect(error.reason.contains("300"))
  }

  @Test func defaultThatOurOwnFormRefuses() throws {
    let error = try failure([
      "a": """
      module a { namespace "urn:a"; prefix a; import ietf-inet-types { prefix inet; }
        leaf y { type inet:ipv4-address; default "192.0.2.1%eth0"; } }
      """
    ])
    #expect(error.code == .semantics)
    #expect(error.path == "/a:y" && error.file == "a.yang")
    #expect(error.reason.contains("192.0.2.1%eth0"))
  }

  @Test func notAModule() throws {
    #expect(try failure(["a": "hello\n"]).line == 1)
    #expect(try failure(["a": ""]).file == "a.yang")
    #expect(try failure(["a": "module a { namespace \"urn:a\"; prefix a;\n }\0"]).line == 2)
  }

  @Test func directoriesAndFiles() throws {
    #expect(throws: SchemaError.self) { try SchemaLoader(loadPath: ["/nowhere/at/all"]).load() }
    #expect(throws: SchemaError.self) { try SchemaLoader(files: ["/nowhere/at/all.yang"]).load() }
    #expect(throws: SchemaError.self) { try SchemaLoader(files: ["/tmp"]).load() }
    #expect(try SchemaLoader().load().nodes.isEmpty)
  }

  @Test func newestRevisionIsTaken() throws {
    let text = { (date: String, leaf: String) in
      "module a { namespace \"urn:a\"; prefix a; revision \(date); leaf \(leaf) { type string; } }"
    }
    try withModules(["a@2020-01-01": text("2020-01-01", "old"), "a@2021-01-01": text("2021-01-01", "new")]) { directory in
      let schema = try ModelDirectories.loader(loadPath: [directory]).load()
      #expect(schema.nodes.map(\.name.name) == ["new"])
      #expect(schema.module(name: "a")?.revision == "2021-01-01")
    }
  }

  @Test func firstDirectoryWins() throws {
    let text = { (leaf: String) in
      "module a { namespace \"urn:a\"; prefix a; revision 2020-01-01; leaf \(leaf) { type string; } }"
    }
    try withModules(["a": text("one")]) { first in
      try withModules(["a": text("two")]) { second in
        let schema = try ModelDirectories.loader(loadPath: [first, second]).load()
        #expect(schema.nodes.map(\.name.name) == ["one"])
      }
    }
  }

  @Test func nothingIsPrinted() async throws {
    // Warnings and errors of the library must not reach the terminal: loading with standard error closed to a pipe
    // leaves the pipe empty.
    let pipe = Pipe()
    let saved = dup(2)
    dup2(pipe.fileHandleForWriting.fileDescriptor, 2)
    _ = try? failure(["a": "module a { namespace \"urn:a\"; prefix a; leaf x { type foo; } }"])
    dup2(saved, 2)
    close(saved)
    try pipe.fileHandleForWriting.close()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(!text.contains("libyang"))
  }
}
