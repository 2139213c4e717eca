import ExternalTerm
import NSOEngine
import NSOModel
import NSOSchema
import NSOTerms
import NSOWire

/// What the flags of saves and loads mean (protocol part 04, section 6.1). Each combination is either carried out or refused by name:
/// what a client asks for is never passed over where it could tell the difference in the data.
extension ConfigFlags {
  private static let names: [(ConfigFlags, String)] = [
    (.xml, "XML"), (.cliJ, "J"), (.cliC, "C"), (.withDefaults, "WITH_DEFAULTS"), (.showDefaults, "SHOW_DEFAULTS"),
    (.cliI, "C_IOS"), (.merge, "MERGE"), (.withOperational, "WITH_OPER"), (.xpath, "XPATH"), (.xmlPretty, "XML_PRETTY"),
    (.replace, "REPLACE"), (.hideAll, "HIDE_ALL"), (.unhideAll, "UNHIDE_ALL"), (.autocommit, "AUTOCOMMIT"),
    (.continueOnError, "CONTINUE_ON_ERROR"), (.suppressErrors, "SUPPRESS_ERRORS"), (.xmlLoadLax, "XML_LOAD_LAX"),
    (.json, "JSON"), (.withServiceMeta, "WITH_SERVICE_META"), (.noParents, "NO_PARENTS"), (.operationalOnly, "OPER_ONLY"),
    (.noBackquote, "NO_BACKQUOTE"), (.cdbOnly, "CDB_ONLY"), (.turboC, "TURBO_C"),
    (ConfigFlags(rawValue: 1 << 24), "UNSUPPORTED_J_OPER"), (.readWriteAccessOnly, "READ_WRITE_ACCESS_ONLY"),
  ]

  /// Those of `flags` that are set, for people.
  private func text(_ flags: ConfigFlags) -> String {
    let set = intersection(flags)
    var words = Self.names.filter { set.contains($0.0) }.map { "MAAPI_CONFIG_\($0.1) (\($0.0.rawValue))" }
    let unknown = set.rawValue & ~Self.names.reduce(0) { $0 | $1.0.rawValue }
    if unknown != 0 { words.append("bits \(unknown)") }
    return words.joined(separator: ", ")
  }

  private static let cliFormats: ConfigFlags = [.cliJ, .cliC, .cliI, .turboC]
  /// They only shape the text of the CLI formats, or the errors about it: nothing of the data depends on them.
  private static let withoutEffect: ConfigFlags = [
    .showDefaults, .noBackquote, .suppressErrors, ConfigFlags(rawValue: 1 << 24),
  ]
  /// What loads ignore (section 6.1), and what cannot matter to them.
  private static let ignoredByLoads: ConfigFlags = [.withServiceMeta, .noParents, .cdbOnly, .withDefaults]
  private static let ignoredBySaves: ConfigFlags = [.merge, .replace, .xmlLoadLax]

  private func refuse(_ flags: ConfigFlags, _ code: ErrorCode, _ why: String) throws(NSOError) {
    guard !isDisjoint(with: flags) else { return }
    throw NSOError(code, "\(text(flags)): \(why)")
  }

  private func refuseBoth(_ flags: ConfigFlags, _ why: String) throws(NSOError) {
    guard isSuperset(of: flags) else { return }
    throw NSOError(.protocolUsage, "\(text(flags)) exclude each other: \(why)")
  }

  private func format(isSave: Bool) throws(NSOError) -> DocumentFormat {
    if isSave, contains(.cliJ) {
      try refuseBoth([.cliJ, .xml], "name one format")
      try refuseBoth([.cliJ, .json], "name one format")
      try refuse(Self.cliFormats.subtracting(.cliJ), .notImplemented, "of the formats of the CLI only J can be written")
      try refuseBoth([.hideAll, .unhideAll], "hidden nodes are either left out or not")
      return .curly
    }
    try refuse(
      Self.cliFormats, .notImplemented, "of the formats of the CLI only J can be written, and none loaded: use XML or JSON")
    try refuseBoth([.xml, .json], "name one format")
    try refuseBoth([.hideAll, .unhideAll], "hidden nodes are either left out or not")
    if contains(.json) { return contains(.xmlPretty) ? .jsonPretty : .json }
    if contains(.xmlPretty) { return .xmlPretty }
    if contains(.xml) { return .xml }
    throw NSOError(.protocolUsage, "flags \(rawValue) name no format: add MAAPI_CONFIG_XML (1) or MAAPI_CONFIG_JSON (131072)")
  }

