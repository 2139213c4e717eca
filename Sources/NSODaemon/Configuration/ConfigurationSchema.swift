import NSOSchema

/// The YANG modules that `ncs.conf` is checked against.
enum ConfigurationSchema {
  /// The namespace of the file's elements (protocol part 08, section 7.1).
  static let namespace = "http://tail-f.com/yang/tailf-ncs-config/1.0"
  /// The namespace of settings of our own.
  static let ownNamespace = "urn:swift-nso:config"
  /// The namespace of the statements `effect` and `required-when-enabled`.
  static let extensions = "urn:swift-nso:config-extensions"

  /// - Parameter directory: where the daemon's own modules are.
  static func load(from directory: String) throws(SchemaError) -> Schema {
    try SchemaLoader(files: ["tailf-ncs-config", "swift-nso-config"].map { "\(directory)/\($0).yang" }).load()
  }
}
