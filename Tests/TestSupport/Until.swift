/// Waits for something that another task or process does soon.
///
/// The limit is for what never happens, not for what takes its time: it makes a failure of a test that would not end.
/// - Parameter what: What is waited for, for the failure.
/// - Throws: `NeverHappened` at the limit, and what the condition throws.
public func until(
  _ what: String, within limit: Duration = .seconds(120), isolation: isolated (any Actor)? = #isolation,
  _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else { throw NeverHappened(what: what, limit: limit) }
    try await Task.sleep(for: .milliseconds(1))
  }
}

/// What a test waited for did not happen.
public struct NeverHappened: Error, CustomStringConvertible {
  let what: String
  let limit: Duration

  public var description: String { "waited \(limit) for this, which did not happen: \(what)" }
}
