import Glibc
import NSOClient
import NSOModel
import NSOWire
import Testing

/// Commits to two stores, ours and that of a provider, in which something goes wrong at one step after the other.
@Suite struct TwoStoreFaultTests {
  /// The steps of the provider's part, in their order. The last three are behind the point of no return, or its opposite.
  private enum Step: String, CaseIterable {
    case begin, lock, read, start, create, set, remove, prepare, abort, commit, finish

    /// How it is called in texts.
    var name: String {
      switch self {
      case .begin: "init of transaction"
      case .lock: "trans_lock"
      case .read: "get_elem of callpoint theirs-cp"
      case .start: "write_start"
      case .create: "create of callpoint theirs-cp"
      case .set: "set_elem of callpoint theirs-cp"
      case .remove: "remove of callpoint theirs-cp"
      case .prepare: "prepare of transaction"
      case .abort: "abort of transaction"
      case .commit: "commit of transaction"
      case .finish: "finish of transaction"
      }
    }
  }

  /// What both stores have.
  private struct Both: Equatable {
    var ours: Int
    var theirs: Int
  }

  private let ours = FaultyProvider.path("ours", .tag("text"))
  private let theirs = FaultyProvider.path("theirs", .tag("text"))
  private func item(_ number: Int) -> Keypath {
    FaultyProvider.path("theirs", .tag("item"), .keys([.uint32(UInt32(number))]))
  }

  /// Changes both stores from one number to the next, with a create, sets and a remove.
  private func change(_ faulty: FaultyProvider, from old: Int, isAborted: Bool = false) async throws {
    let new = old + 1
    try await faulty.session { (maapi) async throws in
      let transaction = try await maapi.startTransaction(.running, .readWrite)
      var before: [[Value]] = []
      try await transaction.set(.string("\(new)"), at: ours)
      try await transaction.create(item(new))
      try await transaction.set(.string("\(new)"), at: item(new).appending("value"))
      try await transaction.set(.string("\(new)"), at: theirs)
      // One of before, and what is left where the provider lacked a change.
      for try await keys in transaction.entries(of: FaultyProvider.path("theirs", .tag("item")))
      where keys != [.uint32(UInt32(new))] {
        before.append(keys)
      }
      for keys in before { try await transaction.delete(FaultyProvider.path("theirs", .tag("item"), .keys(keys))) }
      if isAborted {
        try await transaction.validate(unlock: false)
        try await transaction.prepare()
        try await transaction.abort()
      } else {
        try await transaction.apply()
      }
    }
  }

  /// What is there: ours as the daemon tells it, theirs as their file has it, whole.
  private func state(_ faulty: FaultyProvider) async throws -> Both {
    let text = try await faulty.session { (maapi) async throws in
      try await maapi.withTransaction(.running, .read) { (transaction) async throws in
        try await transaction.getIfPresent(ours)
      }
    }
    var ourNumber = 0
    if case .string(let text)? = text { ourNumber = Int(text) ?? -1 }
    let file = faulty.instance.exists("theirs") ? try faulty.instance.read("theirs") : ""
    let lines = file.split(separator: "\n").map(String.init)
    let number = lines.first { $0.hasPrefix("/theirs/text=") }.flatMap { Int($0.dropFirst(13)) } ?? 0
    if number > 0 {
      #expect(lines == ["/theirs/item{\(number)}=", "/theirs/item{\(number)}/value=\(number)", "/theirs/text=\(number)"])
    }
    return Both(ours: ourNumber, theirs: number)
  }

  private func log(_ faulty: FaultyProvider) throws -> String { try faulty.instance.read("logs/ncs.log") }

