internal import CLibYang

/// The type statements of `deviate replace`: the parsed statement of a deviated node is the one from before.
struct DeviatedTypes {
  private let strings: StringCache
  /// By schema path, `module:name/module:name`.
  private var statements: [String: UnsafePointer<lysp_type>] = [:]

  init(_ modules: [LibModule], strings: StringCache) {
    self.strings = strings
    for module in modules {
      for part in UnsafePointer(module.pointee.parsed)?.parts ?? [] {
        for deviation in items(part.pointee.deviations) { collect(deviation, in: part) }
      }
    }
  }

  private mutating func collect(_ deviation: lysp_deviation, in module: ParsedModule) {
    guard let target = strings.string(deviation.nodeid) else { return }
    var next = deviation.deviates
    while let deviate = next {
      next = deviate.pointee.next
      guard Int32(deviate.pointee.mod) == LYS_DEV_REPLACE,
        let type = UnsafeRawPointer(deviate).assumingMemoryBound(to: lysp_deviate_rpl.self).pointee.type
      else { continue }
      let steps = target.split(separator: "/").map { step -> String in
        let parts = step.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return String(step) }
        return "\(strings.string(module.module(prefix: parts[0])?.pointee.name) ?? ""):\(parts[1])"
      }
      statements[steps.joined(separator: "/")] = UnsafePointer(type)
    }
  }

  func statement(for node: CompiledNode) -> UnsafePointer<lysp_type>? {
    guard !statements.isEmpty else { return nil }
    var steps: [String] = []
    var next: CompiledNode? = node
    while let step = next {
      steps.append("\(strings.string(step.pointee.module?.pointee.name) ?? ""):\(strings.string(step.pointee.name) ?? "")")
      next = UnsafePointer(step.pointee.parent)
    }
    return statements[steps.reversed().joined(separator: "/")]
  }
}
