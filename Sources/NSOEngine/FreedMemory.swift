import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What large transactions leave behind: the C library keeps freed memory for later, in pieces that hardly anybody asks for again.
enum FreedMemory {
  /// From how many changes on a transaction counts as large: a few megabytes.
  static let largeChangeCount = 50_000

  private typealias Trim = @convention(c) (Int) -> Int32
  private static let isAskedFor = Atomic(false)

  /// Gives freed memory back to the system, a moment later and on another thread: whoever ends the transaction still holds some of it.
  static func returnSoon() {
    guard !isAskedFor.exchange(true, ordering: .relaxed) else { return }
    DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + .seconds(1)) {
      isAskedFor.store(false, ordering: .relaxed)
      // malloc_trim of the GNU C library, which Swift's module of it leaves out; others do not have it.
      guard let function = dlsym(nil, "malloc_trim") else { return }
      _ = unsafeBitCast(function, to: Trim.self)(0)
    }
  }
}