  func saveOptions(_ path: WireKeypath, _ schema: Schema) throws(NSOError) -> SaveOptions {
    let format = try format(isSave: true)
    try refuse(
      [.autocommit, .continueOnError], .protocolUsage, "they are for loads; a save changes nothing and stops at its first error"
    )
    try refuse(
      .readWriteAccessOnly, .notImplemented, "what a user may write is not known here, since access rules are not applied yet")
    let taken: ConfigFlags = [
      .xml, .xmlPretty, .json, .withDefaults, .withOperational, .operationalOnly, .xpath, .hideAll, .unhideAll,
      .withServiceMeta,
      .noParents, .cdbOnly, .cliJ,
    ]
    try refuse(
      ConfigFlags(rawValue: ~(taken.union(Self.withoutEffect).union(Self.ignoredBySaves)).rawValue), .protocolUsage,
      "unknown to saves")
    let selection: Keypath
    var filter: String?
    if contains(.xpath) {
      guard let text = path.text else {
        throw NSOError(.protocolUsage, "with flag MAAPI_CONFIG_XPATH (256) an XPath expression stands in place of the path")
      }
      try refuse(.noParents, .protocolUsage, "with MAAPI_CONFIG_XPATH (256) there is no path to begin at")
      filter = text
      selection = .root
    } else if let text = path.text {
      selection = try schema.parsePath(text).keypath
    } else {
      do throws(TermError) { selection = try path.keypath() } catch { throw NSOError(.badPath, "\(path): \(error)") }
    }
    return SaveOptions(
      format: format,
      content: contains(.operationalOnly) ? .operational : contains(.withOperational) ? .all : .configuration,
      withDefaults: contains(.withDefaults), path: selection.isRoot ? nil : selection, noParents: contains(.noParents),
      filter: filter, withServiceMeta: contains(.withServiceMeta), hidesHidden: contains(.hideAll),
      withoutProviders: contains(.cdbOnly))
  }

  /// - Parameter database: what the transaction is on.
  func loadOptions(_ database: DatabaseName) throws(NSOError) -> LoadOptions {
    let format = try format(isSave: false)
    try refuseBoth([.merge, .replace], "a load either merges or replaces")
    try refuse(
      .autocommit, .notImplemented, "only the formats C and I have lines to commit after, and they are not supported yet")
    try refuse(
      .continueOnError, .notImplemented, "only the formats of the CLI go on after errors, and they are not supported yet")
    try refuse([.xpath, .readWriteAccessOnly], .protocolUsage, "they are for saves; a load takes the document as it is")
    if database != .operational {
      try refuse(
        .operationalOnly, .protocolUsage,
        "operational data is loaded into a transaction on operational, not on \(database); to pass it over is MAAPI_CONFIG_WITH_OPER (128)"
      )
    }
    let taken: ConfigFlags = [
      .xml, .xmlPretty, .json, .merge, .replace, .withOperational, .operationalOnly, .hideAll, .unhideAll, .xmlLoadLax,
    ]
    try refuse(
      ConfigFlags(rawValue: ~(taken.union(Self.withoutEffect).union(Self.ignoredByLoads)).rawValue), .protocolUsage,
      "unknown to loads")
    return LoadOptions(
      format: format, mode: contains(.merge) ? .merge : contains(.replace) ? .replace : .create,
      ignoreOperational: contains(.withOperational), lax: contains(.xmlLoadLax), hidesHidden: contains(.hideAll))
  }
}
