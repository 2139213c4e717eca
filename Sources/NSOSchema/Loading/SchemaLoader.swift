/// Makes a `Schema` from YANG files. Loading is blocking work for one thread (some tenths of a second for hundreds of
/// modules); the result is immutable and can be shared.
///
/// Every module found in `loadPath` or named in `files` is implemented with all its features. Modules that these import are
/// looked for there and in `searchPath`; they are implemented as far as YANG needs it (targets of leafrefs, augments,
/// deviations and conditions), else only their types, groupings and identities are used.
public struct SchemaLoader: Sendable {
  /// Directories whose `.yang` files are all loaded. A directory does not include those inside it. Of a module that is
  /// there more than once the newest revision is taken, of the same revision the first.
  public var loadPath: [String]
  /// Files that are loaded besides.
  public var files: [String]
  /// Directories where imports are looked for when the load path does not have them.
  public var searchPath: [String]

  public init(loadPath: [String] = [], files: [String] = [], searchPath: [String] = []) {
    self.loadPath = loadPath
    self.files = files
    self.searchPath = searchPath
  }

  /// Reads, checks and compiles the modules.
  ///
  /// - Throws: the first problem, with file, line or path as far as they are known. Nothing is written to the terminal.
  public func load() throws(SchemaError) -> Schema {
    let sources = try collect()
    let context = try YANGContext(finder: sources.finder)
    try context.load(sources.modules)
    return try SchemaBuilder(context).build()
  }

  /// A module to implement, with its text.
  struct Source {
    var path: String
    var header: ModuleHeader?
    var text: [CChar]
  }

  private func collect() throws(SchemaError) -> (modules: [Source], finder: ModuleFinder) {
    var finder = ModuleFinder()
    var paths: [String] = []
    for file in files {
      paths.append(file)
      // Beside a file given by name, its neighbours serve as imports.
      finder.add(file: file)
    }
    for directory in loadPath { paths += try finder.add(directory: directory) }
    for file in files {
      if let slash = file.lastIndex(of: "/") {
        _ = try finder.add(directory: slash == file.startIndex ? "/" : String(file[..<slash]))
      } else {
        _ = try finder.add(directory: ".")
      }
    }
    for directory in searchPath { _ = try finder.add(directory: directory) }

    var modules: [Source] = []
    var places: [String: Int] = [:]
    for path in paths {
      let text = try ModuleFinder.read(path)
      let header = ModuleHeader(text)
      if let header {
        if ModuleFinder.moduleName(ofFile: path).name != header.name {
          finder.add(file: path, as: header.name, revision: header.revision)
        }
        guard !header.isSubmodule else { continue }
        if let place = places[header.name] {
          if let known = modules[place].header?.revision, let revision = header.revision, revision > known {
            modules[place] = Source(path: path, header: header, text: text)
          }
          continue
        }
        places[header.name] = modules.count
      }
      modules.append(Source(path: path, header: header, text: text))
    }
    return (modules, finder)
  }
}
