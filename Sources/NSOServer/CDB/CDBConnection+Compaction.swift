import NIOCore
import NSOEngine
import NSOModel
import NSOStore
import NSOWire

/// Compaction (protocol part 03, section 6.7). Our databases keep no journal: room that becomes free is used again at once, so they
/// are always as compact as they get while the daemon runs, and an order to compact is done when it comes.
extension CDBConnection {
  /// Nil: another kind of request.
  func compact(_ request: CDBRequest, _ op: UInt32, _ out: inout ByteBuffer) -> FrameOutcome? {
    switch request {
    case .initiateCompaction: out.writeDone(op)
    case .initiateFileCompaction(let file):
      out.writeAnswer(to: op) { (_) throws(NSOError) in try checkFile(file) }
    case .getCompactionInfo(let file):
      out.writeAnswer(to: op) { (out) throws(NSOError) in
        try checkFile(file)
        guard file != 3 else { throw NSOError(.unavailable, "this daemon has no snapshot database (file 3)") }
        let statistics: StoreStatistics
        do throws(StoreError) {
          statistics = try (file == 1 ? engine.stores.durable : engine.stores.volatile).statistics()
        } catch {
          throw NSOError(store: error)
        }
        let info = CompactionInfo(
          previousSize: 0, currentSize: Int64(clamping: statistics.size), lastTime: 0,
          transactionsSince: Int64(clamping: statistics.revision.rawValue))
        out.moveWriterIndex(to: out.writerIndex - 4)
        Reply.compaction(info).write(op: op, into: &out)
      }
    default: return nil
    }
    return .done
  }

  private func checkFile(_ file: Int64) throws(NSOError) {
    guard (1...3).contains(file) else {
      throw NSOError(.protocolUsage, "\(file) is no database file: 1 configuration, 2 operational, 3 snapshot")
    }
  }
}
