import ExternalTerm
import NIOCore
import NSOEngine
import NSOModel
import NSOTerms
import NSOWire
import Testing

@testable import NSOServer

/// Attributes of configuration that a provider stores.
@Suite struct ProviderAttributeTests {
  private static let note = Keypath(ShelfModel.desk.elements + [.tag("note")])
  private static let paper = Keypath(ShelfModel.papers.elements + [.keys([.uint8(1)])])
  private static let mask = ServedTable.all.union([.getAttributes, .setAttribute])

  private static func provider(
    _ daemon: TestDaemon, _ table: ServedTable, _ attributes: LockedBox<[String: [Attribute]]>,
    _ mask: DataCallbacks = ProviderAttributeTests.mask
  ) throws -> FakeProvider {
    try FakeProvider(daemon, "desk", [ProviderListTests.registration(mask, "desk-cp")]) { request in
      switch request.call {
      case .getAttributes(let path, _): return .result(.attributes(attributes.with { $0[ServedTable.text(path)] ?? [] }))
      case .setAttribute(let path, let number, let value):
        let text = ServedTable.text(path)
        attributes.with { attributes in
          attributes[text, default: []].removeAll { $0.number == number }
          if let value { attributes[text, default: []].append(Attribute(number, value)) }
        }
        return .result(.ok)
      default: return table.answer(request) { .uint8(UInt8($0) ?? 0) }
      }
    }
  }

  @Test func `attributes are read from the provider, and stored with it at commit`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let table = ServedTable(["/desk/note": .string("n"), "/desk/paper{1}": .empty])
      let attributes = LockedBox<[String: [Attribute]]>([
        "/desk/note": [Attribute(.tags, AttributeTests.tags), Attribute(.annotation, .string("old"))]
      ])
      let provider = try Self.provider(daemon, table, attributes)
      let client = try daemon.session()
      let read = try client.start(.running, .read)
      #expect(
        try AttributeTests.attributes(client, Self.note, read)
          == [Attribute(.tags, AttributeTests.tags), Attribute(.annotation, .string("old"))])
      #expect(try AttributeTests.attributes(client, Self.paper, read).isEmpty)
      try client.done(.stopTransaction, read)
      let handle = try client.start()
      try client.done(.setAttr(.annotation, .string("new"), Self.note.wire), handle)
      try client.done(.setAttr(.tags, nil, Self.note.wire), handle)
      try client.done(.setAttr(.inactive, .bool(true), Self.paper.wire), handle)
      #expect(try AttributeTests.attributes(client, Self.note, handle) == [Attribute(.annotation, .string("new"))])
      try client.done(.applyTransaction(keepOpen: false, flags: 0), handle)
      try client.done(.stopTransaction, handle)
      #expect(
        attributes.with { $0 }
          == ["/desk/note": [Attribute(.annotation, .string("new"))], "/desk/paper{1}": [Attribute(.inactive, .bool(true))]])
      let after = try client.start(.running, .read)
      #expect(try AttributeTests.attributes(client, Self.paper, after, [.inactive]) == [Attribute(.inactive, .bool(true))])
      let save = try client.integer(.saveConfig([.xml], ShelfModel.desk.wire), after)
      let stream = try daemon.connect(.stream)
      var opening = ByteBuffer()
      StreamOpening(id: Int32(save)).write(into: &opening)
      stream.sendFrame(opening)
      let document = String(decoding: stream.raw.receive(100_000), as: UTF8.self)
      try client.done(.saveConfigResult(stream: Int32(save)))
      #expect(document.contains("annotation=\"new\"") && document.contains("inactive=\"inactive\""), "\(document)")
      withExtendedLifetime(provider) {}
    }
  }

  @Test func `without the callbacks there are none, and wrong ones are errors`() async throws {
    try await TestDaemon.run(added: ShelfModel.added) { daemon in
      let table = ServedTable(["/desk/note": .string("n")])
      let attributes = LockedBox<[String: [Attribute]]>(["/desk/note": [Attribute(.annotation, .bool(true))]])
      let client = try daemon.session()
      let plain = try Self.provider(daemon, table, attributes, ServedTable.all)
      let first = try client.start()
      #expect(try AttributeTests.attributes(client, Self.note, first).isEmpty)
      let text = errorText { try client.done(.setAttr(.annotation, .string("a"), Self.note.wire), first) }
      #expect(text.contains("get_attrs and set_attr"), "\(text)")
      try client.done(.stopTransaction, first)
      plain.die()
      try daemon.until { daemon.engine.providers.instances.isEmpty }
      let wrong = try Self.provider(daemon, table, attributes)
      let second = try client.start(.running, .read)
      let error = errorText { _ = try AttributeTests.attributes(client, Self.note, second) }
      for part in ["desk", "desk-cp", "annotation"] { #expect(error.contains(part), "\(error)") }
      withExtendedLifetime(wrong) {}
    }
  }
}
