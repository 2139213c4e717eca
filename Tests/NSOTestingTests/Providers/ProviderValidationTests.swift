import NSOClient
import NSOModel
import NSOTesting
import NSOWire
import Testing

@Suite(.timeLimit(.minutes(10))) struct ProviderValidationTests {
  private static let limit: Keypath = [.tag(ProviderModel.top), .tag("limit")]
  private static let other: Keypath = [.tag(ProviderModel.top), .tag("other")]
  private static let always: Keypath = [.tag(ProviderModel.top), .tag("always")]

  private func provider(_ notes: Notes) -> DataProvider {
    var provider = DataProvider(name: "checker")
    for point in ["limit-val", "weight-val", "always-val"] {
      provider.validation(point) { validation in
        notes.add("\(point) \(validation.path) \(validation.value.plainText) \(validation.call.opaque ?? "-")")
        switch validation.value {
        case .uint32(0): throw CallbackError(.inconsistentValue, "not 0", appTag: "zero")
        case .uint32(1): return .warning("1 is small")
        default: return .valid
        }
      }
    }
    return provider
  }

  @Test func `validation points are asked for what has changed, by priority`() async throws {
    let notes = Notes()
    try await TestDaemon.run(modules: [ProviderModel.text]) { daemon in
      try await daemon.serving(provider(notes)) { () async throws in
        try await daemon.commit { transaction in
          try await transaction.set(.uint32(5), at: Self.limit)
          try await transaction.set(.string("a"), at: Self.always)
          for name in ["x", "y"] {
            try await transaction.create(ProviderModel.server(name))
            try await transaction.set(.uint32(7), at: ProviderModel.server(name).appending("weight"))
          }
        }
        let x = ProviderModel.server("x").appending("weight")
        let y = ProviderModel.server("y").appending("weight")
        #expect(
          notes.all == [
            "weight-val \(x) 7 -", "weight-val \(y) 7 -", "always-val \(Self.always) a seen", "limit-val \(Self.limit) 5 -",
          ])
        notes.removeAll()
        try await daemon.commit { try await $0.set(.uint32(9), at: y) }
        #expect(notes.all == ["weight-val \(y) 9 -", "always-val \(Self.always) a seen"])
        notes.removeAll()
        try await daemon.commit { try await $0.delete(ProviderModel.server("x")) }
        #expect(notes.all == ["always-val \(Self.always) a seen"])
      }
    }
  }

  @Test func `an error refuses, a warning is told to who validates`() async throws {
    let notes = Notes()
    try await TestDaemon.run(modules: [ProviderModel.text]) { daemon in
      try await daemon.serving(provider(notes)) { () async throws in
        let error = await refusal { try await daemon.commit { try await $0.set(.uint32(0), at: Self.limit) } }
        #expect(error?.code == .inconsistentValue && error?.message == "not 0" && error?.appTag == "zero")
        try await daemon.client.withMAAPI { (maapi) async throws in
          try await maapi.startUserSession()
          let transaction = try await maapi.startTransaction(.running, .readWrite)
          try await transaction.set(.uint32(1), at: Self.limit)
          let warning = await refusal { try await transaction.validate() }
          #expect(warning?.code == .validationWarning)
          #expect(warning?.message == "/p:top/limit\u{0}1 is small\u{0}", "\(String(describing: warning))")
          // The user has read it and wants it so.
          try await transaction.apply()
          try await transaction.finish()
        }
        #expect(try await value(daemon, Self.limit) == .uint32(1))
        // By hand, step by step.
        try await daemon.client.withMAAPI { (maapi) async throws in
          try await maapi.startUserSession()
          let transaction = try await maapi.startTransaction(.running, .readWrite)
          try await transaction.set(.uint32(12), at: Self.limit)
          try await transaction.validate(unlock: false)
          try await transaction.prepare()
          try await transaction.commit()
          try await transaction.finish()
        }
        #expect(try await value(daemon, Self.limit) == .uint32(12))
      }
      let gone = await refusal { try await daemon.commit { try await $0.set(.uint32(3), at: Self.limit) } }
      // Nobody serves it any more, or the daemon notices just now that its provider has gone.
      let text = gone?.message ?? ""
      #expect(gone?.code == .external && (text.contains("limit-val") || text.contains("was lost")), "\(text)")
      // What no point looks at can be changed without it.
      try await daemon.commit { try await $0.set(.uint32(3), at: Self.other) }
    }
  }

  private func value(_ daemon: TestDaemon, _ path: Keypath) async throws -> Value {
    try await daemon.client.withMAAPI { (maapi) async throws in
      try await maapi.startUserSession()
      return try await maapi.withTransaction(.running, .read) { (transaction) async throws in try await transaction.get(path) }
    }
  }
}
