internal import CLibYang
internal import NSOModel

/// Makes `SchemaType`s from the library's compiled types, with the names that only the parsed statements have.
final class TypeBuilder {
  private let builder: SchemaBuilder
  private let table: NodeTable
  private let strings: StringCache
  private let resolver: TypedefResolver
  let identities: IdentityCollector

  private struct Key: Hashable {
    var compiled: UnsafePointer<lysc_type>
    var statement: UnsafePointer<lysp_type>?
  }

  private enum Progress {
    case open
    case done(SchemaType?)
  }

  private var shared: [Key: SchemaType] = [:]
  /// Top-level named types that types are derived from.
  private var used: Set<UnsafePointer<lysp_tpdf>> = []
  private var ofNode: [NodeID: Progress] = [:]
  private var patterns: [UnsafeMutablePointer<lysc_pattern>: Pattern] = [:]
  private var expressions: [String: RegularExpression] = [:]
  private var identityRules: [[UnsafePointer<lysc_ident>]: IdentityRules] = [:]
  let prefixMaps: PrefixMapCache
  private let deviatedTypes: DeviatedTypes
  private let namespaceByModule: [String: String]

  init(_ builder: SchemaBuilder, table: NodeTable) {
    self.builder = builder
    self.table = table
    strings = builder.strings
    resolver = TypedefResolver(strings: builder.strings)
    identities = IdentityCollector(builder)
    prefixMaps = PrefixMapCache(strings: builder.strings)
    deviatedTypes = DeviatedTypes(builder.libModules, strings: builder.strings)
    var names: [String: String] = [:]
    for module in builder.libModules {
      if let name = builder.strings.string(module.pointee.name), names[name] == nil {
        names[name] = builder.strings.string(module.pointee.ns)
      }
    }
    namespaceByModule = names
  }

  /// Namespace of a module by name, as prefixes are meant in the library's own texts.
  var namespaceOfModule: @Sendable (String?) -> String? {
    { [namespaceByModule] name in name.flatMap { namespaceByModule[$0] } }
  }

  /// The type of a leaf or leaf-list.
  func type(of id: NodeID) -> SchemaType? {
    switch ofNode[id] {
    case .done(let type): return type
    // A circle of leafrefs, which the library does not let through.
    case .open: return nil
    case nil: break
    }
    let draft = builder.drafts[id.index]
    guard let compiled = draft.source.leafType else { return nil }
    ofNode[id] = .open
    let type: SchemaType
    if let deviated = deviatedTypes.statement(for: draft.source) {
      type = make(compiled, statement: deviated, scope: nil, node: id)
    } else {
      type = make(compiled, statement: draft.source.parsed?.typeStatement, scope: draft.source.parsed, node: id)
    }
    ofNode[id] = .done(type)
    return type
  }

  // MARK: Named types

  /// Named types of a module that are in use, without those of leafrefs, whose values depend on the place.
  func typedefs(of module: LibModule) -> [SchemaTypedef] {
    guard let parsed = UnsafePointer(module.pointee.parsed), let namespace = strings.string(module.pointee.ns) else {
      return []
    }
    var found: [SchemaTypedef] = []
    for part in parsed.parts {
      let list = items(part.pointee.typedefs)
      for index in list.indices {
        guard let definition = list.baseAddress.map({ $0 + index }), let name = strings.string(definition.pointee.name),
          used.contains(definition) || definition.pointee.type.compiled != nil,
          let type = type(of: definition, name: name, module: strings.string(module.pointee.name) ?? "")
        else { continue }
        found.append(SchemaTypedef(name: QName(namespace: namespace, name: name), type: type))
      }
    }
    return found
  }

  private func type(of definition: UnsafePointer<lysp_tpdf>, name: String, module: String) -> SchemaType? {
    let statement = definition.typeStatement
    let chain = resolver.chain(statement, scope: nil)
    // The library compiles only named types that say more than the type they stand on.
    let compiled = [definition.pointee.type.compiled] + chain.steps.map { $0.definition.pointee.type.compiled }
    guard let compiled = compiled.compactMap({ $0 }).first.map({ UnsafePointer($0) }) else {
      guard let kind = plain(chain.base) else { return nil }
      return made(kind, chain: chain, statement: statement, extensions: [])
    }
    guard compiled.pointee.basetype != LY_TYPE_LEAFREF else { return nil }
    let type = make(compiled, statement: statement, scope: nil, node: nil)
    guard let form = SpecialForm.named(name, module: module) else { return type }
    return made(.special(form, StringRules()), chain: chain, statement: statement, extensions: type.extensions)
  }

