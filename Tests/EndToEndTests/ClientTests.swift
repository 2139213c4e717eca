import NSOClient
import NSOModel
import NSOWire
import Testing

/// The client library against a daemon on the router example.
@Suite struct ClientTests {
  private func client(_ instance: Instance) -> NSOClient { NSOClient(endpoint: Endpoint(.unix(path: instance.path + "/ipc"))) }

  /// The main job: 1. a client changes configuration in a transaction, 2. another reads it, 3. the daemon is killed and
  /// started again, 4. it is still there.
  @Test func changeReadKillRead() async throws {
    let instance = try Router.instance()
    let client = client(instance)
    let daemon = try await instance.startDaemon()
    try await client.withMAAPI { maapi in
      try await maapi.startUserSession(user: "admin", groups: ["admin"])
      let schema = try await maapi.loadSchema()
      let user = try schema.keypath("/r:users/user{linus}")
      try await maapi.withTransaction { transaction in
        try await transaction.create(user)
        try await transaction.set(.uint32(7), at: user.appending("uid"))
        try await transaction.set(text: "operator", at: user.appending("role"))
        // Nobody else sees it yet.
        let seen = try await self.client(instance).withCDB(name: "other") { cdb in
          try await cdb.withSession(locks: []) { try await $0.exists(user) }
        }
        #expect(!seen)
      }
    }
    let role = try await client.withCDB(name: "reader") { cdb in
      try await cdb.withSession { try await $0.get("/r:users/user{linus}/role") }
    }
    #expect(role == .enumeration(1))
    daemon.signal(9)
    _ = try await daemon.finish()
    try await instance.withDaemon { _ in
      let uid = try await self.client(instance).withCDB(name: "reader") { cdb in
        try await cdb.withSession { try await $0.get("/r:users/user{linus}/uid") }
      }
      #expect(uid == .uint32(7))
    }
  }

