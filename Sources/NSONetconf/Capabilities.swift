import NSOEngine
import NSOModel
import NSOSchema

/// What the server can do, for its hello.
enum Capabilities {
  private static let prefix = "urn:ietf:params:netconf:capability:"

  static func all(_ engine: Engine) -> [String] {
    let datastores = engine.configuration.datastores
    var all = [NetconfNames.base10, NetconfNames.base11]
    if datastores.running == .readWrite { all.append(prefix + "writable-running:1.0") }
    if datastores.candidate {
      all += [prefix + "candidate:1.0", prefix + "confirmed-commit:1.0", prefix + "confirmed-commit:1.1"]
    }
    all += [prefix + "rollback-on-error:1.0", prefix + "validate:1.0", prefix + "validate:1.1"]
    if datastores.startup { all.append(prefix + "startup:1.0") }
    all.append(prefix + "xpath:1.0")
    all.append(prefix + "with-defaults:1.0?basic-mode=explicit&also-supported=report-all,report-all-tagged,trim")
    return all + modules(engine.model.schema)
  }

  /// Modules in the form of RFC 6020, section 5.6.4. Those of YANG 1.1, too: there is no YANG library to look them up in.
  private static func modules(_ schema: Schema) -> [String] {
    schema.modules.filter { $0.isImplemented && !$0.namespace.isEmpty }.map { module in
      var text = "\(module.namespace)\(module.namespace.contains("?") ? "&" : "?")module=\(module.name)"
      if let revision = module.revision { text += "&revision=\(revision)" }
      let features = module.features.filter(\.isEnabled).map(\.name)
      if !features.isEmpty { text += "&features=\(features.joined(separator: ","))" }
      return text
    }
  }
}
