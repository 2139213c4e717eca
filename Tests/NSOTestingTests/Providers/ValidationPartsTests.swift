import NSOClient
import NSOModel
import NSOTesting
import NSOWire
import Testing

/// Validation points that concern every entry of a list: asked in parts, in their order.
@Suite(.timeLimit(.minutes(10))) struct ValidationPartsTests {
  private static let model = """
    module many {
      yang-version 1.1; namespace "urn:many"; prefix m;
      import tailf-common { prefix tailf; }
      container many {
        list row {
          tailf:validate list-val { tailf:call-once true; tailf:priority 1; }
          key id;
          leaf id { type uint32; }
          leaf size { type uint32; tailf:validate size-val { tailf:priority 2; } }
        }
        leaf last { type string; tailf:validate last-val { tailf:priority 3; } }
      }
    }
    """

  private static let top = Tag("many", in: "urn:many")
  private static func row(_ id: UInt32) -> Keypath { [.tag(top), .tag("row"), .keys([.uint32(id)])] }

  private func provider(_ notes: Notes, _ daemon: TestDaemon) -> DataProvider {
    var provider = DataProvider(name: "checker")
    for point in ["list-val", "size-val", "last-val"] {
      provider.validation(point) { validation in
        notes.add("\(point) \(validation.value.plainText)")
        guard case .uint32(let size) = validation.value else { return .valid }
        if size == 4242 { throw CallbackError(.inconsistentValue, "4242 is too much") }
        return size == 7 ? .warning("7") : .valid
      }
    }
    return provider
  }

  @Test func `a thousand calls come in order, and end with the first refusal`() async throws {
    let notes = Notes()
    try await TestDaemon.run(modules: [Self.model]) { daemon in
      try await daemon.serving(provider(notes, daemon)) { () async throws in
        try await daemon.commit { transaction in
          for id in 0..<1000 as Range<UInt32> {
            try await transaction.create(Self.row(id))
            try await transaction.set(.uint32(id), at: Self.row(id).appending("size"))
          }
          try await transaction.set(.string("z"), at: [.tag(Self.top), .tag("last")] as Keypath)
        }
        let rows = (0..<1000).map { "size-val \($0)" }
        #expect(notes.all.first?.hasPrefix("list-val") == true && notes.all.last == "last-val z")
        #expect(Array(notes.all.dropFirst().dropLast()) == rows)
        notes.removeAll()
        let error = await refusal {
          try await daemon.commit { try await $0.set(.uint32(4242), at: Self.row(700).appending("size")) }
        }
        #expect(error?.code == .inconsistentValue && error?.message == "4242 is too much")
        #expect(notes.all.count == 702 && notes.all.last == "size-val 4242", "\(notes.all.count)")
        // A warning from the midst is told.
        let warning = await refusal {
          try await daemon.client.withMAAPI { (maapi) async throws in
            try await maapi.startUserSession()
            try await maapi.withTransaction(.running, .readWrite) { (transaction) async throws in
              try await transaction.set(.string("y"), at: [.tag(Self.top), .tag("last")] as Keypath)
              try await transaction.validate()
            }
          }
        }
        #expect(
          warning?.code == .validationWarning && warning?.message.contains("row{7}/size") == true,
          "\(String(describing: warning))")
      }
    }
  }
}