  /// A built-in type without restrictions.
  private func plain(_ statement: UnsafePointer<lysp_type>) -> SchemaType.Kind? {
    switch strings.string(statement.pointee.name) {
    case "string": .string(StringRules())
    case "binary": .binary(length: nil)
    case "boolean": .boolean
    case "empty": .empty
    case "int8": .signed(.int8, range: nil)
    case "int16": .signed(.int16, range: nil)
    case "int32": .signed(.int32, range: nil)
    case "int64": .signed(.int64, range: nil)
    case "uint8": .unsigned(.uint8, range: nil)
    case "uint16": .unsigned(.uint16, range: nil)
    case "uint32": .unsigned(.uint32, range: nil)
    case "uint64": .unsigned(.uint64, range: nil)
    case "instance-identifier": .instanceIdentifier(requireInstance: true)
    default: nil
    }
  }

  // MARK: One type

  private func make(
    _ compiled: UnsafePointer<lysc_type>, statement: UnsafePointer<lysp_type>?, scope: ParsedNode?, node: NodeID?
  ) -> SchemaType {
    let key = Key(compiled: compiled, statement: statement)
    if let known = shared[key] { return known }
    let chain = statement.map { resolver.chain($0, scope: scope) }
    for step in chain?.steps ?? [] where step.isTopLevel { used.insert(step.definition) }
    let kind = kind(compiled, chain: chain, statement: statement, node: node)
    let type = made(
      kind, chain: chain, statement: statement,
      extensions: builder.extensions.read(compiled.pointee.exts, parsed: statement?.pointee.exts))
    if !refersToNode(kind) { shared[key] = type }
    return type
  }

  private func made(
    _ kind: SchemaType.Kind, chain: TypedefResolver.Chain?, statement: UnsafePointer<lysp_type>?,
    extensions: [ExtensionStatement]
  ) -> SchemaType {
    let steps = chain?.steps ?? []
    return SchemaType(
      kind,
      typedefs: steps.filter(\.isTopLevel).compactMap { step in
        strings.string(step.definition.pointee.name).flatMap { name in
          strings.string(step.module.pointee.ns).map { QName(namespace: $0, name: name) }
        }
      },
      isRestricted: isRestricted(statement) || steps.first?.isTopLevel == false, extensions: extensions)
  }

  private func refersToNode(_ kind: SchemaType.Kind) -> Bool {
    switch kind {
    case .leafref: true
    case .union(let members): members.contains { refersToNode($0.kind) }
    default: false
    }
  }

  private func isRestricted(_ statement: UnsafePointer<lysp_type>?) -> Bool {
    let mask =
      LYS_SET_BASE | LYS_SET_BIT | LYS_SET_ENUM | LYS_SET_FRDIGITS | LYS_SET_LENGTH | LYS_SET_PATH | LYS_SET_PATTERN
      | LYS_SET_RANGE | LYS_SET_TYPE | LYS_SET_REQINST
    return statement.map { Int32($0.pointee.flags) & mask != 0 } ?? false
  }

  private func kind(
    _ compiled: UnsafePointer<lysc_type>, chain: TypedefResolver.Chain?, statement: UnsafePointer<lysp_type>?, node: NodeID?
  ) -> SchemaType.Kind {
    switch compiled.pointee.basetype {
    case LY_TYPE_STRING: return string(compiled, chain: chain, statement: statement)
    case LY_TYPE_BINARY: return .binary(length: unsignedRanges(compiled.cast(lysc_type_bin.self).pointee.length))
    case LY_TYPE_BOOL: return .boolean
    case LY_TYPE_EMPTY: return .empty
    case LY_TYPE_INT8: return .signed(.int8, range: signedRanges(compiled.cast(lysc_type_num.self).pointee.range))
    case LY_TYPE_INT16: return .signed(.int16, range: signedRanges(compiled.cast(lysc_type_num.self).pointee.range))
    case LY_TYPE_INT32: return .signed(.int32, range: signedRanges(compiled.cast(lysc_type_num.self).pointee.range))
    case LY_TYPE_INT64: return .signed(.int64, range: signedRanges(compiled.cast(lysc_type_num.self).pointee.range))
    case LY_TYPE_UINT8: return .unsigned(.uint8, range: unsignedRanges(compiled.cast(lysc_type_num.self).pointee.range))
    case LY_TYPE_UINT16: return .unsigned(.uint16, range: unsignedRanges(compiled.cast(lysc_type_num.self).pointee.range))
    case LY_TYPE_UINT32: return .unsigned(.uint32, range: unsignedRanges(compiled.cast(lysc_type_num.self).pointee.range))
    case LY_TYPE_UINT64: return .unsigned(.uint64, range: unsignedRanges(compiled.cast(lysc_type_num.self).pointee.range))
    case LY_TYPE_DEC64:
      let decimal = compiled.cast(lysc_type_dec.self).pointee
      return .decimal64(fractionDigits: decimal.fraction_digits, range: signedRanges(decimal.range))
    case LY_TYPE_ENUM: return .enumeration(enumeration(compiled, chain: chain))
    case LY_TYPE_BITS: return .bits(bits(compiled))
    case LY_TYPE_IDENT: return .identityref(identityRules(compiled))
    case LY_TYPE_INST:
      return .instanceIdentifier(requireInstance: compiled.cast(lysc_type_instanceid.self).pointee.require_instance != 0)
    case LY_TYPE_LEAFREF: return leafref(compiled, node: node)
    case LY_TYPE_UNION: return .union(members(compiled, chain: chain, node: node))
    default: return .string(StringRules())
    }
  }

