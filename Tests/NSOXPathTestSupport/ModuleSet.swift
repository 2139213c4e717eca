public import NSOSchema

#if canImport(Glibc)
  internal import Glibc
#endif

/// YANG modules written to a directory of their own, for the loader and for other tools. Removed when it goes away.
public final class ModuleSet {
  public let directory: String
  public private(set) var files: [String] = []

  /// - Parameter modules: texts of modules; a short form `name { ... }` gets `yang-version`, `namespace` (`urn:name`) and
  ///   `prefix` (`name`).
  public init(_ modules: [String]) throws {
    var template = Array("/tmp/nso-xpath-XXXXXX".utf8CString)
    guard let made = template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) else {
      throw DataError(description: "cannot make a directory")
    }
    directory = String(cString: made)
    for module in modules { files.append(try write(Self.full(module))) }
  }

  deinit {
    for file in files { unlink(file) }
    rmdir(directory)
  }

  public func schema() throws -> Schema { try SchemaLoader(files: files, searchPath: [Self.standardModules]).load() }

  /// Where the IETF modules are (`scripts/setup` puts them there).
  public static var standardModules: String {
    if let directory = getenv("NSO_YANG_DIR") { return String(cString: directory) }
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return "/\(root)/var/yang"
  }

  /// The OpenConfig models, where they are: `NSO_OPENCONFIG_DIR`, or beside the package.
  public static var openConfig: String? {
    var places = ["/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/") + "/shared/models/openconfig"]
    places.append("/" + #filePath.split(separator: "/").dropLast(5).joined(separator: "/") + "/shared/models/openconfig")
    if let directory = getenv("NSO_OPENCONFIG_DIR") { places = [String(cString: directory)] }
    return places.map { $0 + "/models" }.first { access($0, R_OK) == 0 }
  }

  /// A directory and all inside it.
  public static func directories(below directory: String) -> [String] {
    var found = [directory]
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { found += directories(below: "\(directory)/\(name)") }
    }
    return found
  }

  private static func full(_ text: String) -> String {
    let trimmed = text.drop { $0.isWhitespace }
    guard !trimmed.hasPrefix("module "), let brace = trimmed.firstIndex(of: "{") else { return text }
    let name = trimmed[..<brace].split(separator: " ").first.map(String.init) ?? ""
    return "module \(name) {\n  yang-version 1.1;\n  namespace \"urn:\(name)\";\n  prefix \(name);\n"
      + trimmed[brace...].dropFirst()
  }

  /// Writes a file named after the module in it.
  private func write(_ module: String) throws -> String {
    let words = module.split(maxSplits: 3, whereSeparator: \.isWhitespace)
    let path = "\(directory)/\(words[1]).yang"
    try Self.write(module, to: path)
    return path
  }

  public static func write(_ text: String, to path: String) throws {
    guard let file = fopen(path, "w") else { throw DataError(description: "cannot write \(path)") }
    defer { fclose(file) }
    fputs(text, file)
  }
}