  @Test(arguments: FaultyProvider.Fault.allCases)
  func atEachStep(_ fault: FaultyProvider.Fault) async throws {
    let faulty = try FaultyProvider(fault)
    var daemon = try await faulty.instance.startDaemon()
    var provider = try await faulty.start()
    defer {
      provider.signal(SIGKILL)
      daemon.signal(SIGKILL)
    }
    try await change(faulty, from: 0)
    var number = 1
    for step in Step.allCases where !(fault == .error && step == .finish) {
      #expect(try await state(faulty) == Both(ours: number, theirs: number), "before \(step)")
      let before = try log(faulty).count
      try faulty.arm(step.rawValue, fault)
      let text = await faulty.failure { try await self.change(faulty, from: number, isAborted: step == .abort) }
      if fault == .daemon {
        try await daemon.gone()
        daemon = try await faulty.instance.startDaemon()
      }
      // The end is told to the provider when the client has its answer already.
      _ = try await faulty.status { _ in faulty.isSprung }
      #expect(faulty.isSprung, "\(step) was not reached")
      let told = try await faulty.status { $0.contains("IN DOUBT") == isInDoubt(fault, step) }
      provider = try await faulty.again(provider, after: fault)
      check(text, fault, step)

      // Both before, or both after, or in doubt and told.
      let after = try await state(faulty)
      let isCommitted = [.commit, .finish].contains(step) || (fault == .slow && step != .abort)
      #expect(after.ours == (isCommitted ? number + 1 : number), "\(step): \(after)")
      if isInDoubt(fault, step) {
        #expect([number, number + 1].contains(after.theirs), "\(step): \(after)")
        let kind = step == .commit ? "was lost before it confirmed the commit" : "which was aborted"
        #expect(told.contains("IN DOUBT: data provider theirs") && told.contains(kind), "\(step): \(told)")
        // Told when it came back, or when it happened.
        let words = fault == .error ? "data provider theirs" : kind
        var log = ""
        _ = try await faulty.status { _ in
          log = (try? String(self.log(faulty).dropFirst(before))) ?? ""
          return log.contains(words)
        }
        #expect(log.contains(words), "\(step): \(log)")
      } else {
        #expect(after.theirs == after.ours, "\(step): \(after)")
        #expect(!told.contains("IN DOUBT"), "\(step): \(told)")
      }
      number = after.ours

      // Nothing is left behind, and the next commit works and settles everything.
      try await change(faulty, from: number)
      number += 1
      #expect(try await state(faulty) == Both(ours: number, theirs: number), "after \(step)")
      let status = try await faulty.status {
        $0.contains("transactions: none") && $0.contains("locks: none") && !$0.contains("IN DOUBT")
          && $0.contains("user sessions: none") && !$0.contains("not answered")
      }
      #expect(
        status.contains("transactions: none") && status.contains("locks: none") && !status.contains("IN DOUBT")
          && !status.contains("not answered") && status.contains("user sessions: none"), "after \(step): \(status)")
    }
    daemon.endInput()
    _ = try await daemon.finish()
  }

  /// Whether it cannot be known what the provider made of it.
  private func isInDoubt(_ fault: FaultyProvider.Fault, _ step: Step) -> Bool {
    switch (fault, step) {
    case (.kill, .prepare), (.kill, .abort), (.kill, .commit): true
    case (.stop, .prepare), (.stop, .abort), (.stop, .commit): true
    case (.error, .abort), (.error, .commit): true
    case (.daemon, .commit): true
    default: false
    }
  }

  /// What the client was told.
  private func check(_ text: String?, _ fault: FaultyProvider.Fault, _ step: Step) {
    let isPast = [.abort, .commit, .finish].contains(step)
    switch fault {
    case .slow: #expect(text == nil, "\(step)")
    case .daemon where isPast: break
    case .daemon: #expect(text != nil, "\(step)")
    case _ where isPast: #expect(text == nil, "\(step)")
    case .error: #expect(text?.contains("no room in \(step.rawValue)") == true, "\(step): \(text ?? "no error")")
    case .kill, .stop:
      let text = text ?? "no error"
      #expect(text.contains("data provider theirs (instance"), "\(step): \(text)")
      #expect(text.contains(fault == .kill ? "external error" : "external timeout"), "\(step): \(text)")
      #expect(text.contains(step.name) && text.contains("theirs-cp") && text.contains(" s of "), "\(step): \(text)")
    }
  }
}
