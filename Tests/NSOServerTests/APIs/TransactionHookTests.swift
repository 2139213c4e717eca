import Foundation
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// Transaction hooks, and transforms: data that a provider makes of other data of the same transaction.
@Suite struct TransactionHookTests {
  private typealias Model = HookModel

  @Test func `the two ways of calling a transaction hook`() async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let whole: DataCallbacks = [.writeAll, .setElem, .create, .remove]
      let provider = try FakeProvider(
        daemon, "hooks",
        [Model.registration("whole-cp", whole), Model.registration("each-cp", whole.union([.moveAfter]), index: 4)]
      ) { request in
        Model.answer(daemon, request) { maapi in
          guard case .writeAll = request.call else { return }
          let value = try maapi.value(Model.path("whole", .tag("v")), request.handle)
          try maapi.done(.setElem2("seen \(value.plainText)", Model.path("whole", .tag("seen")).wire), request.handle)
          // At a place that another hook watches, which comes later.
          try maapi.done(.setElem2("from the first", Model.path("each", .tag("v")).wire), request.handle)
        }
      }
      func row(_ id: UInt8) -> Keypath { Model.path("each", .tag("row"), .keys([.uint8(id)])) }
      let client = try daemon.session()
      let th = try client.start()
      for id in 1...2 as ClosedRange<UInt8> { try client.done(.create(row(id).wire), th) }
      try client.done(.setElem2("1", Model.path("whole", .tag("v")).wire), th)
      #expect(provider.calls.isEmpty)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), th)
      #expect(
        provider.calls == [
          .writeAll, .setElem(Model.path("each", .tag("v")), .string("from the first")), .create(row(1)), .create(row(2)),
        ])
      let reading = try client.start(.running, .read)
      #expect(try client.value(Model.path("whole", .tag("seen")), reading) == .string("seen 1"))
      try client.done(.stopTransaction, th)
      let count = provider.calls.count
      try client.commit { try client.done(.moveOrdered(row(2).wire, .first), $0) }
      try client.commit { try client.done(.delete(row(2).wire), $0) }
      #expect(provider.calls.dropFirst(count) == [.moveAfter(row(2), []), .remove(row(2))])
    }
  }

  @Test func `a hook that is called once a transaction needs write_all`() async throws {
    try await TestDaemon.run(added: Model.added) { daemon in
      let provider = try FakeProvider(daemon, "hooks", [Model.registration("whole-cp")]) { _ in .result(.ok) }
      let client = try daemon.session()
      let text = errorText {
        try client.commit { try client.done(.setElem2("1", Model.path("whole", .tag("v")).wire), $0) }
      }
      #expect(text.contains("write_all") && text.contains("whole-cp"), "\(text)")
      withExtendedLifetime(provider) {}
    }
  }

  // MARK: Transforms

  private static let title = HookModel.path("front", .tag("title"))
  private static let heading = HookModel.path("back", .tag("heading"))

  private static func name(_ id: UInt8, _ elements: Keypath.Element...) -> Keypath {
    Keypath(HookModel.path("front", .tag("name"), .keys([.uint8(id)])).elements + elements)
  }

  /// The same place in the data that the transform is made of.
  private static func back(_ path: Keypath) -> Keypath {
    var elements = path.elements
    elements[0] = .tag(Tag("back", in: "urn:watched"))
    for (index, element) in elements.enumerated() {
      if element == .tag("title") { elements[index] = .tag("heading") }
      if element == .tag("name") { elements[index] = .tag("entry") }
    }
    return Keypath(elements)
  }

  private static func transform(_ daemon: TestDaemon, _ refused: LockedBox<String?> = LockedBox(nil)) throws -> FakeProvider {
    let mask = ServedTable.all
    return try FakeProvider(
      daemon, "transform", [Model.registration("front-cp", mask)]
    ) { request in
      guard let maapi = try? Model.attached(daemon, request.handle) else {
        return .failure(.reason(.init(.application, "attach")))
      }
      let handle = request.handle
      do {
        switch request.call {
        case .getElem(let path):
          let value = try? maapi.value(back(path), handle)
          guard case .string(let text)? = value else { return .result(.value(value ?? .notFound)) }
          return .result(.value(.string(text.uppercased())))
        case .existsOptional(let path):
          return .result(.existence(.bool(try maapi.integer(.exists(back(path).wire), handle) == 1)))
        case .getNext(let next):
          let number = UInt8(truncatingIfNeeded: next.previous?.number ?? 0)
          let found = try (number..<10).first {
            try maapi.integer(.exists(back(name($0)).wire), handle) == 1
          }
          guard let found else { return .result(.nextKey(nil)) }
          let marker = TraversalMarker(traversal: 1, number: Int64(found) + 1)
          return .result(.nextKey(NextKey([.uint8(found)], Continuation(.marker(marker)))))
        case .setElem(let path, let value):
          if let text = refused.with({ $0 }) { throw NSOError(.external, text) }
          try maapi.done(.setElem2(value.plainText.lowercased(), back(path).wire), handle)
        case .create(let path): try maapi.done(.create(back(path).wire), handle)
        case .remove(let path): try maapi.done(.delete(back(path).wire), handle)
        default: return .failure(.reason(.init(.internal, "no callback installed")))
        }
        return .result(.ok)
      } catch {
        return .failure(.reason(.init(.application, (error as? NSOError)?.message ?? "\(error)")))
      }
    }
  }

  @Test func `a transform is read and written in one transaction`() async throws {
    try await TestDaemon.run(added: Model.addedWithTransform) { daemon in
      let refused = LockedBox<String?>(nil)
      let provider = try Self.transform(daemon, refused)
      let client = try daemon.session()
      let th = try client.start()
      // What it is made of, and back.
      try client.done(.setElem2("one", Self.heading.wire), th)
      #expect(try client.value(Self.title, th) == .string("ONE"))
      try client.done(.setElem2("two", Self.heading.wire), th)
      #expect(try client.value(Self.title, th) == .string("TWO"))
      try client.done(.setElem2("THREE", Self.title.wire), th)
      #expect(try client.value(Self.heading, th) == .string("three"))
      #expect(try client.value(Self.title, th) == .string("THREE"))
      // Several at once.
      let pairs = [
        TaggedValue("name", .start), TaggedValue("id", .uint8(4)), TaggedValue("text", .string("FOUR")),
        TaggedValue("name", .stop),
        TaggedValue("name", .start), TaggedValue("id", .uint8(2)), TaggedValue("text", .string("TWO")),
        TaggedValue("name", .stop),
      ]
      try client.done(.setValues(pairs, Model.path("front").wire), th)
      #expect(try client.value(Self.back(Self.name(4, .tag("text"))), th) == .string("four"))
      #expect(try client.integer(.numInstances(Model.path("front", .tag("name")).wire), th) == 2)
      try client.done(.delete(Self.name(4).wire), th)
      #expect(try client.integer(.exists(Self.back(Self.name(4)).wire), th) == 0)
      #expect(errorCode { try client.done(.delete(Self.name(4).wire), th) } == .noExists)
      #expect(errorCode { try client.done(.setElem2("x", Self.name(4, .tag("text")).wire), th) } == .noExists)
      refused.with { $0 = "no" }
      #expect(errorText { try client.done(.setElem2("FOUR", Self.title.wire), th) } == "no")
      #expect(try client.value(Self.title, th) == .string("THREE"))
      refused.with { $0 = nil }
      // Others see nothing of it until it is committed.
      let reading = try client.start(.running, .read)
      #expect(errorCode { _ = try client.value(Self.title, reading) } == .noExists)
      try client.done(.applyTransaction(keepOpen: false, flags: 0), th)
      try client.done(.stopTransaction, th)
      let now = try client.start(.running, .read)
      #expect(try client.value(Self.title, now) == .string("THREE"))
      #expect(try client.value(Self.name(2, .tag("text")), now) == .string("TWO"))
      // It has no part in the commit.
      #expect(provider.phases.allSatisfy { $0 == .close })
      #expect(daemon.engine.unconfirmedProviders.isEmpty)
      // All data goes, and with it what is made of it; nobody is asked to delete that.
      let removals = provider.calls.count { $0.number == 106 }
      try client.commit { try client.done(.deleteAll(.safe), $0) }
      #expect(errorCode { _ = try client.value(Self.title, try client.start(.running, .read)) } == .noExists)
      #expect(provider.calls.count { $0.number == 106 } == removals)
    }
  }

  @Test func `what was written through a transform goes with the transaction`() async throws {
    try await TestDaemon.run(added: Model.addedWithTransform) { daemon in
      let provider = try Self.transform(daemon)
      let client = try daemon.session()
      let th = try client.start()
      try client.done(.setElem2("ONE", Self.title.wire), th)
      try client.done(.revert, th)
      #expect(errorCode { _ = try client.value(Self.title, th) } == .noExists)
      try client.done(.setElem2("TWO", Self.title.wire), th)
      try client.done(.validateTransaction(unlock: false, force: false), th)
      try client.done(.prepareTransaction(flags: 0), th)
      try client.done(.abortTransaction, th)
      try client.done(.stopTransaction, th)
      let reading = try client.start(.running, .read)
      #expect(errorCode { _ = try client.value(Self.title, reading) } == .noExists)
      #expect(errorCode { _ = try client.value(Self.heading, reading) } == .noExists)
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `a transform over a transaction in a transaction sees that one's data`() async throws {
    try await TestDaemon.run(added: Model.addedWithTransform) { daemon in
      let provider = try Self.transform(daemon)
      let client = try daemon.session()
      let outer = try client.start()
      try client.done(.setElem2("ONE", Self.title.wire), outer)
      let inner = Int32(
        truncatingIfNeeded: try client.integer(
          .startNestedTransaction(
            StartNestedTransaction(.readWrite, backend: TransactionHandle(outer), session: 0, flags: nil))))
      #expect(try client.value(Self.title, inner) == .string("ONE"))
      try client.done(.setElem2("two", Self.heading.wire), inner)
      #expect(try client.value(Self.title, inner) == .string("TWO"))
      #expect(try client.value(Self.title, outer) == .string("ONE"))
      try client.done(.setElem2("THREE", Self.title.wire), inner)
      #expect(try client.value(Self.title, inner) == .string("THREE"))
      try client.done(.applyTransaction(keepOpen: false, flags: 0), inner)
      #expect(try client.value(Self.heading, outer) == .string("three"))
      #expect(try client.value(Self.title, outer) == .string("THREE"))
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `a transform that writes to itself is refused`() async throws {
    try await TestDaemon.run(added: Model.addedWithTransform) { daemon in
      let provider = try FakeProvider(
        daemon, "circle", [Model.registration("front-cp", ServedTable.all)]
      ) { request in
        switch request.call {
        case .setElem(let path, let value):
          Model.answer(daemon, request) { try $0.done(.setElem2(value.plainText + "+", path.wire), request.handle) }
        case .getElem: .result(.value(.notFound))
        default: .result(.existence(.bool(false)))
        }
      }
      let client = try daemon.session()
      let th = try client.start()
      let text = errorText { try client.done(.setElem2("x", Self.title.wire), th) }
      #expect(text.contains("circles are not followed"), "\(text)")
      #expect(provider.calls.count { $0.number == 104 } < 10)
      try client.done(.setElem2("y", Self.heading.wire), th)
    }
  }
}
