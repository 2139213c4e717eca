import NSOEngine
import NSOModel

/// The parameters of NCS_APPLY_TRANS_PARAMS as far as they mean something without devices and services (protocol part 04,
/// section 4.8). Names are taken whatever their namespace is: that of the product model is not known here.
struct CommitParameters {
  enum Output: Int { case xml = 0, cli = 1, native = 2, cliC = 3 }

  struct DryRun {
    var output = Output.cli
    /// Show what would take the changes back.
    var isReversed = false
    /// The tag that the parameters had, for the result.
    var tag: Tag
  }

  var dryRun: DryRun?
  var label: String?
  var comment: String?
  /// The trace that the commit is part of, for the progress trace.
  var traceID: String?

  /// What is not to be done with devices and services, or only says how devices are to be reached: nothing here does it, so every commit
  /// is what they ask for. The names inside of those that have any.
  private static let satisfied: [String: Set<String>] = [
    "no-networking": [], "no-out-of-sync-check": [], "no-overwrite": [], "no-revision-drop": [], "no-deploy": [], "no-lsa": [],
    "with-service-meta-data": [],
    "commit-queue": [
      "async", "sync", "bypass", "tag", "block-others", "lock", "atomic", "error-option", "timeout", "infinity",
    ],
  ]
  /// What is to be done with devices and services: a success would say that it was.
  private static let missing: [String: String] = [
    "use-lsa": noLowerNodes, "reconcile": noServices, "confirm-network-state": noDevices,
  ]
  private static let noLowerNodes = "there are no lower nodes to pass the commit on to"
  private static let noServices = "there are no services that could take over what is there"
  private static let noDevices = "there are no devices whose state could be looked at"
  /// The same wishes as flags of APPLY_TRANS and PREPARE_TRANS (section 7.2), by bit.
  private static let missingFlags: [(bit: UInt64, name: String, reason: String)] = [
    (19, "USE_LSA", noLowerNodes),
    (24, "RECONCILE_KEEP_NON_SERVICE_CONFIG", noServices),
    (25, "RECONCILE_DISCARD_NON_SERVICE_CONFIG", noServices),
    (26, "RECONCILE_ATTACH_NON_SERVICE_CONFIG", noServices),
    (27, "RECONCILE_DETACH_NON_SERVICE_CONFIG", noServices),
    (28, "CONFIRM_NETWORK_STATE", noDevices),
    (29, "CONFIRM_NETWORK_STATE_RE_EVALUATE_POLICIES", noDevices),
    (32, "CONFIRM_NETWORK_STATE_WRITE_AND_SERVICE_READ_SET", noDevices),
    (33, "CONFIRM_NETWORK_STATE_RE_DEPLOY_ALL", noDevices),
  ]

  /// - Throws: NOT_IMPLEMENTED for flags of a commit that ask for something to be done with devices and services.
  static func requireSupport(of flags: UInt64) throws(NSOError) {
    for (bit, name, reason) in missingFlags where flags & (1 << bit) != 0 {
      throw NSOError(.notImplemented, "commit flag \(name) (bit \(bit)): \(reason); leave it out")
    }
  }

  init() {}

  /// - Throws: PROTOUSAGE for parameters that are not known.
  init(_ values: [TaggedValue]) throws(NSOError) {
    var index = 0
    while index < values.count {
      let item = values[index]
      index += 1
      switch item.tag.name {
      case "dry-run":
        var run = DryRun(tag: item.tag)
        if case .start = item.content {
          while index < values.count, values[index].content != .stop || values[index].tag.name != "dry-run" {
            try Self.read(values[index], into: &run)
            index += 1
          }
          index += 1
        }
        dryRun = run
      case "label": label = try Self.text(item)
      case "comment": comment = try Self.text(item)
      case "trace-id":
        let text = try Self.text(item)
        guard (1...64).contains(text.utf8.count) else {
          throw NSOError(.protocolUsage, "commit parameter trace-id has \(text.utf8.count) bytes: 1 to 64 are taken")
        }
        traceID = text
      case let name:
        if let reason = Self.missing[name] {
          throw NSOError(.notImplemented, "commit parameter \(name): \(reason); leave it out")
        }
        guard let inner = Self.satisfied[name] else {
          throw NSOError(
            .protocolUsage,
            "commit parameter \(item.tag) is not known: dry-run (outformat, reverse), label, comment and trace-id have an effect here"
          )
        }
        guard case .start = item.content else { continue }
        while index < values.count, values[index].content != .stop || values[index].tag.name != name {
          guard inner.contains(values[index].tag.name) else {
            throw NSOError(.protocolUsage, "commit parameter \(name): \(values[index].tag) is not known in it")
          }
          index += 1
        }
        index += 1
      }
    }
  }

  private static func read(_ item: TaggedValue, into run: inout DryRun) throws(NSOError) {
    switch (item.tag.name, item.content) {
    case ("outformat", .value(.enumeration(let number))):
      guard let output = Output(rawValue: Int(number)) else { throw unknown("\(number)") }
      run.output = output
    case ("outformat", .value(.string(let name))):
      switch name {
      case "xml": run.output = .xml
      case "cli": run.output = .cli
      case "native": run.output = .native
      case "cli-c": run.output = .cliC
      default: throw unknown(name)
      }
    case ("reverse", _): run.isReversed = true
    case ("with-service-meta-data", _): break
    default: throw NSOError(.protocolUsage, "parameter \(item.tag) of dry-run is not known: outformat and reverse are")
    }
  }

  private static func unknown(_ format: String) -> NSOError {
    NSOError(.protocolUsage, "dry-run has no outformat \(format): xml (0), cli (1), native (2) or cli-c (3)")
  }

  private static func text(_ item: TaggedValue) throws(NSOError) -> String {
    guard case .value(.string(let text)) = item.content else {
      throw NSOError(.protocolUsage, "commit parameter \(item.tag.name) is a text")
    }
    return text
  }
}

extension CommitParameters.DryRun {
  /// - Throws: NOT_IMPLEMENTED for formats that there are none of yet; before any work is done.
  func requireSupport() throws(NSOError) {
    guard output != .cliC else {
      throw NSOError(.notImplemented, "dry-run with outformat cli-c is not supported: use cli or xml")
    }
  }

  /// The result in the shape of the vectors: the text under the name of its format in `dry-run-result`. There are no devices, so there is
  /// nothing native.
  func result(_ view: TreeView) throws(NSOError) -> [TaggedValue] {
    func named(_ name: String) -> Tag { Tag(name, in: tag.namespace) }
    let leaf: TaggedValue? =
      switch output {
      case .xml:
        TaggedValue(
          named("result-xml"), .string(String(decoding: try view.changeDocument(isReversed: isReversed), as: UTF8.self)))
      case .cli: TaggedValue(named("cli"), .string(try view.changeText(isReversed: isReversed)))
      case .native, .cliC: nil
      }
    let result = named("dry-run-result")
    return [TaggedValue(result, .start)] + (leaf.map { [$0] } ?? []) + [TaggedValue(result, .stop)]
  }
}
