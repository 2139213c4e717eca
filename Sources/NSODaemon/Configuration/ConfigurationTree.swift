import NSOModel
import NSOSchema

/// The content of the configuration files, checked against the YANG modules of `ncs.conf`, with the place of everything.
struct ConfigurationTree: Sendable {
  struct Node: Sendable {
    var id: NodeID
    var place: ConfigurationError.Place
    /// Leafs and leaf-list entries: the value, and as written with variables expanded.
    var value: Value?
    var text = ""
    /// It refers to variables of the environment.
    var hasVariables = false
    var children: [Node] = []
  }

  let schema: Schema
  /// The document element; `nil` where there is no file at all.
  var root: Node?

  /// A path below `/ncs-config` that the modules do not have. The modules are files and may not be those of this program.
  struct UnknownPath: Error, Hashable, CustomStringConvertible {
    var path: String

    var description: String {
      "the YANG modules of ncs.conf have no \(path): they are not those of this version; check the installation"
    }
  }

  /// The schema node for a path below `/ncs-config`; names of other modules are found without prefix where they are unique.
  func node(_ path: String) throws(UnknownPath) -> NodeID {
    var current = schema.child(of: nil, name: "ncs-config")
    for name in path.split(separator: "/") {
      guard let parent = current else { break }
      current = schema.child(of: parent, name: String(name))
    }
    guard let current else { throw UnknownPath(path: path) }
    return current
  }

  /// The nodes that were written at a path without lists: at most one, or all entries of a leaf-list.
  func written(_ path: String) throws(UnknownPath) -> [Node] {
    let lineage = schema.lineage(of: try node(path)).dropFirst()
    var nodes = root.map { [$0] } ?? []
    for id in lineage { nodes = nodes.flatMap { node in node.children.filter { $0.id == id } } }
    return nodes
  }

  /// The value of a leaf: as written, else the default; `nil` for neither.
  func value(_ path: String) throws(UnknownPath) -> Value? {
    if let node = try written(path).first { return node.value }
    return schema[try node(path)].defaultValue
  }

  /// The text of a leaf of a string type.
  func text(_ path: String) throws(UnknownPath) -> String? {
    guard case .string(let text)? = try value(path) else { return nil }
    return text
  }

  func flag(_ path: String) throws(UnknownPath) -> Bool {
    guard case .bool(let flag)? = try value(path) else { return false }
    return flag
  }

  /// The texts of a leaf-list of a string type.
  func texts(_ path: String) throws(UnknownPath) -> [String] {
    try written(path).compactMap { node in
      guard case .string(let text)? = node.value else { return nil }
      return text
    }
  }
}

extension ConfigurationTree {
  /// When a setting takes effect; `nil` for settings that this version only checks.
  enum Effect: Hashable { case start, reload, connection }

  func effect(of id: NodeID) -> Effect? {
    switch schema[id].extensions.first("effect", in: ConfigurationSchema.extensions)?.argument {
    case "start": .start
    case "reload": .reload
    case "connection": .connection
    default: nil
    }
  }

  /// Settings that were written but have no effect in this version, as paths below `/ncs-config`: whole containers where
  /// nothing in them has an effect.
  var ineffective: [String] {
    func visit(_ node: Node) -> (paths: [String], hasEffect: Bool) {
      let kind = schema[node.id].kind
      if kind == .leaf || kind == .leafList {
        // Key leafs say which entry it is; the entry as a whole counts.
        let isEffective = effect(of: node.id) != nil
        return (isEffective || schema[node.id].isKey ? [] : [shortPath(node.id)], isEffective)
      }
      let inner = node.children.map(visit)
      let hasEffect = inner.contains { $0.hasEffect } || subtreeHasEffect(node.id)
      return (hasEffect ? inner.flatMap(\.paths) : [shortPath(node.id)], hasEffect)
    }
    guard let root else { return [] }
    var seen: Set<String> = []
    return root.children.flatMap { visit($0).paths }.filter { seen.insert($0).inserted }
  }

  private func subtreeHasEffect(_ id: NodeID) -> Bool {
    (id.index..<schema[id].subtreeEnd.index).contains { effect(of: schema.nodes[$0].id) != nil }
  }

  /// The path below `/ncs-config`, without prefixes.
  func shortPath(_ id: NodeID) -> String {
    schema.lineage(of: id).dropFirst().map { schema[$0].name.name }.joined(separator: "/")
  }

  /// The leafs as they were written, with their paths below `/ncs-config`; the values of secrets are left out.
  var writtenTexts: [(path: String, text: String)] {
    func visit(_ node: Node) -> [(path: String, text: String)] {
      let kind = schema[node.id].kind
      guard kind == .leaf || kind == .leafList else { return node.children.flatMap(visit) }
      return [(shortPath(node.id), schema.isSecretSetting(node.id) ? "(not shown)" : node.text)]
    }
    return root.map(visit) ?? []
  }

  /// The files in which secrets stand in full.
  var filesWithSecrets: Set<String> {
    func visit(_ node: Node) -> [String] {
      let own = schema.isSecretSetting(node.id) && !node.hasVariables && !node.text.isEmpty ? [node.place.file] : []
      return own + node.children.flatMap(visit)
    }
    return Set(root.map(visit) ?? [])
  }

  /// The settings whose written or default value differs between two readings.
  func changes(from old: ConfigurationTree) -> [NodeID] {
    var ids: [NodeID] = []
    for node in schema.nodes where node.kind == .leaf || node.kind == .leafList {
      if leafTexts(node.id) != old.leafTexts(node.id) { ids.append(node.id) }
    }
    return ids
  }

  /// What is written at a leaf, in every list entry around it.
  private func leafTexts(_ id: NodeID) -> [String] {
    var nodes = root.map { [$0] } ?? []
    for step in schema.lineage(of: id).dropFirst() { nodes = nodes.flatMap { node in node.children.filter { $0.id == step } } }
    return nodes.map(\.text)
  }
}

extension Schema {
  /// Whether the value of a setting is a key, a password, or what a program that prints keys is told. It is in no message, log or dump.
  func isSecretSetting(_ id: NodeID) -> Bool {
    let name = self[id].name.name
    return name == "key" || name == "command-argument" || name.contains("password")
  }
}
