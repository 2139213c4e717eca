import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire

/// An exchange in lock step: one item goes out, then the client's answer of four bytes comes in (protocol part 04,
/// section 5.2).
protocol Iteration: AnyObject {
  /// The next item after the client's answer; nil at the end. The first time there is no answer yet.
  func next(after answer: IterationAnswer?) throws(NSOError) -> IterationItem?
}

/// A connection that can be in the middle of such an exchange.
protocol IteratingConnection: APIConnection {
  /// Answered by frames of four bytes while it lasts.
  var iteration: (any Iteration)? { get set }
}

extension IteratingConnection {
  /// There is no reply with an op word here, not even for errors: everything is an item.
  func begin(_ make: () throws(NSOError) -> any Iteration, _ out: inout ByteBuffer) -> FrameOutcome {
    do throws(NSOError) {
      let iteration = try make()
      self.iteration = iteration
      return advance(iteration, nil, &out)
    } catch {
      out.writeFrame { IterationItem(error).write(into: &$0) }
      return .done
    }
  }

  func continueIteration(_ frame: ByteBuffer, _ out: inout ByteBuffer) -> FrameOutcome {
    guard let iteration else { return .done }
    guard let answer = IterationAnswer(frame) else {
      return .close(
        .badFrame(
          "a frame of \(frame.readableBytes) bytes where the answer to an iteration item, 1 to 5 in four bytes, is wanted: the client must answer each item, with 1 to stop"
        ))
    }
    switch answer {
    case .stop:
      // Nothing more is sent, not even an end.
      self.iteration = nil
      return .done
    case .suspend: return .done
    case .recurse, .continue, .up: return advance(iteration, answer, &out)
    }
  }

  private func advance(_ iteration: any Iteration, _ answer: IterationAnswer?, _ out: inout ByteBuffer) -> FrameOutcome {
    var item: IterationItem
    do throws(NSOError) {
      if let next = try iteration.next(after: answer) {
        item = next
      } else {
        item = .end
        self.iteration = nil
      }
    } catch {
      item = IterationItem(error)
      self.iteration = nil
    }
    out.writeFrame { item.write(into: &$0) }
    return .done
  }

}

extension MAAPIConnection {
  /// ITERATE: all data at and below a path.
  func beginIteration(
    _ call: MAAPICall, _ flags: IterationFlags, _ path: WireKeypath, _ out: inout ByteBuffer
  ) -> FrameOutcome {
    begin(
      { () throws(NSOError) in
        let use = try use(call)
        let place = try use.locate(path, call.isRelative)
        return try DataIteration(
          use.transaction.view(), at: place, use.options, wantsAttributes: flags.contains(.wantAttributes))
      }, &out)
  }
}
