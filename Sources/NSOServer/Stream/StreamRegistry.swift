import NSOModel
import Synchronization

/// The saves and loads between a MAAPI connection, which asks for them, and a STREAM connection, which carries their bytes
/// (protocol part 04, section 6): each is offered under a number, claimed by that number, and ends with a result.
final class StreamRegistry: Sendable {
  enum Work: Sendable {
    case save(SaveJob)
    case load(LoadJob)
  }

  typealias Waiter = @Sendable (Result<Void, NSOError>) -> Void
  typealias ProgressWaiter = @Sendable (Result<UInt64, NSOError>) -> Void

  private enum Phase {
    case offered
    case carried
    case ended(Result<Void, NSOError>)
  }

  private struct Stream {
    /// The connection that asked for it.
    var owner: UInt64
    var work: Work
    var phase = Phase.offered
    var waiter: Waiter?
    /// Bytes of a load that have been taken, and how many of them were told of.
    var bytes: UInt64 = 0
    var told: UInt64 = 0
    var progressWaiter: ProgressWaiter?
    /// Closes the connection that carries it.
    var drop: (@Sendable () -> Void)?
  }

  private let streams = Mutex<[Int32: Stream]>([:])

  /// Offers work to whoever knows its number, which cannot be guessed.
  func offer(_ work: Work, owner: UInt64) -> Int32 {
    streams.withLock { streams in
      var id: Int32
      repeat { id = Int32.random(in: 1...Int32.max) } while streams[id] != nil
      streams[id] = Stream(owner: owner, work: work)
      return id
    }
  }

  /// Takes the work, to carry its bytes.
  /// - Parameter drop: closes the connection that claims it, when the one that asked for it goes.
  /// - Throws: NOEXISTS for a number that is not offered (any more).
  func claim(_ id: Int32, drop: @escaping @Sendable () -> Void) throws(NSOError) -> Work {
    let work: Work? = streams.withLock { streams in
      guard let stream = streams[id], case .offered = stream.phase else { return nil }
      streams[id]?.phase = .carried
      streams[id]?.drop = drop
      return stream.work
    }
    guard let work else {
      throw NSOError(
        .noExists, "stream \(id) is not waited for: ask for it on a MAAPI connection, and connect within the time limit")
    }
    return work
  }

  /// Bytes of a load have been taken.
  func advance(_ id: Int32, by count: Int) {
    let due: (ProgressWaiter, UInt64)? = streams.withLock { streams in
      guard var stream = streams[id] else { return nil }
      stream.bytes &+= UInt64(count)
      defer { streams[id] = stream }
      guard let waiter = stream.progressWaiter else { return nil }
      stream.progressWaiter = nil
      stream.told = stream.bytes
      return (waiter, stream.bytes)
    }
    if let due { due.0(.success(due.1)) }
  }

  /// The work is done, or has failed. What was said first counts.
  func end(_ id: Int32, _ result: Result<Void, NSOError>) {
    let due: (waiter: Waiter?, progress: ProgressWaiter?) = streams.withLock { streams in
      guard var stream = streams[id] else { return (nil, nil) }
      if case .ended = stream.phase { return (nil, nil) }
      stream.phase = .ended(result)
      stream.drop = nil
      let due = (stream.waiter, stream.progressWaiter)
      stream.progressWaiter = nil
      // Whoever waited has the result: nothing is kept of it.
      streams[id] = due.0 == nil ? stream : nil
      return due
    }
    due.progress?(.failure(Self.notRead(id)))
    due.waiter?(result)
  }

  /// Nobody has claimed it in time.
  func expire(_ id: Int32) {
    let work: Work? = streams.withLock { streams in
      guard let stream = streams[id], case .offered = stream.phase else { return nil }
      return stream.work
    }
    guard let work else { return }
    end(id, .failure(NSOError(.timeout, "no stream connection came for stream \(id) in time")))
    Self.abandon(work)
  }

  /// Gives the result once, when there is one; it is forgotten then.
  /// - Throws: NOEXISTS for a number that is not this owner's, BADSTATE when somebody waits already.
  func whenEnded(_ id: Int32, owner: UInt64, _ body: @escaping Waiter) throws(NSOError) {
    let result: Result<Void, NSOError>? = try streams.withLock { streams throws(NSOError) in
      guard let stream = streams[id], stream.owner == owner else { throw Self.unknown(id) }
      if case .ended(let result) = stream.phase {
        streams[id] = nil
        return result
      }
      guard stream.waiter == nil else { throw NSOError(.badState, "the result of stream \(id) is waited for already") }
      streams[id]?.waiter = body
      return nil
    }
    if let result { body(result) }
  }

  /// Gives the number of bytes that a load has taken, when that has grown since it was given last.
  func whenAdvanced(_ id: Int32, owner: UInt64, _ body: @escaping ProgressWaiter) throws(NSOError) {
    let bytes: UInt64? = try streams.withLock { streams throws(NSOError) in
      guard var stream = streams[id], stream.owner == owner else { throw Self.unknown(id) }
      if case .ended = stream.phase { throw Self.notRead(id) }
      guard case .load = stream.work else { throw Self.notRead(id) }
      defer { streams[id] = stream }
      guard stream.bytes > stream.told else {
        stream.progressWaiter = body
        return nil
      }
      stream.told = stream.bytes
      return stream.bytes
    }
    if let bytes { body(.success(bytes)) }
  }

  /// The connection that asked is gone: nobody wants the result.
  func abandon(owner: UInt64) {
    let gone = streams.withLock { streams -> [Stream] in
      let gone = streams.filter { $0.value.owner == owner }
      for id in gone.keys { streams[id] = nil }
      return Array(gone.values)
    }
    for stream in gone {
      stream.drop?()
      if case .ended = stream.phase { continue }
      Self.abandon(stream.work)
    }
  }

  var count: Int { streams.withLock(\.count) }

  private static func abandon(_ work: Work) {
    if case .load(let job) = work { job.abandon() }
  }

  private static func unknown(_ id: Int32) -> NSOError {
    NSOError(.noExists, "there is no stream \(id) of this connection")
  }

  private static func notRead(_ id: Int32) -> NSOError {
    NSOError(.noExists, "nothing is being read under stream \(id)")
  }
}
