extension TreeLayout {
  /// Where in the key of `path` the single key values of the entry of `step` are, in schema order; empty when it is no entry.
  public func keyValues(of step: TreeStep, in path: TreePath) -> [Range<Int>] {
    guard let entryEnd = step.entryEnd else { return [] }
    return path.bytes.withUnsafeBytes { key in
      var ranges: [Range<Int>] = []
      var offset = step.nodeEnd
      while offset < entryEnd, let end = KeyEncoder.valueEnd(key, at: offset) {
        ranges.append(offset..<end)
        offset = end
      }
      return ranges
    }
  }
}
