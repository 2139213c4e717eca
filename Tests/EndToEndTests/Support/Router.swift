import Testing

/// An instance with the model and the initial data of `Examples/router`.
enum Router {
  static func instance(settings: String = "", listen: String? = nil) throws -> Instance {
    let instance = try Instance(settings: settings, listen: listen)
    for file in ["yang/router.yang", "cdb/router_init.xml"] {
      try instance.write(file, try instance.read("Examples/router/" + file, in: Instance.project))
    }
    return instance
  }
}

extension Instance {
  /// Runs a script of `ncs_cmd`.
  /// - Returns: what it printed; for a script that is to fail, its complaint.
  func cmd(
    _ script: String, _ options: String..., code: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let result = try await run("ncs_cmd", arguments: options + ["-c", script])
    #expect(result.code == code, "\(script): \(result.errors)", sourceLocation: sourceLocation)
    return code == 0 ? result.output : result.errors
  }
}