  private func string(
    _ compiled: UnsafePointer<lysc_type>, chain: TypedefResolver.Chain?, statement: UnsafePointer<lysp_type>?
  ) -> SchemaType.Kind {
    let source = compiled.cast(lysc_type_str.self).pointee
    let all = items(source.patterns).compactMap { $0.flatMap(pattern) }
    let length = unsignedRanges(source.length)
    for (index, step) in (chain?.steps ?? []).enumerated() where step.isTopLevel {
      guard let module = strings.string(step.module.pointee.name), let name = strings.string(step.definition.pointee.name),
        let form = SpecialForm.named(name, module: module)
      else { continue }
      // What the published type says itself is in its value form; only what is added to it has to be checked on the text.
      let known = step.definition.pointee.type.compiled.map {
        items(UnsafePointer($0).cast(lysc_type_str.self).pointee.patterns).count
      }
      let outer = [statement?.pointee.flags ?? 0] + (chain?.steps[..<index].map { $0.definition.pointee.type.flags } ?? [])
      let ownLength = outer.contains { Int32($0) & LYS_SET_LENGTH != 0 }
      return .special(form, StringRules(length: ownLength ? length : nil, patterns: Array(all.dropFirst(known ?? 0))))
    }
    return .string(StringRules(length: length, patterns: all))
  }

  private func pattern(_ source: UnsafeMutablePointer<lysc_pattern>) -> Pattern? {
    if let known = patterns[source] { return known }
    guard let text = strings.string(source.pointee.expr) else { return nil }
    var code = expressions[text]
    if code == nil {
      guard let original = source.pointee.code, let copy = RegularExpression(copying: original) else { return nil }
      expressions[text] = copy
      code = copy
    }
    guard let code else { return nil }
    let made = Pattern(
      expression: text, isInverted: nso_pattern_inverted(source) != 0, errorMessage: strings.string(source.pointee.emsg),
      errorAppTag: strings.string(source.pointee.eapptag), code: code)
    patterns[source] = made
    return made
  }

  // MARK: Restrictions

  private func signedRanges(_ source: UnsafeMutablePointer<lysc_range>?) -> Ranges<Int64>? {
    guard let source else { return nil }
    return Ranges(
      items(source.pointee.parts).compactMap { $0.min_64 <= $0.max_64 ? $0.min_64...$0.max_64 : nil },
      errorMessage: strings.string(source.pointee.emsg), errorAppTag: strings.string(source.pointee.eapptag))
  }

  private func unsignedRanges(_ source: UnsafeMutablePointer<lysc_range>?) -> Ranges<UInt64>? {
    guard let source else { return nil }
    return Ranges(
      items(source.pointee.parts).compactMap { $0.min_u64 <= $0.max_u64 ? $0.min_u64...$0.max_u64 : nil },
      errorMessage: strings.string(source.pointee.emsg), errorAppTag: strings.string(source.pointee.eapptag))
  }

  private func enumeration(_ compiled: UnsafePointer<lysc_type>, chain: TypedefResolver.Chain?) -> EnumerationRules {
    let parsed = items(chain?.base.pointee.enums)
    return EnumerationRules(
      items(compiled.cast(lysc_type_enum.self).pointee.enums).map { item in
        EnumerationRules.Item(
          name: strings.string(item.name) ?? "", value: item.value, status: status(item.flags),
          description: strings.string(item.dsc),
          extensions: builder.extensions.read(item.exts, parsed: parsed.first { $0.name == item.name }?.exts))
      })
  }

