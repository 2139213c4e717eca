import NSOModel
import NSOSchema
import NSOStore
import Synchronization

/// From where on commits can be delivered again (protocol part 03, section 7.11). The commits themselves are those of the
/// ``History``; what is kept here, and with each commit in the database, is where the changes begin that the schema of now can tell:
/// replay was enabled then, or the schema became another one.
final class ReplayRecord: Sendable {
  /// After this commit replay is possible.
  struct Start: Hashable, Sendable {
    /// Of running.
    var revision: UInt64
    var id: TransactionID
  }

  private struct Kept: Hashable {
    var form: [UInt8]
    var start: Start
  }

  private struct State {
    /// Nil: not enabled.
    var current: Kept?
    /// What the database has.
    var stored: Kept?
  }

  private let state: Mutex<State>

  init(_ store: Store) throws(StoreError) { state = Mutex(State(stored: try Self.read(store.snapshot()))) }

  /// Nil: replay is off.
  var start: Start? { state.withLock { $0.current?.start } }

  /// - Parameter now: the latest commit.
  func enable(_ model: DataModel, now: Start) {
    let form = Self.form(of: model)
    state.withLock { state in
      guard state.current == nil else { return }
      if let stored = state.stored, stored.form == form, stored.start.revision <= now.revision {
        state.current = stored
      } else {
        state.current = Kept(form: form, start: now)
      }
    }
  }

  func disable() { state.withLock { $0.current = nil } }

  // MARK: With commits

  /// What has to become durable with a commit; nothing most of the time.
  func addRecords(to batch: inout WriteBatch) {
    let (current, stored) = state.withLock { ($0.current, $0.stored) }
    if current != stored { Self.write(current, to: &batch) }
  }

  func didCommit() { state.withLock { $0.stored = $0.current } }

  /// As ``addRecords(to:)``, for an upgrade of the schema: what was before it is told no more.
  func addUpgrade(_ model: DataModel, _ start: Start, to batch: inout WriteBatch) {
    guard self.start != nil else { return addRecords(to: &batch) }
    Self.write(Kept(form: Self.form(of: model), start: start), to: &batch)
  }

  func didUpgrade(_ model: DataModel, _ start: Start) {
    let form = Self.form(of: model)
    state.withLock { state in
      if state.current != nil { state.current = Kept(form: form, start: start) }
      state.stored = state.current
    }
  }

  // MARK: In the database

  /// Space `meta`: form of the schema, revision, id.
  private static let key: [UInt8] = Array("replay-start".utf8)

  private static func read(_ snapshot: Snapshot) throws(StoreError) -> Kept? {
    guard let bytes = try snapshot.get(.meta, key), bytes.count == 28 else { return nil }
    func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
    func word(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: number(offset..<offset + 4)) }
    return Kept(
      form: Array(bytes[..<8]),
      start: Start(
        revision: number(8..<16), id: TransactionID(seconds: word(16), microseconds: word(20), sequence: word(24))))
  }

  private static func write(_ kept: Kept?, to batch: inout WriteBatch) {
    guard let kept else { return batch.delete(.meta, key) }
    var bytes = kept.form
    withUnsafeBytes(of: kept.start.revision.bigEndian) { bytes += $0 }
    for number in [kept.start.id.seconds, kept.start.id.microseconds, kept.start.id.sequence] {
      withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
    }
    batch.put(.meta, key, bytes)
  }

  /// Differs when the schema does: its modules and revisions, and the names, kinds, types and places of its nodes (FNV-1a).
  private static func form(of model: DataModel) -> [UInt8] {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    func add(_ text: String) {
      for byte in text.utf8 { add(byte: byte) }
      add(byte: 0)
    }
    func add(number: UInt32) {
      for shift in [0, 8, 16, 24] as [UInt32] { add(byte: UInt8(truncatingIfNeeded: number >> shift)) }
    }
    for module in model.schema.modules where module.isImplemented {
      add(module.name)
      add(module.revision ?? "")
    }
    for node in model.schema.nodes where model.layout.isStored(node.id) {
      add(node.name.name)
      add(number: UInt32(bitPattern: node.parent?.rawValue ?? -1))
      add(byte: node.kind.rawValue)
      add(number: node.flags.rawValue)
      add(number: UInt32(truncatingIfNeeded: node.typeNumber ?? 0))
      switch node.type?.kind {
      case .enumeration(let rules):
        for item in rules.items {
          add(item.name)
          add(number: UInt32(bitPattern: item.value))
        }
      case .bits(let rules):
        for item in rules.items {
          add(item.name)
          add(number: item.position)
        }
      default: break
      }
    }
    return withUnsafeBytes(of: hash.bigEndian) { Array($0) }
  }
}
