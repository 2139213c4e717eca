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
  /// Where missing data of providers is fetched.
  var providerTree: ProviderTree? { get }
}

extension Iteration {
  var providerTree: ProviderTree? { nil }
}

/// A connection that can be in the middle of such an exchange.
protocol IteratingConnection: APIConnection {
  /// Answered by frames of four bytes while it lasts.
  var iteration: (any Iteration)? { get set }
  var connection: IPCConnection { get }
  var services: Services { get }
}

extension IteratingConnection {
  /// There is no reply with an op word here, not even for errors: everything is an item.
  func begin(
    waitingIn tree: ProviderTree? = nil, _ make: @escaping () throws(NSOError) -> any Iteration, _ out: inout ByteBuffer
  ) -> FrameOutcome {
    do throws(NSOError) {
      let iteration = try make()
      self.iteration = iteration
      return advance(iteration, nil, &out)
    } catch {
      if error.code == .waitsForProvider { return waitForProvider(tree) { self.begin(waitingIn: tree, make, &$0) } }
      tree?.endOperation()
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
      if error.code == .waitsForProvider {
        return waitForProvider(iteration.providerTree) { self.advance(iteration, answer, &$0) }
      }
      item = IterationItem(error)
      self.iteration = nil
    }
    iteration.providerTree?.endOperation()
    out.writeFrame { item.write(into: &$0) }
    return .done
  }

  /// A step needs data of a provider: it is done again, from where it stood, when that was fetched.
  private func waitForProvider(
    _ tree: ProviderTree?, _ again: @escaping (inout ByteBuffer) -> FrameOutcome
  ) -> FrameOutcome {
    let later = connection.later(gone: { (_: Void) in tree?.endOperation() }) { (result: Result<Void, NSOError>, out) in
      switch result {
      case .success: return again(&out)
      case .failure(let error):
        tree?.endOperation()
        self.iteration = nil
        out.writeFrame { IterationItem(error).write(into: &$0) }
        return .done
      }
    }
    services.run(for: later) { () async throws(NSOError) in try await tree?.fetchWanted() }
    return .later
  }
}

extension MAAPIConnection {
  /// ITERATE: all data at and below a path.
  func beginIteration(
    _ call: MAAPICall, _ flags: IterationFlags, _ path: WireKeypath, _ out: inout ByteBuffer
  ) -> FrameOutcome {
    begin(
      waitingIn: (try? use(call))?.transaction.providerTree,
      { [self] () throws(NSOError) in
        let use = try use(call)
        let place = try use.locate(path, call.isRelative)
        return try DataIteration(
          use.view(), at: place, use.options, wantsAttributes: flags.contains(.wantAttributes))
      }, &out)
  }
}
