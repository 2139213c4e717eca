import NSOModel
public import NSOWire

// Candidate and startup, and whether the daemon may be written (protocol part 04, sections 4.4 and 4.12). Operations on a datastore that
// the daemon does not have fail with `noExists`, naming the setting that enables it.
extension MAAPI {
  /// Checks what running would be after a commit of the candidate.
  /// - Throws: validation errors; `noExists` without candidate.
  public func validateCandidate() async throws { try await done(.candidateValidate) }

  /// Commits the candidate for a limited time: unless ``commitCandidate(_:)`` confirms it within `timeout` seconds, running goes back to
  /// what it was. Again before that: more time, and what was changed meanwhile.
  ///
  /// - Parameters:
  ///   - timeout: seconds.
  ///   - persist: a cookie that lets it outlive the session (and a restart of the daemon); without it the end of the session takes
  ///     it back.
  ///   - persistID: the cookie of the confirmed commit that is pending.
  /// - Throws: `noExists` when the cookie is not that of what is pending, `inUse` when another session has made it or holds a lock,
  ///   validation errors.
  public func commitCandidate(
    confirmedWithin timeout: Int64, persist: String? = nil, persistID: String? = nil, label: String = "", comment: String = ""
  ) async throws {
    try await done(
      .candidateConfirmedCommit(
        CandidateConfirmedCommit(
          timeout: timeout, persist: persist, persistID: persistID, label: label, comment: comment)))
  }

  /// Takes the pending confirmed commit back.
  /// - Throws: `noExists` when none is pending, another session has made it, or the cookie is another one.
  public func abortConfirmedCommit(persistID: String? = nil) async throws {
    try await done(.candidateAbortCommit(persistID: persistID))
  }

  /// The session that has made the confirmed commit which is pending; nil when none is.
  public func confirmedCommitOwner() async throws -> UserSessionID? {
    let owner: UserSessionID = try await narrow(integer(.confirmedCommitInProgress))
    return owner == 0 ? nil : owner
  }

  /// False after a participant has failed in the second phase of a commit.
  public func isRunningConsistent() async throws -> Bool { try await bool(.getRunningDBStatus) }

  /// Says whether running is consistent, for whoever has repaired it.
  public func setRunningConsistent(_ isConsistent: Bool) async throws { try await done(.setRunningDBStatus(isConsistent)) }

  /// Switches the administrative read-only mode: sessions of contexts other than `system` cannot start transactions to read and write.
  public func setReadOnly(_ isOn: Bool) async throws { try await ignore(.setReadonly(isOn)) }
}
