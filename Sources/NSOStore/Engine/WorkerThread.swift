#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// One thread that takes what was handed in, all of it at once, and works on it. An LMDB write transaction must begin and end
/// on one thread and waits for the disk, so it gets a thread of its own that nobody else's work depends on.
final class WorkerThread<Job: Sendable>: @unchecked Sendable {
  // Everything below the mutex is touched only with it held.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var waiting: [Job] = []
  private var isStopping = false
  private var thread: pthread_t?
  private let work: @Sendable ([Job]) -> Void

  /// `work` is called on the thread with the jobs in the order in which they came.
  init(_ work: @escaping @Sendable ([Job]) -> Void) {
    self.work = work
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Starts the thread, which keeps this object alive until `stop`.
  func start() throws(StoreError) {
    let context = Unmanaged.passRetained(self as AnyObject).toOpaque()
    #if canImport(Darwin)
      var made: pthread_t?
    #else
      var made = pthread_t()
    #endif
    let status = pthread_create(&made, nil, runWorker, context)
    guard status == 0 else {
      Unmanaged<AnyObject>.fromOpaque(context).release()
      throw StoreError(.failed(number: status), "cannot start the store's thread: \(errorText(status))")
    }
    pthread_mutex_lock(mutex)
    thread = made
    pthread_mutex_unlock(mutex)
  }

  /// False when it is stopping: the job is not taken.
  func enqueue(_ job: Job) -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard !isStopping else { return false }
    waiting.append(job)
    pthread_cond_signal(condition)
    return true
  }

  /// Takes no more jobs, and returns when those taken are done. Called on the thread itself it returns at once.
  func stop() {
    pthread_mutex_lock(mutex)
    isStopping = true
    let thread = thread
    self.thread = nil
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
    guard let thread else { return }
    if pthread_equal(thread, pthread_self()) != 0 {
      pthread_detach(thread)
    } else {
      pthread_join(thread, nil)
    }
  }

  fileprivate func loop() {
    while true {
      pthread_mutex_lock(mutex)
      while waiting.isEmpty, !isStopping { pthread_cond_wait(condition, mutex) }
      let jobs = waiting
      waiting = []
      pthread_mutex_unlock(mutex)
      if jobs.isEmpty { return }
      work(jobs)
    }
  }
}

/// What `runWorker` knows about a worker of any kind of job.
private protocol Worker: AnyObject { func run() }

extension WorkerThread: Worker {
  func run() { loop() }
}

#if canImport(Darwin)
  private func runWorker(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    (Unmanaged<AnyObject>.fromOpaque(context).takeRetainedValue() as? any Worker)?.run()
    return nil
  }
#else
  private func runWorker(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    (Unmanaged<AnyObject>.fromOpaque(context).takeRetainedValue() as? any Worker)?.run()
    return nil
  }
#endif
