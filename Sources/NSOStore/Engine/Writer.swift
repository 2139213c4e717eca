internal import CLMDB
internal import Synchronization

/// Makes batches durable, one group at a time: what was handed in while the disk was busy shares the next write, and each
/// batch still gets its own revision and its own answer.
final class Writer: Sendable {
  struct Job: Sendable {
    var batch: WriteBatch
    var completion: @Sendable (Result<Revision, StoreError>) -> Void
  }

  struct Counters: Sendable {
    var commits: UInt64 = 0
    var syncs: UInt64 = 0
  }

  private let environment: Environment
  /// Called after the write and before the answers, with the last revision and every batch that made one.
  private let publish: @Sendable (Revision, [(Revision, WriteBatch)]) -> Void
  private let state: Mutex<(revision: Revision, counters: Counters)>

  init(_ environment: Environment, publish: @escaping @Sendable (Revision, [(Revision, WriteBatch)]) -> Void) {
    self.environment = environment
    self.publish = publish
    state = Mutex((environment.initialRevision, Counters()))
  }

  var counters: Counters { state.withLock { $0.counters } }

  /// Runs on the writer's thread only.
  func run(_ jobs: [Job]) {
    switch commit(jobs) {
    case .success(let answers):
      for (job, answer) in zip(jobs, answers) { job.completion(answer) }
    case .failure(let error):
      guard jobs.count > 1 else {
        for job in jobs { job.completion(.failure(error)) }
        return
      }
      // One of them cannot be written, perhaps only together with the others: each on its own.
      for job in jobs { run([job]) }
    }
  }

  /// All jobs in one LMDB transaction: either each gets its answer, or nothing was changed.
  private func commit(_ jobs: [Job]) -> Result<[Result<Revision, StoreError>], StoreError> {
    var revision = state.withLock { $0.revision }
    var answers: [Result<Revision, StoreError>] = []
    var written: [(Revision, WriteBatch)] = []
    do throws(StoreError) {
      let transaction = try WriteTransaction(environment)
      do throws(StoreError) {
        for job in jobs {
          if let expected = job.batch.expectedRevision, expected != revision {
            answers.append(.failure(Self.mismatch(expected, revision)))
            continue
          }
          try transaction.apply(job.batch)
          revision = revision.next
          written.append((revision, job.batch))
          answers.append(.success(revision))
        }
        if !written.isEmpty { try transaction.setRevision(revision) }
      } catch {
        transaction.abort()
        throw error
      }
      guard !written.isEmpty else {
        transaction.abort()
        return .success(answers)
      }
      try transaction.commit()
    } catch {
      return .failure(error)
    }
    state.withLock { state in
      state.revision = revision
      state.counters.commits &+= UInt64(written.count)
      state.counters.syncs &+= 1
    }
    publish(revision, written)
    return .success(answers)
  }

  private static func mismatch(_ expected: Revision, _ actual: Revision) -> StoreError {
    StoreError(
      .revisionMismatch(expected: expected, actual: actual),
      "the store is at revision \(actual), the change was made for revision \(expected); read again and retry")
  }
}
