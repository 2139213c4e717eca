import Glibc
import NSOClient
import NSOModel
import NSOWire
import Testing

/// Reads, actions and validation of a provider in which something goes wrong.
@Suite struct ReadFaultTests {
  /// What is asked, by the callback that it needs.
  private enum Question: String, CaseIterable {
    case getElem = "get_elem"
    case getNext = "get_next"
    case findNext = "find_next"
    case numInstances = "num_instances"
    case getObject = "get_object"
    case getNextObject = "get_next_object"
    case action, validate

    /// The point that is asked, and a part of the path.
    var place: (point: String, path: String) {
      switch self {
      case .getElem: ("callpoint rows-cp", "rows/row{3}")
      case .getNext, .findNext, .numInstances: ("callpoint rows-cp", "rows/row")
      case .getObject: ("callpoint objects-cp", "objects/row{3}")
      case .getNextObject: ("callpoint objects-cp", "objects/row")
      case .action: ("action point run-ap", "acts/run")
      case .validate: ("validation point checked-val", "checked")
      }
    }
  }

  private func list(_ top: String) -> Keypath { FaultyProvider.path(top, .tag("row")) }
  private func row(_ top: String, _ id: UInt32) -> Keypath { FaultyProvider.path(top, .tag("row"), .keys([.uint32(id)])) }

  private func ask(_ question: Question, _ faulty: FaultyProvider, _ round: Int) async throws {
    try await faulty.session { (maapi) async throws in
      switch question {
      case .action:
        let output = try await maapi.requestAction(FaultyProvider.path("acts", .tag("run")))
        #expect(output == [TaggedValue(Tag("done", in: "urn:pair"), .string("yes"))])
      case .validate:
        try await maapi.withTransaction(.running, .readWrite) { (transaction) async throws in
          try await transaction.set(.string("\(round)"), at: FaultyProvider.path("checked"))
        }
      default:
        try await maapi.withTransaction(.operational, .read) { (transaction) async throws in
          switch question {
          case .getElem: #expect(try await transaction.get(row("rows", 3).appending("square")) == .uint64(9))
          case .getNext:
            var keys: [[Value]] = []
            for try await key in transaction.entries(of: list("rows")) { keys.append(key) }
            #expect(keys.count == 20)
          case .findNext:
            var keys: [[Value]] = []
            for try await key in transaction.entries(of: list("rows"), from: [.uint32(18)]) { keys.append(key) }
            #expect(keys == [[.uint32(18)], [.uint32(19)], [.uint32(20)]])
          case .numInstances: #expect(try await transaction.count(of: list("rows")) == 20)
          case .getObject:
            #expect(try await transaction.getObject(row("objects", 3)) == [.uint32(3), .uint64(9)])
          case .getNextObject:
            var objects = 0
            for try await _ in transaction.objects(of: list("objects")) { objects += 1 }
            #expect(objects == 20)
          case .action, .validate: break
          }
        }
      }
    }
  }

  @Test(arguments: [FaultyProvider.Fault.kill, .stop, .slow, .error])
  func atEachCallback(_ fault: FaultyProvider.Fault) async throws {
    let faulty = try FaultyProvider(fault)
    try await faulty.instance.withDaemon { _ in
      var provider = try await faulty.start()
      defer { provider.signal(SIGKILL) }
      var round = 0
      for question in Question.allCases {
        round += 1
        try faulty.arm(question.rawValue, fault)
        let text = await faulty.failure { try await self.ask(question, faulty, round) }
        #expect(faulty.isSprung, "\(question) was not asked")
        provider = try await faulty.again(provider, after: fault)
        let (point, path) = question.place
        switch fault {
        case .slow, .daemon: #expect(text == nil, "\(question)")
        case .error: #expect(text?.contains("no room in \(question.rawValue)") == true, "\(question): \(text ?? "no error")")
        case .kill, .stop:
          let text = text ?? "no error"
          #expect(text.contains("data provider theirs (instance") && text.contains(" s of "), "\(question): \(text)")
          #expect(text.contains(fault == .kill ? "external error" : "external timeout"), "\(question): \(text)")
          #expect(text.contains(point) && text.contains(path), "\(question): \(text)")
        }
        round += 1
        try await ask(question, faulty, round)
        let status = try await faulty.status { $0.contains("transactions: none") }
        #expect(status.contains("transactions: none") && status.contains("locks: none"), "\(question): \(status)")
      }
    }
  }
}
