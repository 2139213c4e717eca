import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

extension IterationItem {
  /// A difference as clients are told it.
  init(_ difference: DataDifference) {
    let change: Change =
      switch difference.change {
      case .created: .created
      case .deleted(let old): .deleted(old: old)
      case .modified: .modified
      case .valueSet(let old, let new): .valueSet(old: old, new: new)
      case .movedAfter(let keys): .movedAfter(keys)
      case .attributeSet(let number, let value): .attributeSet(number, value)
      }
    self = .change(difference.path, change)
  }
}

/// DIFF_ITER and DIFF_IKP_ITER: tells changes that were collected, one at a time.
final class DiffIteration: Iteration {
  private var changes: ArraySlice<DataDifference>
  private(set) var last: DataDifference?

  init(_ changes: [DataDifference]) { self.changes = changes[...] }

  func next(after answer: IterationAnswer?) throws(NSOError) -> IterationItem? {
    if let last {
      switch answer {
      case .continue: skip { $0.key.count > last.key.count && $0.key.starts(with: last.key) }
      case .up: skip { $0.key.starts(with: last.parentKey) }
      default: break
      }
    }
    last = changes.popFirst()
    return last.map(IterationItem.init)
  }

  private func skip(while condition: (DataDifference) -> Bool) {
    changes = changes.drop(while: condition)
  }
}

extension MAAPIConnection {
  /// The changes of a transaction, collected elsewhere and then told in lock step.
  func beginDiff(
    _ call: MAAPICall, _ flags: IterationFlags, _ path: WireKeypath?, _ out: inout ByteBuffer
  ) -> FrameOutcome {
    let work: (view: TreeView, place: Location)
    do throws(NSOError) {
      let use = try use(call)
      work = (
        try use.view(), try path.map { (path) throws(NSOError) in try use.locate(path, call.isRelative) } ?? .root
      )
    } catch {
      out.writeFrame { IterationItem(error).write(into: &$0) }
      return .done
    }
    let later = connection.later { (result: Result<[DataDifference], NSOError>, out) in
      self.begin({ () throws(NSOError) in DiffIteration(try result.get()) }, &out)
    }
    services.offload(to: later) { () throws(NSOError) in
      var options: DataDifference.Options = []
      if flags.contains(.wantPresenceContainers) { options.insert(.presenceContainers) }
      if flags.contains(.wantAttributes) { options.insert(.attributes) }
      return try work.view.differences(below: work.place, options)
    }
    return .later
  }
}