  @Test func objectsValuesAndCases() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      try await client(instance).withMAAPI { maapi in
        try await maapi.startUserSession()
        let schema = try await maapi.loadSchema()
        let eth0 = try schema.keypath("/r:interfaces/interface{eth0}")
        let system = try schema.keypath("/r:system")
        try await maapi.withTransaction { transaction in
          // The same values in any way that they are asked for.
          let object = try await transaction.getObject(eth0)
          #expect(object.first == .string("eth0"))
          #expect(object.contains(.uint16(1500)))
          let wanted = [TaggedValue("mtu", .notFound), TaggedValue("duplex", .notFound), TaggedValue("parent", .notFound)]
          let values = try await transaction.getValues(wanted, below: eth0)
          #expect(values.map(\.content) == [.value(.uint16(1500)), .value(.enumeration(2)), .value(.notFound)])
          try await transaction.setObject(object, at: eth0)
          #expect(try await transaction.getObject(eth0) == object)

          let ge0 = try schema.keypath("/r:interfaces/interface{ge0}")
          let interfaces = try schema.keypath("/r:interfaces")
          try await transaction.setValues(
            [
              TaggedValue("interface", .start), TaggedValue("name", .string("ge0")), TaggedValue("mtu", .uint16(2000)),
              TaggedValue("address", .start), TaggedValue("ip", .ipv4(IPv4Address(10, 0, 0, 1))),
              TaggedValue("prefix-length", .uint8(8)), TaggedValue("address", .stop), TaggedValue("interface", .stop),
            ], below: interfaces)
          #expect(try await transaction.get(ge0.appending("mtu")) == .uint16(2000))
          #expect(try await transaction.count(of: ge0.appending("address")) == 1)
          try await transaction.setValues([TaggedValue("mtu", .notFound)], below: ge0)
          #expect(try await transaction.get(ge0.appending("mtu")) == .uint16(1500))

          #expect(try await transaction.getCase(of: ["clock"], in: system)?.name == "ntp")
          try await transaction.set(.decimal64(Decimal64(scaled: 77500, digits: 3)), at: system.appending("radio-frequency"))
          #expect(try await transaction.getCase(of: ["clock"], in: system)?.name == "radio")
          #expect(try await !transaction.exists(system.appending("ntp").appending("server")))
        }
      }
    }
  }

  @Test func lists() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      try await client(instance).withMAAPI { maapi in
        try await maapi.startUserSession()
        let schema = try await maapi.loadSchema()
        let users = try schema.keypath("/r:users/user")
        let rules = try schema.keypath("/r:firewall/access-list{from-outside}/rule")
        try await maapi.withTransaction { transaction in
          for number in 0..<250 { try await transaction.create(users.appending(.keys([.string("u\(100 + number)")]))) }
          var names: [Value] = []
          for try await keys in transaction.entries(of: users) { names += keys }
          #expect(names.count == 252)
          #expect(names.first == .string("ada") && names.last == .string("u349"))
          var objects: [[Value]] = []
          for try await object in transaction.objects(of: users, batch: 60) { objects.append(object) }
          #expect(objects.map { $0[0] } == names)
          var some: [Value] = []
          for try await keys in transaction.entries(of: users, from: [.string("u345")], includingFirst: false) { some += keys }
          #expect(some == [.string("u346"), .string("u347"), .string("u348"), .string("u349")])

          func order() async throws -> [Value] {
            var names: [Value] = []
            for try await keys in transaction.entries(of: rules) { names += keys }
            return names
          }
          #expect(try await order() == [.string("web"), .string("ping"), .string("anything-else")])
          try await transaction.move(rules.appending(.keys([.string("ping")])), .first)
          try await transaction.move(rules.appending(.keys([.string("web")])), .after([.string("anything-else")]))
          #expect(try await order() == [.string("ping"), .string("anything-else"), .string("web")])
        }
      }
      try await client(instance).withCDB(name: "reader") { cdb in
        try await cdb.withSession { session in
          let users = "/r:users/user"
          #expect(try await session.count(of: users) == 252)
          #expect(try await session.index(of: "/r:users/user{u100}") == 2)
          #expect(try await session.nextIndex(after: "/r:users/user{u1000}") == 3)
          #expect(try await session.nextIndex(after: "/r:users/user{zz}") == nil)
          var names: [Value] = []
          for try await object in session.objects(of: users, batch: 100) { names.append(object[0]) }
          #expect(names.count == 252 && names.last == .string("u349"))
          #expect(try await session.isDefault("/r:users/user{u100}/role"))
          #expect(try await !session.isDefault("/r:users/user{ada}/role"))
        }
      }
    }
  }

  /// Programs that a session starts work in its transaction.
  @Test func toolsInATransactionOfTheirCaller() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      try await client(instance).withMAAPI { maapi in
        try await maapi.startUserSession(user: "admin")
        let session = try await maapi.currentUserSession()
        let transaction = try await maapi.startTransaction()
        let place = ["NCS_MAAPI_USID": "\(session)", "NCS_MAAPI_THANDLE": "\(transaction.handle)"]
        let command = try await instance.run(
          "ncs_cmd", "-c", "attach; mset /r:system/location Tower; mget /r:system/location; detach", with: place)
        #expect(command.output == "Tower\n", "\(command.errors)")
        let document = "<users xmlns=\"urn:swift-nso:example:router\"><user><name>linus</name></user></users>"
        let load = try await instance.run("ncs_load", "-l", "-m", with: place, input: document)
        #expect(load.code == 0, "\(load.errors)")
        let save = try await instance.run("ncs_load", "-p", "/r:system", with: place)
        #expect(save.output.contains("Tower"))
        // Not applied by the tools.
        #expect(try await instance.cmd("mget /r:system/location; mexists /r:users/user{linus}") == "Room 12, rack 3\nno\n")
        #expect(try await transaction.exists("/r:users/user{linus}"))
        try await transaction.apply()
        try await transaction.finish()
        #expect(try await instance.cmd("mget /r:system/location; mexists /r:users/user{linus}") == "Tower\nyes\n")
      }
    }
  }

  @Test func locksAndSessions() async throws {
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      let client = client(instance)
      try await client.withMAAPI { first in
        try await first.startUserSession(user: "one")
        try await first.withLock(on: .running) {
          #expect(try await first.lockOwner(of: .running) == first.currentUserSession())
          try await client.withMAAPI { second in
            try await second.startUserSession(user: "two")
            await #expect { try await second.lock(.running) } throws: { ($0 as? NSOError)?.code == .locked }
            await #expect {
              try await second.withTransaction { try await $0.set(text: "Roof", at: "/r:system/location") }
            } throws: { ($0 as? NSOError)?.code == .inUse }
            // The end of the connection would do as well, but only when the daemon has noticed it.
            try await second.endUserSession()
          }
        }
        #expect(try await first.lockOwner(of: .running) == nil)
        // A session that is killed loses its connection.
        try await client.withMAAPI { second in
          try await second.startUserSession(user: "two", groups: ["a", "b"])
          let id = try await second.currentUserSession()
          #expect(try await first.userSession(id).user == "two")
          #expect(try await first.groups(of: id) == ["a", "b"])
          try await first.killUserSession(id)
          await #expect(throws: (any Error).self) { try await second.startTransaction() }
        }
        let remaining = try await first.userSessions()
        #expect(try await remaining == [first.currentUserSession()])
      }
    }
  }

  /// A reader that goes away in the middle of a save does no harm.
  @Test func abandonedStreams() async throws {
    struct Enough: Error {}
    let instance = try Router.instance()
    try await instance.withDaemon { _ in
      try await client(instance).withMAAPI { maapi in
        try await maapi.startUserSession()
        try await maapi.withTransaction { transaction in
          for number in 0..<2000 { try await transaction.create("/r:users/user{u\(number)}") }
        }
        try await maapi.withTransaction(.running, .read) { transaction in
          await #expect(throws: Enough.self) {
            try await transaction.save([.xml]) { bytes in
              for try await _ in bytes { throw Enough() }
            }
          }
          let text = try await transaction.saveText([.xml], below: "/r:users")
          #expect(text.hasSuffix("</config>"))
        }
        await #expect(throws: Enough.self) {
          try await maapi.withTransaction { transaction in
            try await transaction.load([.xml, .merge]) { stream in
              try await stream.write("<users xmlns=\"urn:swift-nso:example:router\"><user>")
              throw Enough()
            }
          }
        }
        #expect(try await maapi.withTransaction(.running, .read) { try await $0.count(of: "/r:users/user") } == 2002)
      }
    }
  }
}
