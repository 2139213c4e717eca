#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where the daemon's own files are: its YANG modules, and the standard ones.
///
/// Own modules, first that exists: `$NCS_DIR/share/swift-nso/yang`; `../share/swift-nso/yang` beside the executable's
/// folder (an installation); `Sources/NSODaemon/YANG` in a folder above the executable (a build), or in a checkout below
/// one (a package that uses this one); where the sources were at compile time.
///
/// Standard modules, all that exist: the folders of `NSO_YANG_DIR` (separated by colons) and nothing else if it is set; else
/// `$NCS_DIR/share/swift-nso/yang-standard`, `../share/swift-nso/yang-standard`, and `var/yang` of the package.
public struct InstallationPaths: Hashable, Sendable {
  /// The folder with the daemon's own modules.
  public var ownModules: String
  /// Folders with the standard modules; may be empty.
  public var standardModules: [String]

  public init(ownModules: String, standardModules: [String]) {
    self.ownModules = ownModules
    self.standardModules = standardModules
  }

  /// Nothing usable was found.
  public struct NotFound: Error, Hashable, Sendable, CustomStringConvertible {
    public var looked: [String]

    public var description: String {
      "the daemon's own YANG modules were not found; looked in \(looked.joined(separator: ", ")). "
        + "Set NCS_DIR to the installation directory"
    }
  }

  /// Looks for them.
  /// - Parameters:
  ///   - executable: absolute path of the running program.
  ///   - exists: whether there is a file at a path.
  public static func find(
    executable: String? = executablePath, environment: [String: String],
    exists: (String) -> Bool = isReadable
  ) throws(NotFound) -> InstallationPaths {
    let marker = "tailf-ncs-config.yang"
    let installed = [environment["NCS_DIR"], executable.map { parent(parent($0)) }].compactMap { $0 }
    let roots = ancestors(of: executable ?? "")
    var own = installed.map { $0 + "/share/swift-nso/yang" }
    for root in roots {
      own.append(root + "/Sources/NSODaemon/YANG")
      own.append(root + "/checkouts/swift-nso/Sources/NSODaemon/YANG")
    }
    own.append(parent(parent(#filePath)) + "/YANG")
    guard let modules = own.first(where: { exists($0 + "/" + marker) }) else { throw NotFound(looked: own) }

    if let given = environment["NSO_YANG_DIR"], !given.isEmpty {
      return InstallationPaths(ownModules: modules, standardModules: given.split(separator: ":").map(String.init))
    }
    var standard = installed.map { $0 + "/share/swift-nso/yang-standard" }
    if modules.hasSuffix("/Sources/NSODaemon/YANG") { standard.append(parent(parent(parent(modules))) + "/var/yang") }
    return InstallationPaths(ownModules: modules, standardModules: standard.filter { exists($0 + "/ietf-interfaces.yang") })
  }

  /// The file of the running program, symbolic links resolved.
  public static var executablePath: String? {
    #if os(Linux)
      guard let path = realpath("/proc/self/exe", nil) else { return nil }
      defer { free(path) }
      return String(cString: path)
    #else
      guard let path = realpath(CommandLine.arguments.first ?? "", nil) else { return nil }
      defer { free(path) }
      return String(cString: path)
    #endif
  }

  /// Whether there is a file that this process may read.
  public static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

  /// Whether there is a file that this process may run.
  static func isExecutable(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }

  /// Whether there is a file, readable or not.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  private static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func ancestors(of path: String) -> [String] {
    var result: [String] = []
    var current = path
    while current.count > 1, current.contains("/") {
      current = parent(current)
      result.append(current == "/" ? "" : current)
    }
    return result
  }
}
