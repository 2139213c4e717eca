public import NSOModel
public import NSOSchema

/// What the CLI asks.
extension Engine {
  /// - Parameter words: the command, its keywords in full.
  /// - Throws: ACCESS_DENIED, which says which rule is against it.
  public func requireCommand(_ words: [String], for session: UserSession) throws(NSOError) {
    guard let rules = session.accessRules else { return }
    let decision = rules.decide(.exec, command: words)
    guard decision.isPermitted else {
      throw journal.refusal(
        Explanation(
          .access, .accessDenied, actor: session.summary, action: "run \(words.prefix(2).joined(separator: " "))",
          rule: decision.text,
          remedy: "whoever keeps /nacm can permit it with a cmdrule in front of that, for sessions that begin afterwards"))
    }
    guard decision.isLogged else { return }
    journal.developer(
      .developerAAA, .trace, "\(session.summary) may run \(words.prefix(2).joined(separator: " ")): \(decision.text)")
  }

  /// Whether completion offers a node of the schema: something at or below it may be permitted.
  public func mayOffer(_ node: NodeID, to session: UserSession, in model: DataModel) -> Bool {
    access(of: session, model)?.table.mayPermitSomething(node) ?? true
  }
}