  private func bits(_ compiled: UnsafePointer<lysc_type>) -> BitsRules {
    BitsRules(
      items(compiled.cast(lysc_type_bits.self).pointee.bits).map { item in
        BitsRules.Item(
          name: strings.string(item.name) ?? "", position: item.position, status: status(item.flags),
          description: strings.string(item.dsc))
      })
  }

  private func status(_ flags: UInt16) -> SchemaStatus {
    if Int32(flags) & LYS_STATUS_OBSLT != 0 { return .obsolete }
    return Int32(flags) & LYS_STATUS_DEPRC != 0 ? .deprecated : .current
  }

  private func identityRules(_ compiled: UnsafePointer<lysc_type>) -> IdentityRules {
    let bases = items(compiled.cast(lysc_type_identityref.self).pointee.bases).compactMap { $0.map { UnsafePointer($0) } }
    if let known = identityRules[bases] { return known }
    let made = identities.rules(bases: bases)
    identityRules[bases] = made
    return made
  }

  // MARK: Unions

  private func members(
    _ compiled: UnsafePointer<lysc_type>, chain: TypedefResolver.Chain?, node: NodeID?
  ) -> [SchemaType] {
    let types = items(compiled.cast(lysc_type_union.self).pointee.types)
    // The library lists the members of inner unions in place of these; so must we to pair them with their statements.
    let statements = chain.map(memberStatements) ?? []
    let paired = statements.count == types.count
    return types.enumerated().compactMap { index, type in
      type.map {
        make(
          UnsafePointer($0), statement: paired ? statements[index].type : nil, scope: paired ? statements[index].scope : nil,
          node: node)
      }
    }
  }

  private func memberStatements(_ chain: TypedefResolver.Chain) -> [(type: UnsafePointer<lysp_type>, scope: ParsedNode?)] {
    let list = items(chain.base.pointee.types)
    return list.indices.flatMap { index -> [(type: UnsafePointer<lysp_type>, scope: ParsedNode?)] in
      guard let member = list.baseAddress.map({ UnsafePointer($0 + index) }) else { return [] }
      let inner = resolver.chain(member, scope: chain.scope)
      return inner.base.pointee.types != nil ? memberStatements(inner) : [(member, chain.scope)]
    }
  }

  // MARK: Leafrefs

  private func leafref(_ compiled: UnsafePointer<lysc_type>, node: NodeID?) -> SchemaType.Kind {
    let source = compiled.cast(lysc_type_leafref.self).pointee
    let path = XPathExpression(
      strings.string(lyxp_get_expr(source.path)) ?? "",
      prefixes: prefixMaps.map(source.prefixes, defaultNamespace: node.map { namespace(of: $0) } ?? ""))
    let target = node.flatMap { LeafrefPath(path.text)?.resolve(from: $0, prefixes: path.prefixes, in: self) }
    let targetType =
      target.flatMap { type(of: $0) }
      ?? source.realtype.map {
        make(UnsafePointer($0), statement: nil, scope: nil, node: node)
      }
    return .leafref(
      LeafrefRules(
        path: path, requireInstance: source.require_instance != 0, target: target,
        targetType: targetType ?? SchemaType(.string(StringRules()))))
  }

  /// The data parent of a node, for paths.
  func parent(of id: NodeID) -> NodeID? { builder.drafts[id.index].parent }

  /// The child that a step of a leafref path names. Steps from inside an output stay there.
  func child(of parent: NodeID?, namespace: String, name: String, output: Bool) -> NodeID? {
    var name = name
    var found: NodeID?
    name.withUTF8 { bytes in
      table.forEach(UnsafeRawBufferPointer(bytes), of: parent?.rawValue ?? -1) { node, module in
        let id = NodeID(rawValue: node)
        guard strings.string(builder.libModules[Int(module)].pointee.ns) == namespace,
          builder.drafts[id.index].flags.contains(.output) == output || found == nil
        else { return true }
        found = id
        return builder.drafts[id.index].flags.contains(.output) != output
      }
    }
    return found
  }

  func isOutput(_ id: NodeID) -> Bool { builder.drafts[id.index].flags.contains(.output) }

  func namespace(of id: NodeID) -> String { builder.name(of: builder.drafts[id.index].source).namespace }
}
