import ExternalTerm
import Foundation
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// Set hooks: called when something is written, before the write is answered.
@Suite struct SetHookTests {
  private typealias Model = HookModel
  private static let a = HookModel.path("watched", .tag("a"))
  private static let b = HookModel.path("watched", .tag("b"))
  private static let x = HookModel.path("first", .tag("x"))
  private static let y = HookModel.path("second", .tag("y"))
  private static let d = HookModel.path("other", .tag("d"))

  private static func item(_ id: UInt8, _ elements: Keypath.Element...) -> Keypath {
    Keypath(HookModel.path("watched", .tag("item"), .keys([.uint8(id)])).elements + elements)
  }

  @Test func `a set hook is called at each write, may add to it, and refuse it`() async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let isRefusing = LockedBox(false)
      let provider = try FakeProvider(daemon, "watch", [Model.registration("watch-cp")]) { request in
        Model.answer(daemon, request) { maapi in
          guard case .setElem(_, let value) = request.call, value == .string("copy") || value == .string("bad") else { return }
          // What it is called about can be read.
          #expect(try maapi.value(Self.a, request.handle) == value)
          try maapi.done(.setElem2("copied \(value.plainText)", Self.b.wire), request.handle)
          try maapi.done(.setElem2("\(value.plainText)", Self.d.wire), request.handle)
          if isRefusing.with({ $0 }) { throw NSOError(.external, "not like this") }
        }
      }
      let client = try daemon.session()
      let th = try client.start()
      try client.done(.setElem2("copy", Self.a.wire), th)
      #expect(provider.calls == [.setElem(Self.a, .string("copy"))], "what the hook wrote calls no hook")
      #expect(try client.value(Self.b, th) == .string("copied copy"))
      #expect(try client.value(Self.d, th) == .string("copy"))
      try client.done(.create(Self.item(1).wire), th)
      try client.done(.setElem(EncodedTerm(.string("x")), Self.item(1, .tag("c")).wire), th)
      // The same again is no change, and nobody's concern.
      try client.done(.setElem(EncodedTerm(.string("x")), Self.item(1, .tag("c")).wire), th)
      try client.done(.delete(Self.item(1).wire), th)
      try client.done(.setElem2("quiet", Self.d.wire), th)
      #expect(
        provider.calls.dropFirst() == [
          .create(Self.item(1)), .setElem(Self.item(1, .tag("c")), .string("x")), .remove(Self.item(1)),
        ])
      // A refusal takes the write back, and what the hook wrote for it.
      isRefusing.with { $0 = true }
      #expect(errorText { try client.done(.setElem2("bad", Self.a.wire), th) } == "not like this")
      #expect(try client.value(Self.a, th) == .string("copy"))
      #expect(try client.value(Self.b, th) == .string("copied copy"))
      #expect(try client.value(Self.d, th) == .string("quiet"))
      isRefusing.with { $0 = false }
      let before = provider.calls.count
      try client.done(.validateTransaction(unlock: true, force: false), th)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), th)
      #expect(provider.calls.count == before, "validation and commit call set hooks no more")
      #expect(try client.value(Self.b, try client.start(.running, .read)) == .string("copied copy"))
    }
  }

  @Test func `what a hook watches`() async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let points = ["object-cp", "node-cp", "in-cp"]
      let provider = try FakeProvider(
        daemon, "kinds", points.enumerated().map { Model.registration($1, index: Int32($0 + 3)) }
      ) { _ in .result(.ok) }
      let client = try daemon.session()
      let th = try client.start()
      let thing = Model.path("kinds", .tag("thing"), .keys([.uint8(1)]))
      func below(_ path: Keypath, _ elements: Keypath.Element...) -> Keypath { Keypath(path.elements + elements) }
      let inner = below(thing, .tag("inner"), .keys([.uint8(2)]))
      let point = Model.path("kinds", .tag("point"))
      try client.done(.create(thing.wire), th)
      try client.done(.setElem2("v", below(thing, .tag("v")).wire), th)
      try client.done(.create(inner.wire), th)
      try client.done(.setElem2("w", below(inner, .tag("w")).wire), th)
      try client.done(.create(point.wire), th)
      try client.done(.setElem2("z", below(point, .tag("z")).wire), th)
      #expect(provider.calls == [.create(thing), .setElem(below(thing, .tag("v")), .string("v")), .create(point)])
      // What goes together with what it was in is told as far as it was watched.
      let member = Model.path("group", .tag("member"), .keys([.uint8(1)]))
      try client.done(.create(member.wire), th)
      for name in ["e", "f"] { try client.done(.setElem2(name, below(member, .tag("in"), .tag(Tag(name))).wire), th) }
      let count = provider.calls.count
      try client.done(.delete(member.wire), th)
      #expect(
        provider.calls.dropFirst(count) == [
          .remove(below(member, .tag("in"), .tag("e"))), .remove(below(member, .tag("in"), .tag("f"))),
        ])
    }
  }

  @Test func `what goes with its case of a choice is told`() async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let mask: DataCallbacks = [.setElem, .remove, .setCase]
      let provider = try FakeProvider(daemon, "cases", [Model.registration("plain-cp", mask)]) { _ in .result(.ok) }
      let plain = Model.path("other", .tag("plain"))
      let client = try daemon.session()
      let th = try client.start()
      try client.done(.setElem2("p", plain.wire), th)
      try client.done(.setElem2("o", Model.path("other", .tag("odd")).wire), th)
      let chosen = CallbackCall.setCase(Model.path("other"), choice: ["way"], case: "plain")
      #expect(provider.calls == [chosen, .setElem(plain, .string("p")), .remove(plain)])
    }
  }

  @Test func `entries of a list ordered by user, and attributes`() async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let provider = try FakeProvider(daemon, "watch", [Model.registration("watch-cp")]) { _ in .result(.ok) }
      func row(_ id: UInt8) -> Keypath { Model.path("watched", .tag("row"), .keys([.uint8(id)])) }
      let client = try daemon.session()
      let th = try client.start()
      for id in 1...3 as ClosedRange<UInt8> { try client.done(.create(row(id).wire), th) }
      #expect(provider.calls == [.create(row(1)), .create(row(2)), .create(row(3))], "at the end, where a new entry is")
      try client.done(.moveOrdered(row(3).wire, .first), th)
      try client.done(.moveOrdered(row(1).wire, .after([.uint8(2)])), th)
      #expect(provider.calls.dropFirst(3) == [.moveAfter(row(3), []), .moveAfter(row(1), [.uint8(2)])])
      try client.done(.setAttr(.annotation, .string("why"), row(2).wire), th)
      #expect(provider.calls.last == .setAttribute(row(2), .annotation, .string("why")))
    }
  }

  @Test func `hooks that trigger each other, or themselves, are asked once for a write`() async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let provider = try FakeProvider(
        daemon, "pair", [Model.registration("first-cp"), Model.registration("second-cp", index: 4)]
      ) { request in
        Model.answer(daemon, request) { maapi in
          guard case .setElem(let path, let value) = request.call else { return }
          let longer = value.plainText + "+"
          try maapi.done(.setElem2(longer, path.wire), request.handle)
          try maapi.done(.setElem2(longer, (path == Self.x ? Self.y : Self.x).wire), request.handle)
        }
      }
      let client = try daemon.session()
      let th = try client.start()
      try client.done(.setElem2("o", Self.y.wire), th)
      #expect(provider.calls == [.setElem(Self.y, .string("o")), .setElem(Self.x, .string("o+"))])
      #expect(try client.value(Self.x, th) == .string("o++") && client.value(Self.y, th) == .string("o++"))
      // The next write asks them again.
      try client.done(.setElem2("p", Self.x.wire), th)
      #expect(provider.calls.count == 4)
    }
  }

  @Test func `while a hook is asked others are refused, and the transaction can be read`() async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let asked = DispatchSemaphore(value: 0)
      let goOn = DispatchSemaphore(value: 0)
      let provider = try FakeProvider(daemon, "watch", [Model.registration("watch-cp")]) { request in
        asked.signal()
        goOn.wait()
        return Model.answer(daemon, request) { maapi in
          // Many at once, as well.
          try maapi.done(.setValues([TaggedValue("b", .string("many"))], Model.path("watched").wire), request.handle)
        }
      }
      let owner = try daemon.session()
      let th = try owner.start()
      let writer = try Model.attached(daemon, th)
      writer.send(.setElem2("now", Self.a.wire), th)
      try #require(asked.wait(timeout: .now() + 120) == .success)
      // The owner, while somebody who attached to its transaction waits for the hook.
      #expect(try owner.value(Self.a, th) == .string("now"))
      let nested = StartNestedTransaction(.readWrite, backend: TransactionHandle(th), session: 0, flags: nil)
      let attempts: [(String, () throws -> Void)] = [
        ("write", { try owner.done(.setElem2("no", Self.d.wire), th) }),
        ("watched", { try owner.done(.setElem2("no", Self.b.wire), th) }),
        ("apply", { try owner.done(.applyTransaction(keepOpen: true, flags: 0), th) }),
        ("revert", { try owner.done(.revert, th) }),
        ("load", { _ = try owner.call(.loadConfig(.xml), th) }),
        ("nested", { _ = try owner.call(.startNestedTransaction(nested)) }),
      ]
      for (name, attempt) in attempts {
        #expect(errorCode(attempt) == .inUse, "\(name)")
        #expect(errorText(attempt).contains("set hook watch-cp of data provider watch"), "\(name): \(errorText(attempt))")
      }
      goOn.signal()
      #expect(try writer.reply(MAAPIRequest.setElem2("", Self.a.wire).op, .done) == .done)
      #expect(try owner.value(Self.b, th) == .string("many"))
      try owner.done(.applyTransaction(keepOpen: false, flags: 0), th)
      #expect(provider.calls.count == 1)
    }
  }

  @Test(arguments: [true, false])
  func `a hook that dies or does not answer is missed, and the write taken back`(_ dies: Bool) async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      daemon.engine.providers.limits.query = .seconds(dies ? 60 : 3)
      let provider = try FakeProvider(daemon, "watch", [Model.registration("watch-cp")]) { request in
        // What comes too late would be the write of anybody who has attached.
        guard dies else { return .silence }
        _ = Model.answer(daemon, request) { try $0.done(.setElem2("half", Self.b.wire), request.handle) }
        return .die
      }
      let client = try daemon.session()
      let th = try client.start()
      try client.done(.setElem2("before", Self.d.wire), th)
      let text = errorText { try client.done(.setElem2("copy", Self.a.wire), th) }
      #expect(text.contains(dies ? "external error" : "external timeout") && text.contains("data provider watch"), "\(text)")
      for path in [Self.a, Self.b] { #expect(errorCode { _ = try client.value(path, th) } == .noExists) }
      let unserved = errorText { try client.done(.setElem2("copy", Self.a.wire), th) }
      #expect(unserved.contains("watch-cp"), "\(unserved)")
      try client.done(.applyTransaction(keepOpen: false, flags: 0), th)
      #expect(try client.value(Self.d, try client.start(.running, .read)) == .string("before"))
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `a client that goes while its hook is asked`() async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let asked = DispatchSemaphore(value: 0)
      let goOn = DispatchSemaphore(value: 0)
      let late = LockedBox<[ErrorCode?]>([])
      let provider = try FakeProvider(daemon, "watch", [Model.registration("watch-cp")], workers: 2) { request in
        guard let maapi = try? Model.attached(daemon, request.handle) else { return .silence }
        asked.signal()
        goOn.wait()
        let code = errorCode { try maapi.done(.setElem2("late", Self.b.wire), request.handle) }
        late.with { $0.append(code) }
        return .result(.ok)
      }
      // The owner: everything ends at once.
      do {
        let client = try daemon.session()
        let th = try client.start()
        client.send(.setElem2("x", Self.a.wire), th)
        try #require(asked.wait(timeout: .now() + 120) == .success)
        #expect(daemon.engine.transactions.count == 1)
      }
      try daemon.until { daemon.engine.transactions.isEmpty }
      goOn.signal()
      try daemon.until { late.with { $0.count } == 1 }
      #expect(late.with { $0.last } == .noTransaction)
      // Somebody who attached: the write is taken back at once, the transaction is the owner's.
      let owner = try daemon.session()
      let th = try owner.start()
      do {
        let writer = try Model.attached(daemon, th)
        writer.send(.setElem2("x", Self.a.wire), th)
        try #require(asked.wait(timeout: .now() + 120) == .success)
        #expect(try owner.value(Self.a, th) == .string("x"))
      }
      try daemon.until { errorCode { _ = try owner.value(Self.a, th) } == .noExists }
      #expect(errorCode { try owner.done(.setElem2("x", Self.d.wire), th) } == .inUse)
      goOn.signal()
      try daemon.until { late.with { $0.count } == 2 }
      #expect(late.with { $0.last } == .aborted)
      try daemon.until { errorCode { try owner.done(.setElem2("x", Self.d.wire), th) } == nil }
      try owner.done(.applyTransaction(keepOpen: false, flags: 0), th)
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `many writes at once are told at their end`() async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let provider = try FakeProvider(daemon, "watch", [Model.registration("watch-cp")]) { request in
        if case .setElem(_, .string("bad")) = request.call {
          return .failure(.reason(.init(.inconsistentValue, "not this one")))
        }
        return .result(.ok)
      }
      let client = try daemon.session()
      let th = try client.start()
      func load(_ text: String) throws {
        let flags = ConfigFlags.xml
        try client.done(.loadConfigCmds(flags, text: text, WireKeypath(Keypath())), th)
      }
      func document(_ a: String) -> String {
        "<watched xmlns=\"urn:watched\"><a>\(a)</a><item><id>4</id><c>four</c></item></watched>"
      }
      #expect(errorText { try load(document("bad")) } == "not this one")
      #expect(errorCode { _ = try client.value(Self.a, th) } == .noExists)
      #expect(try client.integer(.exists(Self.item(4).wire), th) == 0)
      let count = provider.calls.count
      try load(document("good"))
      #expect(
        Set(provider.calls.dropFirst(count)) == [
          .setElem(Self.a, .string("good")), .create(Self.item(4)), .setElem(Self.item(4, .tag("c")), .string("four")),
        ])
      // A copy to another transaction.
      let target = try client.start()
      let before = provider.calls.count
      try client.done(.copy(to: TransactionHandle(target)), th)
      #expect(provider.calls.count == before + 3)
      #expect(try client.value(Self.a, target) == .string("good"))
      // All of it goes.
      try client.done(.deleteAll(.safe), target)
      #expect(provider.calls.dropFirst(before + 3) == [.remove(Self.a), .remove(Self.item(4))])
    }
  }

  @Test(arguments: [true, false])
  func `transactions in a transaction`(_ runsSetHooks: Bool) async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let handles = LockedBox<[Int32]>([])
      let provider = try FakeProvider(daemon, "watch", [Model.registration("watch-cp")]) { request in
        handles.with { $0.append(request.handle) }
        return Model.answer(daemon, request) { try $0.done(.setElem2("added", Self.b.wire), request.handle) }
      }
      let client = try daemon.session()
      let outer = try client.start()
      let inner = Int32(
        truncatingIfNeeded: try client.integer(
          .startNestedTransaction(
            StartNestedTransaction(
              .readWrite, backend: TransactionHandle(outer), session: 0, flags: runsSetHooks ? .runSetHooks : nil))))
      try client.done(.setElem2("x", Self.a.wire), inner)
      #expect(handles.with { $0 } == (runsSetHooks ? [inner] : []))
      if runsSetHooks { #expect(try client.value(Self.b, inner) == .string("added")) }
      try client.done(.applyTransaction(keepOpen: false, flags: 0), inner)
      #expect(handles.with { $0 } == (runsSetHooks ? [inner] : [outer]))
      #expect(try client.value(Self.b, outer) == .string("added"))
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `writes to the candidate call set hooks, its commit does not`() async throws {
    try await TestDaemon.run(added: Model.added, engine: { $0.datastores.candidate = true }) { daemon in
      let provider = try FakeProvider(daemon, "watch", [Model.registration("watch-cp")]) { request in
        Model.answer(daemon, request) { try $0.done(.setElem2("added", Self.b.wire), request.handle) }
      }
      let client = try daemon.session()
      try client.commit(.candidate) { try client.done(.setElem2("x", Self.a.wire), $0) }
      #expect(provider.calls.count == 1)
      try client.done(.candidateCommit(.init()))
      #expect(provider.calls.count == 1)
      #expect(try client.value(Self.b, try client.start(.running, .read)) == .string("added"))
    }
  }
}
