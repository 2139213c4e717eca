import NSOEngine

extension Daemon {
  /// The subscribers of CDB for `ncs --status`: who, which points at which priority, since when, what they work on.
  func subscriberLines(_ now: Int64) -> [String] {
    var lines: [String] = []
    for subscriber in engine.subscriptions.subscribers {
      var line = "\(subscriber.description), since \(now - subscriber.since) s"
      if let name = subscriber.mandatoryName { line += ", mandatory as \(name)" }
      if !subscriber.isActive { line += ", still subscribing" }
      if let event = subscriber.outstanding {
        let points = event.points.map(String.init).joined(separator: " ")
        line += ", WORKING on a \(event.kind.rawValue) event of point \(points) for \(now - event.since) s"
      }
      if subscriber.queued > 0 { line += ", \(subscriber.queued) events behind it" }
      lines.append(line)
      for point in subscriber.points.prefix(100) {
        let priority = point.kind == .operational ? "" : ", priority \(point.priority)"
        lines.append("  point \(point.number): \(point.text), \(point.kind.rawValue)\(priority)")
      }
      if subscriber.points.count > 100 { lines.append("  and \(subscriber.points.count - 100) more points") }
    }
    for (holder, since) in engine.subscriptionLockHolders {
      lines.append("subscription lock: \(holder), since \(now - since) s")
    }
    return lines
  }
}
