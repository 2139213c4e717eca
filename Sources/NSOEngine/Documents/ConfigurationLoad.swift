public import NSODocument
public import NSOModel
import Synchronization

/// A load of a document into a transaction, piece by piece. Nothing shows in the transaction until ``finish()``; nothing
/// else can be written into it meanwhile. To be used by one thread at a time, away from event loops.
public final class ConfigurationLoad: Sendable {
  private struct State {
    var editor: TreeEditor
    var loader: DocumentLoader
    var parser: any DocumentParser
    /// Nothing at all is no document (XML).
    var needsContent: Bool
    var isOver = false

    mutating func feed(_ bytes: [UInt8]) -> NSOError? {
      guard !isOver else { return NSOError(.badState, "the load is over") }
      do {
        try parser.feed(bytes) { event in try loader.handle(event, &editor) }
        return nil
      } catch { return failure(error) }
    }

    mutating func finish() -> NSOError? {
      guard !isOver else { return NSOError(.badState, "the load is over") }
      do {
        try parser.finish { event in try loader.handle(event, &editor) }
        try loader.finish(&editor)
        guard loader.hasContent || !needsContent else { return NSOError(.badConfig, "the document is empty") }
        return nil
      } catch { return failure(error) }
    }

    mutating func take(_ event: DocumentEvent) -> NSOError? {
      guard !isOver else { return NSOError(.badState, "the load is over") }
      do throws(NSOError) {
        try loader.handle(event, &editor)
        return nil
      } catch { return error }
    }

    private func failure(_ error: any Error) -> NSOError {
      switch error {
      case let error as NSOError: NSOError(error.code, "\(parser.position): \(error.message)", appTag: error.appTag)
      case let error as DocumentError: NSOError(.badConfig, "\(error)")
      default: NSOError(.internal, "\(error)")
      }
    }
  }

  private let transaction: Transaction
  /// What was there.
  private let before: TreeEditor
  /// Of the hook that loads.
  private let run: UInt64?
  private let judge: AccessGuard?
  // The parser is a class of its own library; the mutex sees to it that one thread at a time has it.
  private let state: Mutex<State>

  /// - Parameter place: what the document says is below it, and only that is deleted first in mode create.
  /// - Throws: NOT_WRITABLE, BADSTATE or NOTRANS when the transaction cannot be written.
  public init(
    _ transaction: Transaction, _ options: LoadOptions, below place: Location = .root, as writer: TransactionWriter = .engine
  ) throws(NSOError) {
    guard transaction.mode == .readWrite else {
      throw NSOError(
        .notWritable, "transaction \(transaction.handle) is a read transaction: a load needs one to read and write")
    }
    switch options.format {
    case .xml, .xmlPretty, .json, .jsonPretty: break
    case .curly, .setCommands, .keypaths:
      throw NSOError(.notImplemented, "the formats of the CLI are loaded by its commands only: use XML or JSON")
    }
    let (before, run) = try transaction.beginWriting(as: writer)
    asksHooks = transaction.asksHooks(at: place, as: writer)
    // What replaces all that is there is checked as a whole: only what is different afterwards counts.
    judge = options.mode == .merge ? nil : before.access
    var editor = asksHooks || judge != nil ? before.layered() : before
    if judge != nil { editor.access = nil }
    // A document may say what depends on a condition before what the condition depends on.
    editor.conditions = .delayed
    self.transaction = transaction
    self.before = before
    self.run = run
    let target = editor.target
    do throws(NSOError) {
      if options.mode == .create || options.edit == .replace, target == .configuration { try editor.remove(place) }
      if place.node != nil { try editor.ensurePlace(place) }
    } catch {
      transaction.cancelWriting(run)
      throw error
    }
    let loader = DocumentLoader(transaction.model, options, target, below: place)
    let format = options.format
    let needsContent = (format == .xml || format == .xmlPretty) && options.edit == nil
    state = Mutex(State(editor: editor, loader: loader, parser: Self.parser(format), needsContent: needsContent))
  }

  /// Its end has to wait for set hooks or transforms: ``finishThroughHooks()``.
  public let asksHooks: Bool

  /// Whether the document has said anything so far that is not passed over on the top level.
  public var hasTaken: Bool { state.withLock { $0.loader.hasTaken } }

  deinit { abandon() }

  private static func parser(_ format: DocumentFormat) -> sending any DocumentParser {
    switch format {
    // A bare sequence of elements will do as well as one that holds them.
    case .xml, .xmlPretty: XMLDocumentParser(framing: .sequence)
    default: JSONDocumentParser()
    }
  }

  /// Loads more of the document.
  /// - Throws: what is wrong with it, with line and column. The load is over then, and the transaction as before.
  public func feed(_ bytes: [UInt8]) throws(NSOError) {
    guard let failure = state.withLock({ $0.feed(bytes) }) else { return }
    abandon()
    throw failure
  }

  /// As ``feed(_:)``, for a document that somebody else reads.
  public func take(_ event: DocumentEvent) throws(NSOError) {
    guard let failure = state.withLock({ $0.take(event) }) else { return }
    abandon()
    throw failure
  }

  /// What was wrong with the document, if there are words for it.
  public var fault: LoadFault? { state.withLock { $0.loader.fault } }

  /// The document is complete: what it said is in the transaction now.
  public func finish() throws(NSOError) {
    let editor = try end()
    do throws(NSOError) {
      guard !asksHooks else { throw NSOError(.internal, "a load that has to ask hooks ends with finishThroughHooks") }
      try transaction.endWriting(editor, run)
    } catch {
      transaction.cancelWriting(run)
      throw error
    }
  }

  /// As ``finish()``, and asks set hooks and transforms about all that was loaded; nothing is loaded when one refuses it.
  public func finishThroughHooks() async throws(NSOError) {
    guard asksHooks else { return try finish() }
    let editor = try end()
    do throws(NSOError) { try await transaction.askHooks(about: editor, over: before) } catch {
      transaction.cancelWriting(run)
      throw error
    }
  }

  /// The document has ended.
  private func end() throws(NSOError) -> TreeEditor {
    if let failure = state.withLock({ $0.finish() }) {
      abandon()
      throw failure
    }
    let editor = state.withLock { state in
      state.isOver = true
      return state.editor
    }
    guard let judge else { return editor }
    do throws(NSOError) {
      try judge.judge(of: editor)
      return asksHooks ? editor : try editor.folded(over: before)
    } catch {
      transaction.cancelWriting(run)
      throw error
    }
  }

  /// Gives up; the transaction is as it was before.
  public func abandon() {
    let wasOpen = state.withLock { state in
      defer { state.isOver = true }
      return !state.isOver
    }
    if wasOpen { transaction.cancelWriting(run) }
  }
}

extension Transaction {
  /// Takes what a load made.
  func endLoad(_ editor: TreeEditor) {
    state.withLock { state in
      state.isBusy = false
      guard state.phase == .read else { return }
      let (conditions, access) = (state.editor.conditions, state.editor.access)
      state.editor = editor
      state.editor.conditions = conditions
      state.editor.access = access
      noteWrite(&state)
    }
  }
}
