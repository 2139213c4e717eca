public import NSOModel
import NSOSchema
import NSOStore
import Synchronization

extension Transaction {
  /// As ``write(_:)`` for work that takes long: whoever asks something of the transaction meanwhile does not wait, but reads what was
  /// there before, and cannot write.
  public func writeAtLength<R>(
    as writer: TransactionWriter = .engine, _ body: (inout TreeEditor) throws(NSOError) -> R
  ) throws(NSOError) -> R {
    let (before, run) = try beginWriting(as: writer)
    var editor = before
    do throws(NSOError) {
      let result = try body(&editor)
      try endWriting(editor, run)
      return result
    } catch {
      cancelWriting(run)
      throw error
    }
  }

  /// Makes the configuration at and below a place the same as in another transaction (protocol part 04, COPY and COPY_PATH): what is
  /// only here is deleted. List entries and presence containers that the place is in are made as they are there. Everything there counts
  /// as read here, so that a commit of somebody else in between is a conflict. Takes time in proportion to the data.
  /// - Throws: ACCESS_DENIED between transactions of different sessions, NOT_WRITABLE, BADSTATE.
  public func takeOver(
    from source: Transaction, below place: Location, as writer: TransactionWriter = .owner
  ) throws(NSOError) {
    try writeAtLength(as: writer, try takingOver(from: source, below: place))
  }

  /// The write that ``takeOver(from:below:)`` is.
  public func takingOver(
    from source: Transaction, below place: Location
  ) throws(NSOError) -> @Sendable (inout TreeEditor) throws(NSOError) -> Void {
    guard source.session === session else {
      throw NSOError(
        .accessDenied,
        "\(source.summary) cannot be copied to \(summary): both must belong to the same user session")
    }
    guard database != .operational else {
      throw NSOError(.notWritable, "\(summary) takes operational data only: configuration cannot be copied to it")
    }
    // What is not seen is copied, too: whoever copies does not know of it, and it stays as hidden as it was.
    let view = try source.view(unchecked: true)
    return { (editor) throws(NSOError) in
      try editor.judgedAsWhole { (editor) throws(NSOError) in try editor.takeOver(view.configuration, below: place) }
    }
  }

  /// Switches the delayed-when mode (protocol part 04, SET_DELAYED_WHEN). When it is switched off, what no condition allows any more is
  /// removed.
  /// - Returns: whether it was on.
  public func setDelayedWhen(_ isOn: Bool) throws(NSOError) -> Bool {
    let was = try state.withLock { state throws(NSOError) in
      try requireWritable(state)
      let was = state.editor.conditions == .delayed
      if isOn { state.editor.conditions = .delayed }
      return was
    }
    guard was, !isOn else { return was }
    try writeAtLength { (editor) throws(NSOError) in try editor.settleAllConditions() }
    state.withLock { $0.editor.conditions = .atOnce }
    return true
  }

  /// Data with the attribute INACTIVE is no longer seen, nor what is in it (flag HIDE_INACTIVE, for read transactions). Looks at all
  /// configuration if there are attributes.
  public func hideInactive() throws(NSOError) {
    let tree = try state.withLock { state throws(NSOError) in
      guard state.phase != .finished else { throw finished }
      return state.editor.configuration
    }
    let active = try storeErrors { () throws(StoreError) in
      var overlay = Overlay(tree)
      for path in try tree.nodes(with: .inactive, model.layout) { try overlay.delete(path) }
      return overlay
    }
    guard !active.isEmpty else { return }
    state.withLock { $0.editor.configuration = active }
  }
}

extension TreeEditor {
  mutating func takeOver(_ source: any DataTree, below place: Location) throws(NSOError) {
    written.noteAll()
    guard let node = place.node else {
      return try storeErrors { () throws(StoreError) in try configuration.takeOver(source, below: .root) }
    }
    guard try writable(place) == node, model[node].placement == .configuration else { return }
    guard try storeErrors({ () throws(StoreError) in try source.hasContent(place.path) }) else { return try remove(place) }
    try chooseCase(of: place)
    try storeErrors { () throws(StoreError) in
      for path in model.layout.lineage(of: place.path) {
        guard path != place.path || path.isEntry, let record = try source.bytes(path), try !configuration.exists(path) else {
          continue
        }
        if path.isEntry { try configuration.createEntry(path, record) } else { configuration.set(path, record) }
      }
      try configuration.takeOver(source, below: place.path)
    }
  }
}
