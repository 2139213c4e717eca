public import NSOModel
import NSOStore

extension TreeEditor {
  /// What is there now, as far as it may be seen by whoever writes.
  var shownView: TreeView { access?.restricted(view) ?? view }

  /// - Throws: ACCESS_DENIED.
  func requireAccess(_ operation: AccessOperation, _ place: Location) throws(NSOError) {
    if let access { try access.require(operation, place) }
  }

  /// A leaf or leaf-list gets a value.
  func requireAccessToSet(_ place: Location) throws(NSOError) {
    guard let access else { return }
    try access.require(try isPresent(place) ? .update : .create, place)
  }

  /// Runs `body` without checks of its single writes; then all that it has changed is checked as a whole.
  public mutating func judgedAsWhole<R>(_ body: (inout TreeEditor) throws(NSOError) -> R) throws(NSOError) -> R {
    guard let access else { return try body(&self) }
    var layer = layered()
    layer.access = nil
    let result = try body(&layer)
    try access.judge(of: layer)
    layer = try layer.folded(over: self)
    layer.access = access
    self = layer
    return result
  }
}

extension AccessGuard {
  /// Checks all that an editor has changed.
  func judge(of editor: TreeEditor) throws(NSOError) {
    try judge(editor.configuration)
    if let provider = editor.provider { try judge(provider) }
    if editor.target == .operational {
      try judge(editor.operational)
      try judge(editor.persistentOperational)
    }
  }
}
