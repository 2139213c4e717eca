import Testing

@testable import NSOStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A directory of its own, gone with the object.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/nso-store-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw StoreError(.unreadable, "mkdtemp: \(errno)") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    removeTree(path)
  }
}

private func removeTree(_ path: String) {
  guard let directory = opendir(path) else {
    unlink(path)
    return
  }
  while let entry = readdir(directory) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    if name != ".", name != ".." { removeTree(path + "/" + name) }
  }
  closedir(directory)
  rmdir(path)
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension Array where Element == UInt8 {
  var text: String { String(decoding: self, as: UTF8.self) }
}

/// A durable store of small size limits in a directory of its own.
struct TestStore {
  let directory: TemporaryDirectory
  let store: Store

  init(_ durability: StoreOptions.Durability = .volatile, maximumSize: Int = 1 << 30) throws {
    directory = try TemporaryDirectory()
    store = try Store(StoreOptions(path: directory.path + "/db", durability: durability, maximumSize: maximumSize))
  }
}

/// The model of a tree: a dictionary, sorted when asked.
struct ModelTree: Equatable {
  var records: [[UInt8]: [UInt8]] = [:]

  var sorted: [(key: [UInt8], value: [UInt8])] {
    records.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  mutating func delete(_ range: KeyRange) {
    records = records.filter { !range.contains($0.key) }
  }

  func keys(in range: KeyRange) -> [[UInt8]] { sorted.map(\.key).filter { range.contains($0) } }
}

extension DataTree {
  func allRecords(in range: KeyRange = .all) throws -> [[UInt8]: [UInt8]] {
    var records: [[UInt8]: [UInt8]] = [:]
    for (key, value) in try list(in: range) { records[key] = value }
    return records
  }

  func list(in range: KeyRange = .all) throws -> [(key: [UInt8], value: [UInt8])] {
    var records: [(key: [UInt8], value: [UInt8])] = []
    let cursor = try makeCursor(in: range)
    var more = try cursor.first()
    while more {
      records.append((Array(cursor.key), Array(cursor.value)))
      more = try cursor.next()
    }
    return records
  }

  func value(_ key: [UInt8]) throws -> [UInt8]? {
    var value: [UInt8]?
    _ = try key.withUnsafeBytes { key in try read(key) { value = Array($0) } }
    return value
  }

  func lastKey(before key: [UInt8]?, in range: KeyRange = .all) throws -> [UInt8]? {
    let cursor = try makeCursor(in: range)
    let isFound = try key.map { try $0.withUnsafeBytes { try cursor.seekBefore($0) } } ?? cursor.seekBefore(nil)
    return isFound ? Array(cursor.key) : nil
  }

  func firstKey(from key: [UInt8], in range: KeyRange = .all) throws -> [UInt8]? {
    let cursor = try makeCursor(in: range)
    return try cursor.seek(key) ? Array(cursor.key) : nil
  }
}

func expectSame(
  _ tree: any DataTree, _ model: ModelTree, in range: KeyRange = .all, _ comment: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let found = try tree.list(in: range)
  let wanted = model.sorted.filter { range.contains($0.key) }
  #expect(found.map(\.key) == wanted.map(\.key), "\(comment)", sourceLocation: sourceLocation)
  #expect(found.map(\.value) == wanted.map(\.value), "\(comment)", sourceLocation: sourceLocation)
}
